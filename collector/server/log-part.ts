import type { StoredTask, TaskStore } from '../store/task-store.ts';
import type { LogForm } from './log-entries.ts';
import { logPiece, wholeLog } from './task-log.ts';

/** A part of a log: its bytes from `from` on, up to `to`, in the form that was asked for. */
interface LogPart {
  readonly from: number;
  readonly to: number;
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
}

/** The most bytes of a part that has a limit: it is read at once. */
export const MOST_PART_BYTES: number = 1024 * 1024;

/**
 * Reads the log of the version that was read, from byte `from` on. With a `limit` the text has at most so many bytes and
 * ends with a line where one fits; as entries it has those that begin within so many bytes, at least one.
 *
 * `undefined` if the task has been deleted since.
 */
export async function logPart(store: TaskStore, task: StoredTask, { from, limit, form }: { from: number; limit: number | undefined; form: LogForm }): Promise<LogPart | undefined> {
  if (limit === undefined || from === task.logBytes) {
    const body = await wholeLog(store, task, from, form);
    return body && { from, to: task.logBytes, body };
  }
  if (form === 'text') {
    const log = await store.log(task.uuid, { from, limit: Math.min(limit, task.logBytes - from) });
    if (log === undefined) return undefined;
    const body = Buffer.from(log.text);
    return { from: log.offset, to: log.offset + body.length, body };
  }
  const { bytes, end } = await logPiece(store, task, from, form, limit);
  return end === from ? undefined : { from, to: end, body: bytes };
}

/** How far the beginning of a line is looked for. */
const LINE_BYTES = 64 * 1024;

/**
 * The byte of a log at which a request begins. An offset that counts from the end is moved forward to the beginning of a
 * line; in a line that goes on for longer than {@link LINE_BYTES}, or to the end, to that of a character.
 */
export async function beginOf(store: TaskStore, { uuid, logBytes }: Pick<StoredTask, 'uuid' | 'logBytes'>, offset: number): Promise<number> {
  if (offset >= 0) return offset;
  const from = Math.max(0, logBytes + offset);
  if (from === 0) return 0;
  // The byte before shows whether a line begins right there.
  const log = await store.log(uuid, { from: from - 1, limit: LINE_BYTES });
  if (log === undefined || log.text === '') return from;
  const line = log.offset + Buffer.byteLength(log.text.slice(0, log.text.indexOf('\n') + 1));
  if (line > log.offset && line < logBytes) return line;
  if (log.offset >= from) return log.offset;
  return log.offset + Buffer.byteLength(String.fromCodePoint(log.text.codePointAt(0)!));
}

/** The header `Content-Range` for bytes of a log: which they are and how long the log is, or its length alone for none. */
export function contentRange({ from, to }: Pick<LogPart, 'from' | 'to'>, logBytes: number): string {
  return `bytes ${from < to ? `${from}-${to - 1}` : '*'}/${logBytes}`;
}
