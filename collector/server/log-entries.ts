import { linesWithTime } from '../../src/log-line.ts';
import { ownTurn } from '../async.ts';
import { isoTime } from '../../src/task-record.ts';
import type { LogEntryJson } from '../../src/task-stream.ts';
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

/** A form that needs entries. */
export type EntryForm = Exclude<LogForm, 'text'>;

/** Some entries as they are written, and the byte of the log at which they end. */
interface EntryPiece {
  readonly bytes: Uint8Array;
  readonly end: number;
}

/**
 * Writes the entries of the log of the version that was read, from byte `from` on, in pieces.
 *
 * `undefined` if the task has been deleted since. Rejects where the store fails before the first piece; a later failure
 * is reported, and the body breaks off.
 */
export async function writtenEntries(store: TaskStore, task: StoredTask, from: number, form: EntryForm): Promise<ReadableStream<Uint8Array> | undefined> {
  const first = await entryPiece(store, task, from, form);
  return first.end === from && from < task.logBytes ? undefined : ReadableStream.from(pieces(store, task, first, form));
}

async function* pieces(store: TaskStore, task: StoredTask, first: EntryPiece, form: EntryForm): AsyncGenerator<Uint8Array, void> {
  try {
    let piece = first;
    for (;;) {
      yield piece.bytes;
      const from = piece.end;
      if (from >= task.logBytes) return;
      await ownTurn();
      piece = await entryPiece(store, task, from, form);
      if (piece.end === from) throw new Error(`the log ends before its ${task.logBytes} bytes`);
    }
  } catch (error) {
    reportStoreFailure(error);
    throw new Error('the log could not be read to its end', { cause: error });
  }
}

/** Writes the entries of a piece of the log that begin within so many bytes, up to the length of the version that was read. It has none if the task was deleted. */
export async function entryPiece(
  store: TaskStore,
  { uuid, logBytes }: Pick<StoredTask, 'uuid' | 'logBytes'>,
  from: number,
  form: EntryForm,
  limit: number = PIECE_BYTES,
): Promise<EntryPiece> {
  const found = from < logBytes ? await store.logEntries(uuid, { from, limit: Math.min(limit, logBytes - from) }) : undefined;
  const entries = found?.entries ?? [];
  const last = entries.at(-1);
  const end = last === undefined ? from : last.offset + Buffer.byteLength(last.text);
  return { bytes: Buffer.from(entriesText(entries, form, from)), end };
}

/** Entries as they are written, from a byte of the log on. */
export function entriesText(entries: readonly LogEntry[], form: EntryForm, from: number = 0): string {
  return entries.map((entry) => entryText(entry, from, form)).join('');
}

/** An entry as it is written, from a byte of the log on. One that begins before has no object: it was sent before. */
function entryText(entry: LogEntry, from: number, form: EntryForm): string {
  const { offset, time, text } = entry;
  if (form === 'times') return linesWithTime(offset < from ? Buffer.from(text).subarray(from - offset).toString() : text, time);
  return offset < from ? '' : `${entryJson(entry)}\n`;
}

/** An entry as JSON text. */
export function entryJson({ offset, time, spanId, kind, text, attributes = {} }: LogEntry): string {
  return JSON.stringify({ offset, time: isoTime(time), span_id: spanId, kind, text, attributes } satisfies LogEntryJson);
}
