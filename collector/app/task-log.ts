import { RECORD_LOG_BYTES } from '../record/record-json.ts';
import type { StoredLog, StoredTask, TaskStore } from '../store/task-store.ts';

/** How much of a log is in memory at a time while the whole of it is sent. */
export const LOG_PIECE_BYTES: number = 256 * 1024;

/**
 * The part of the log that stands in the record, of exactly the version that was read: a log only
 * grows, so its first `logBytes` bytes are for ever what they were.
 *
 * `undefined` if the task has been removed since.
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
  // One byte more tells whether the tail happens to begin with a line.
  const from = task.logBytes - RECORD_LOG_BYTES - 1;
  const log = await store.log(task.uuid, { from, limit: RECORD_LOG_BYTES + 1 });
  if (log === undefined) return undefined;
  const text = log.text.slice(log.text.indexOf('\n') + 1);
  return { text, offset: task.logBytes - Buffer.byteLength(text) };
}

/**
 * The whole log of the version that was read, in pieces if it is long.
 *
 * `undefined` if the task has been removed since. A store that fails before the first piece
 * rejects; afterwards `failed` is told and the body breaks off, short of its `Content-Length`.
 */
export async function wholeLog(
  store: TaskStore,
  task: StoredTask,
  failed: (error: unknown) => void,
): Promise<string | ReadableStream<Uint8Array> | undefined> {
  if (task.logBytes === 0) return '';
  const first = await store.log(task.uuid, { from: 0, limit: Math.min(LOG_PIECE_BYTES, task.logBytes) });
  if (first === undefined || task.logBytes <= LOG_PIECE_BYTES) return first?.text;
  return ReadableStream.from(pieces(store, task, first, failed));
}

async function* pieces(
  store: TaskStore,
  task: StoredTask,
  first: StoredLog,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void> {
  try {
    let bytes = Buffer.from(first.text);
    let from = 0;
    for (;;) {
      yield bytes;
      from += bytes.length;
      if (from >= task.logBytes) return;
      const limit = Math.min(LOG_PIECE_BYTES, task.logBytes - from);
      const log = await store.log(task.uuid, { from, limit });
      if (log === undefined || log.text === '') throw new Error(`the log ends before its ${task.logBytes} bytes`);
      bytes = Buffer.from(log.text);
    }
  } catch (error) {
    failed(error);
    throw new Error('the log could not be read to its end', { cause: error });
  }
}
