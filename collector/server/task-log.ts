import { ownTurn } from '../async.ts';
import { RECORD_LOG_BYTES } from '../record/record-json.ts';
import type { StoredTask, TaskStore } from '../store/task-store.ts';
import { reportStoreFailure } from './answers.ts';

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
 * Reads the log of the version that was read, from byte `from` on, in pieces if it is long.
 *
 * `undefined` if the task has been deleted since. Rejects where the store fails before the first piece; a later failure
 * is reported, and the body breaks off, short of its `Content-Length`.
 */
export async function wholeLog(
  store: TaskStore,
  task: StoredTask,
  from: number = 0,
): Promise<Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | undefined> {
  const rest = task.logBytes - from;
  if (rest === 0) return Buffer.alloc(0);
  const first = await logPiece(store, task, from);
  if (first === undefined || rest <= LOG_PIECE_BYTES) return first;
  return ReadableStream.from(pieces(store, task, first, from));
}

/** Reads a piece of the log of the version that was read, from any byte on; `undefined` if the task has been deleted since. */
export async function logPiece(
  store: TaskStore,
  { uuid, logBytes }: Pick<StoredTask, 'uuid' | 'logBytes'>,
  from: number,
): Promise<Buffer<ArrayBuffer> | undefined> {
  const log = await store.log(uuid, { from, limit: Math.min(LOG_PIECE_BYTES, logBytes - from) });
  if (log === undefined) return undefined;
  if (log.offset === from) return Buffer.from(log.text);
  // A client may go on in the middle of a character, where its connection broke off.
  for (let start = from - 1; start >= Math.max(0, from - LONGEST_CHARACTER); start--) {
    const around = await store.log(uuid, { from: start, limit: LONGEST_CHARACTER });
    if (around?.offset !== start) continue;
    const character = Buffer.from(String.fromCodePoint(around.text.codePointAt(0)!));
    return Buffer.concat([character.subarray(from - start), Buffer.from(log.text)]);
  }
  return undefined;
}

/** The longest character of UTF-8, in bytes. */
const LONGEST_CHARACTER = 4;

async function* pieces(
  store: TaskStore,
  task: StoredTask,
  first: Uint8Array,
  begin: number,
): AsyncGenerator<Uint8Array, void> {
  try {
    let bytes: Uint8Array | undefined = first;
    let from = begin;
    for (;;) {
      yield bytes;
      from += bytes.length;
      if (from >= task.logBytes) return;
      // A quick client would take all pieces in one turn of the event loop.
      await ownTurn();
      bytes = await logPiece(store, task, from);
      if (bytes === undefined || bytes.length === 0) throw new Error(`the log ends before its ${task.logBytes} bytes`);
    }
  } catch (error) {
    reportStoreFailure(error);
    throw new Error('the log could not be read to its end', { cause: error });
  }
}
