import { linesWithTime } from '../../src/log-line.ts';
import { ownTurn } from '../async.ts';
import { isoTime } from '../record/task-record.ts';
import type { LogEntry, StoredTask, TaskStore } from '../store/task-store.ts';
import { reportStoreFailure } from './answers.ts';

/** How a log is written: `text` as it is, `times` with the time before each line, `ndjson` as one JSON object an entry. */
export type LogForm = 'text' | 'times' | 'ndjson';

export const LOG_TYPES: Readonly<Record<LogForm, string>> = {
  text: 'text/plain; charset=utf-8',
  times: 'text/plain; charset=utf-8',
  ndjson: 'application/x-ndjson',
};

/** How many bytes of a log are read at a time. */
const PIECE_BYTES = 256 * 1024;

/**
 * Reads the entries of the log of the version that was read, from byte `from` on, in pieces, and writes them.
 *
 * `undefined` if the task has been deleted since. Rejects where the store fails before the first piece; a later failure
 * is reported, and the body breaks off.
 */
export async function writtenEntries(
  store: TaskStore,
  task: StoredTask,
  from: number,
  form: Exclude<LogForm, 'text'>,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const first = await store.logEntries(task.uuid, { from, limit: PIECE_BYTES });
  return first && ReadableStream.from(pieces(store, task, first.entries, from, form));
}

async function* pieces(
  store: TaskStore,
  { uuid, logBytes }: StoredTask,
  first: readonly LogEntry[],
  begin: number,
  form: Exclude<LogForm, 'text'>,
): AsyncGenerator<Uint8Array, void> {
  try {
    let from = begin;
    let entries: readonly LogEntry[] | undefined = first;
    while (entries !== undefined && entries.length > 0 && from < logBytes) {
      const known = entries.filter(({ offset }) => offset < logBytes);
      yield Buffer.from(known.map((entry) => entryText(entry, from, form)).join(''));
      const last = entries.at(-1)!;
      from = last.offset + Buffer.byteLength(last.text);
      await ownTurn();
      entries = from < logBytes ? (await store.logEntries(uuid, { from, limit: PIECE_BYTES }))?.entries : undefined;
    }
  } catch (error) {
    reportStoreFailure(error);
    throw new Error('the log could not be read to its end', { cause: error });
  }
}

/** An entry as it is written, from a byte of the log on. One that begins before has no object: it was sent before. */
export function entryText(entry: LogEntry, from: number, form: Exclude<LogForm, 'text'>): string {
  const { offset, time, spanId, kind, text, attributes = {} } = entry;
  if (form === 'times') return linesWithTime(offset < from ? Buffer.from(text).subarray(from - offset).toString() : text, time);
  if (offset < from) return '';
  return `${JSON.stringify({ offset, time: isoTime(time), span_id: spanId, kind, text, attributes })}\n`;
}
