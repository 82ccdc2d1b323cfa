import type { TaskSummary } from '../../record/task-record.ts';
import { PassedOutput } from '../passed-output.ts';
import { harmless, harmlessLines } from '../view/terminal-text.ts';
import type { TailDisplay } from './tail.ts';

/** The log as it comes on standard output; what else is to be said on standard error. */
export function plainDisplay(): TailDisplay {
  let state: TaskSummary['state'] | 'lost for good' | undefined;
  let isDown = false;
  const output = new PassedOutput(process.stdout);
  const say = (message: string): void => void process.stderr.write(`taskspan: ${message}\n`);
  return {
    async update(event, record, log) {
      if (log !== '') await output.write(harmlessLines(log));
      if (event.event === 'end') return;
      const told = record.state === 'lost' && record.finished ? 'lost for good' : record.state;
      if (told === state) return;
      if (record.state === 'lost') say(`the task is ${told}: its worker was last heard at ${harmless(record.heard ?? 'no known time')}`);
      else if (state === 'lost' || state === 'lost for good') say(`the task is ${told} again`);
      else if (state === undefined && told === 'queued') say('the task is queued');
      state = told;
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
