import type { TaskSummary } from '../../record/task-record.ts';
import { PassedOutput } from '../passed-output.ts';
import { harmless, harmlessLines } from '../view/terminal-text.ts';
import type { TailDisplay } from './tail.ts';

/** The log as it comes on standard output; what else is to be said on standard error. */
export function plainDisplay(): TailDisplay {
  let state: TaskSummary['state'] | undefined;
  let isDown = false;
  const output = new PassedOutput(process.stdout);
  const say = (message: string): void => void process.stderr.write(`taskspan: ${message}\n`);
  return {
    async update(event, record, log) {
      if (log !== '') await output.write(harmlessLines(log));
      if (event.event === 'end') return;
      if (record.state !== state && record.state === 'lost') say(`the task is lost: its worker was last heard at ${harmless(record.heard ?? 'no known time')}`);
      else if (state === 'lost') say(`the task is ${record.state} again`);
      else if (state === undefined && record.state === 'queued') say('the task is queued');
      state = record.state;
    },
    trouble(error) {
      if (!isDown) say(`${error.message}; trying again`);
      isDown = true;
    },
    connected() {
      if (isDown) say('connected again');
      isDown = false;
    },
    end: () => Promise.resolve(),
  };
}
