import type { TaskSummary } from '../../../src/task-record.ts';
import type { StreamRecord } from '../../../src/task-stream.ts';
import type { UnavailableError } from '../exit-codes.ts';
import { PassedOutput } from '../process.ts';
import type { TaskEvent } from '../source.ts';
import { harmless, harmlessJson, harmlessLines } from './terminal-text.ts';

/** A task as its stream has it, without its log. */
export type ShownTask = Omit<StreamRecord, 'log'>;

/** Shows a task that is followed. */
export interface TailDisplay {
  /** What it shows besides the record. */
  readonly shows: { readonly log: boolean; readonly scopes: boolean };

  /**
   * @param event The event that came.
   * @param record The task after it.
   * @param log Text that the log gained by it.
   * @returns Resolves when the next event may be read; a display may be slower than the events.
   */
  update(event: TaskEvent, record: ShownTask, log: string): Promise<void> | void;
  /** The connection broke off, or can't be made again yet. */
  outage(error: UnavailableError): void;
  /** The connection is made, for the first time or again. */
  connected(): void;
  /** Nothing more follows. */
  end(): Promise<void>;
}

/** Each event as a line of JSON on standard output: `{ "event", "id", "data" }`. */
export function jsonDisplay(): TailDisplay {
  const output = new PassedOutput(process.stdout);
  return {
    shows: { log: false, scopes: false },
    update: (event) => output.write(`${harmlessJson(event)}\n`),
    outage: (error) => void process.stderr.write(`taskspan: ${harmless(error.message)}; trying again\n`),
    connected: () => undefined,
    end: () => Promise.resolve(),
  };
}

/** The log on standard output, as it comes; other messages on standard error. */
export function plainDisplay(): TailDisplay {
  let state: TaskSummary['state'] | 'lost for good' | undefined;
  let isDown = false;
  const output = new PassedOutput(process.stdout);
  const print = (message: string): void => void process.stderr.write(`taskspan: ${harmless(message)}\n`);
  return {
    shows: { log: true, scopes: false },
    async update(event, record, log) {
      if (log !== '') await output.write(harmlessLines(log));
      if (event.event === 'end') return;
      const now = record.state === 'lost' && record.finished ? 'lost for good' : record.state;
      if (now === state) return;
      if (record.state === 'lost') print(`the task is ${now}: its worker was last heard at ${harmless(record.heard ?? 'no known time')}`);
      else if (state === 'lost' || state === 'lost for good') print(`the task is ${now} again`);
      else if (state === undefined && now === 'queued') print('the task is queued');
      state = now;
    },
    outage(error) {
      if (!isDown) print(`${error.message}; trying again`);
      isDown = true;
    },
    connected() {
      if (isDown) print('connected again');
      isDown = false;
    },
    end: () => Promise.resolve(),
  };
}
