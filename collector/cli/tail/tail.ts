import type { TaskState, TaskSummary } from '../../record/task-record.ts';
import type { UnavailableError } from '../command-error.ts';
import { followTask } from '../source/follow-task.ts';
import type { TaskEvent, TaskSource } from '../source/task-source.ts';
import { LogPosition } from './log-position.ts';

/** Where a task that is followed is shown. */
export interface TailDisplay {
  /**
   * @param event What came.
   * @param record The task after it.
   * @param log Text that the log gained by it.
   * @returns Waited for before more is read, where what was shown has to be taken first.
   */
  update(event: TaskEvent, record: TaskSummary, log: string): Promise<void> | void;
  /** The connection broke off, or can't be had again yet. */
  trouble(error: UnavailableError): void;
  /** The connection stands, for the first time or again. */
  connected(): void;
  /** Nothing more comes. */
  end(): Promise<void>;
}

export interface TailOptions {
  readonly signal: AbortSignal;
  /** How many of the lines that are there already to begin with; all that the record has, if absent. */
  readonly lines?: number | undefined;
}

/** Shows a task until it has ended, and resolves to how it did; `undefined` where the signal came first. */
export async function tail(
  source: TaskSource,
  uuid: string,
  display: TailDisplay,
  { signal, lines }: TailOptions,
): Promise<TaskState | undefined> {
  const log = new LogPosition(lines);
  let record: TaskSummary | undefined;
  let outcome: TaskState | undefined;
  try {
    const onTrouble = (error: UnavailableError): void => display.trouble(error);
    for await (const event of followTask(source, uuid, { signal, onTrouble })) {
      if (event.event === 'open') display.connected();
      else if (event.event === 'record') {
        const { log: text, ...fields } = event.data;
        record = fields;
        await display.update(event, record, log.begin(text, fields.log_offset));
      } else if (event.event === 'change') {
        const { log: gain, ...fields } = event.data;
        // The stream's first event is the whole record.
        record = { ...record!, ...fields };
        await display.update(event, record, gain === undefined ? '' : log.gained(gain));
      } else {
        outcome = event.data.state;
        await display.update(event, record!, '');
      }
    }
  } finally {
    await display.end();
  }
  return outcome;
}
