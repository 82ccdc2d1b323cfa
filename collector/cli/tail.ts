import { setTimeout as delayed } from 'node:timers/promises';
import type { TaskState } from '../../src/task-record.ts';
import type { LogGain } from '../../src/task-stream.ts';
import { exitCodeOf, GaveUpError, UnavailableError } from './exit-codes.ts';
import { withTask } from './open-source.ts';
import type { SourceName, TaskArgument } from './options.ts';
import { listenForStop } from './process.ts';
import type { TaskEvent, TaskSource } from './source.ts';
import { jsonDisplay, plainDisplay } from './view/tail-display.ts';
import type { ShownTask, TailDisplay } from './view/tail-display.ts';
import { humanDuration } from './view/terminal-text.ts';

/** Options of `taskspan tail`. */
export interface TailCommandOptions {
  readonly lines?: number;
  readonly plain?: boolean;
  readonly json?: boolean;
  /** For how many milliseconds an unreachable server is tried. */
  readonly timeout: number;
}

/** Follows a task until it has ended, and resolves to the exit code for its outcome. */
export async function tailTask(name: SourceName, task: TaskArgument, options: TailCommandOptions): Promise<number> {
  const stop = listenForStop();
  try {
    const outcome = await withTask(name, task, async (source, uuid) => {
      const display = await displayFor(options);
      return tail(source, uuid, display, { signal: stop.signal, lines: options.lines, timeoutMs: options.timeout });
    });
    return outcome === undefined ? stop.exitCode : exitCodeOf(outcome);
  } finally {
    stop.release();
  }
}

async function displayFor({ plain, json }: TailCommandOptions): Promise<TailDisplay> {
  if (json === true) return jsonDisplay();
  if (plain === true || !isLively(process.stdout, process.env)) return plainDisplay();
  return (await import('./view/live-view.ts')).liveDisplay(process.stdout);
}

/** Whether lines may be drawn again and in colours. */
function isLively(output: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  return output.isTTY && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

interface TailOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** How many of the last lines so far to begin with. Default: all that the record has. */
  readonly lines?: number | undefined;
}

/** Shows a task until it has ended, and resolves to its state then; to `undefined` where the signal came first. */
async function tail(
  source: TaskSource,
  uuid: string,
  display: TailDisplay,
  { signal, lines, timeoutMs }: TailOptions,
): Promise<TaskState | undefined> {
  const log = new LogPosition(lines);
  const { log: hasLog, scopes } = display.shows;
  let record: ShownTask | undefined;
  let outcome: TaskState | undefined;
  try {
    const onOutage = (error: UnavailableError): void => display.outage(error);
    for await (const event of followTask(source, uuid, { scopes, signal, timeoutMs, onOutage })) {
      if (event.event === 'open') display.connected();
      else if (event.event === 'record') {
        const { log: text = '', ...fields } = event.data;
        record = fields;
        const from = log.readFrom(text, fields.log_offset);
        const earlier = hasLog && from < fields.log_offset ? await source.logPart(uuid, from, fields.log_offset) : '';
        await display.update(event, record, log.begin(earlier + text, fields.log_offset - Buffer.byteLength(earlier)));
      } else if (event.event === 'change') {
        const { log: gain, scopes: _, ...fields } = event.data;
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

interface FollowOptions {
  readonly scopes: boolean;
  readonly signal: AbortSignal;
  /** For how long a source that is unreachable is tried. */
  readonly timeoutMs: number;
  /** Called each time that the connection breaks off or can't be made again. */
  readonly onOutage: (error: UnavailableError) => void;
}

const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2000;

/**
 * The events of a task until it has ended or the signal is aborted. A connection that breaks off is made again, and the
 * events go on where they were. The first connection must succeed; throws a `GaveUpError` where no other did for too long.
 */
async function* followTask(
  source: TaskSource,
  uuid: string,
  { scopes, signal, timeoutMs, onOutage }: FollowOptions,
): AsyncGenerator<TaskEvent, void> {
  let after: string | undefined;
  let outageBegan: number | undefined;
  const failed = (error: UnavailableError): void => {
    outageBegan ??= performance.now();
    const { message } = error;
    if (performance.now() - outageBegan >= timeoutMs) throw new GaveUpError(`${message}; tried for ${humanDuration(timeoutMs)}`, { cause: error });
    onOutage(error);
  };
  for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, LONGEST_DELAY_MS)) {
    try {
      for await (const event of source.events(uuid, { scopes, signal, ...(after !== undefined && { after }) })) {
        delay = FIRST_DELAY_MS;
        outageBegan = undefined;
        if ('id' in event && event.id !== '') after = event.id;
        yield event;
        if (event.event === 'end') return;
      }
      failed(new UnavailableError(`${source.name} has closed the connection`));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof UnavailableError) || error instanceof GaveUpError || after === undefined) throw error;
      failed(error);
    }
    try {
      await delayed(delay, undefined, { signal });
    } catch {
      // The signal has been aborted.
      return;
    }
  }
}

/** How much of a log is shown that was there before, in bytes. */
const MOST_EARLIER_BYTES = 1024 * 1024;

/** Counts the bytes of a log that were shown, so that nothing of it is shown twice. */
export class LogPosition {
  readonly #lines: number | undefined;
  #shown: number | undefined;

  /** @param lines How many of the last lines so far to begin with. Default: all. */
  constructor(lines?: number) {
    this.#lines = lines;
  }

  /** From which byte on the log is needed, of which a record has the end: the byte at which that begins, or one before it. */
  readFrom(text: string, offset: number): number {
    const end = offset + Buffer.byteLength(text);
    if (this.#shown !== undefined) return this.#shown > end ? offset : Math.min(offset, Math.max(this.#shown, end - MOST_EARLIER_BYTES));
    const hasAll = this.#lines !== undefined && text.split('\n').length > this.#lines;
    return hasAll ? offset : Math.min(offset, Math.max(0, end - MOST_EARLIER_BYTES));
  }

  /** The new text of a log that came as a whole: at first, and where a server could not go on from the last event. */
  begin(text: string, offset: number): string {
    const before = this.#shown;
    const bytes = Buffer.from(text);
    this.#shown = offset + bytes.length;
    if (before === undefined) return this.#lines === undefined ? text : lastLines(text, this.#lines);
    // A log that has become shorter is the log of another store.
    return before >= offset && before <= this.#shown ? bytes.subarray(before - offset).toString() : text;
  }

  /** The new text of a log that has grown. */
  gained({ offset, text }: LogGain): string {
    this.#shown = offset + Buffer.byteLength(text);
    return text;
  }
}

/** The last lines of a text; one without an end of line is a line too. */
export function lastLines(text: string, count: number): string {
  if (count === 0) return '';
  let start = text.length;
  for (let line = 0; line < count && start > 0; line++) start = start === 1 ? 0 : text.lastIndexOf('\n', start - 2) + 1;
  return text.slice(start);
}
