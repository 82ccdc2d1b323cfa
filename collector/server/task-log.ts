import { ownTurn } from '../async.ts';
import { RECORD_LOG_BYTES } from '../record/record-json.ts';
import type { StoredTask, TaskStore } from '../store/task-store.ts';
import { reportStoreFailure } from './answers.ts';
import { entriesText, entryEnd } from './log-entries.ts';
import type { LogForm } from './log-entries.ts';

/** How many bytes of a log are in memory at a time while all of it is sent. */
export const LOG_PIECE_BYTES: number = 256 * 1024;

/**
 * Reads the end of the log that the record contains, as of the version that was read: a log only grows, so its first
 * `logBytes` bytes never change.
 *
 * `undefined` if the task has been deleted since.
 */
export async function recordLog(
  store: TaskStore,
  task: StoredTask,
): Promise<{ text: string; offset: number } | undefined> {
  if (task.logBytes === 0) return { text: '', offset: 0 };
  if (task.logBytes <= RECORD_LOG_BYTES) {
    const log = await store.log(task.uuid, { from: 0, limit: task.logBytes });
    return log && { text: log.text, offset: log.offset };
  }
  // The byte before shows whether the end happens to begin with a line.
  const from = task.logBytes - RECORD_LOG_BYTES - 1;
  const log = await store.log(task.uuid, { from, limit: RECORD_LOG_BYTES + 1 });
  if (log === undefined) return undefined;
  const text = log.text.slice(log.text.indexOf('\n') + 1);
  return { text, offset: task.logBytes - Buffer.byteLength(text) };
}

/**
 * Reads the log of the version that was read, from byte `from` on: a short one at once, a long one in pieces.
 *
 * `undefined` if the task has been deleted since. Rejects where the store fails before the first piece; a later failure
 * is reported, and the body breaks off.
 */
export async function wholeLog(
  store: TaskStore,
  task: StoredTask,
  from: number,
  form: LogForm,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | undefined> {
  const first = await logPiece(store, task, from, form);
  if (first.end === from && from < task.logBytes) return undefined;
  return first.end >= task.logBytes ? first.bytes : ReadableStream.from(pieces(store, task, first, form));
}

/** A piece of a log as it is written, and the byte of the log at which it ends. */
interface LogPiece {
  readonly bytes: Buffer<ArrayBuffer>;
  readonly end: number;
}

/**
 * Reads a piece of the log of the version that was read: as text from any byte on; in another form the entries that begin
 * within `limit` bytes, at least one. It is empty at the end of the log, and if the task has been deleted since.
 */
export async function logPiece(
  store: TaskStore,
  { uuid, logBytes }: Pick<StoredTask, 'uuid' | 'logBytes'>,
  from: number,
  form: LogForm,
  limit: number = LOG_PIECE_BYTES,
): Promise<LogPiece> {
  const range = { from, limit: Math.min(limit, logBytes - from) };
  if (range.limit <= 0) return { bytes: Buffer.alloc(0), end: from };
  if (form === 'text') {
    const bytes = await textFrom(store, uuid, range);
    return { bytes, end: from + bytes.length };
  }
  const { entries = [] } = (await store.logEntries(uuid, range)) ?? {};
  const last = entries.at(-1);
  return { bytes: Buffer.from(entriesText(entries, form, from)), end: last === undefined ? from : entryEnd(last) };
}

async function textFrom(store: TaskStore, uuid: string, { from, limit }: { from: number; limit: number }): Promise<Buffer<ArrayBuffer>> {
  const log = await store.log(uuid, { from, limit });
  if (log === undefined) return Buffer.alloc(0);
  if (log.offset === from) return Buffer.from(log.text);
  // A client may go on in the middle of a character, where its connection broke off.
  for (let start = from - 1; start >= Math.max(0, from - LONGEST_CHARACTER); start--) {
    const around = await store.log(uuid, { from: start, limit: LONGEST_CHARACTER });
    if (around?.offset !== start) continue;
    const character = Buffer.from(String.fromCodePoint(around.text.codePointAt(0)!));
    return Buffer.concat([character.subarray(from - start), Buffer.from(log.text)]);
  }
  return Buffer.alloc(0);
}

/** The longest character of UTF-8, in bytes. */
const LONGEST_CHARACTER = 4;

async function* pieces(store: TaskStore, task: StoredTask, first: LogPiece, form: LogForm): AsyncGenerator<Uint8Array, void> {
  try {
    for (let piece = first; ; ) {
      yield piece.bytes;
      const from = piece.end;
      if (from >= task.logBytes) return;
      // A quick client would take all pieces in one turn of the event loop.
      await ownTurn();
      piece = await logPiece(store, task, from, form);
      if (piece.end === from) throw new Error(`the log ends before its ${task.logBytes} bytes`);
    }
  } catch (error) {
    reportStoreFailure(error);
    throw new Error('the log could not be read to its end', { cause: error });
  }
}
