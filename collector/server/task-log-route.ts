import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { ownTurn } from '../async.ts';
import type { TaskStore } from '../store/task-store.ts';
import { negotiate, problem, REVALIDATED, uncachedJson, unknownTask } from './answers.ts';
import type { LiveTasks } from './live/live-tasks.ts';
import { streamAnswer } from './live/stream-body.ts';
import type { TaskChannel, TaskMessage } from './live/task-channel.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';
import { LOG_TYPES } from './log-entries.ts';
import type { LogForm } from './log-entries.ts';
import { beginOf, contentRange, logPart, MOST_PART_BYTES } from './log-part.ts';
import { flagOf } from './parameters.ts';
import { logPiece } from './task-log.ts';

/**
 * `GET /tasks/:uuid/log`: the log as text from byte `offset` on, and with `limit` a part of it; with `follow=1` it goes on
 * until the task has ended. With `times=1` each line has its time before it. A client that accepts
 * `application/x-ndjson` gets the entries of the log, one JSON object a line. With `find` the answer is where that text
 * stands in it. With `wait` the task need not exist yet.
 */
export function taskLogRoute(store: TaskStore, live: LiveTasks, waiting: TaskWaiting): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const query = logQuery(c);
    if (query instanceof Response) return query;
    if (query.find !== undefined) return search(c, uuid, query.find, query.wait);
    return query.follow ? growing(c, uuid, query) : part(c, uuid, query);
  };

  /** Where a text stands in a bounded part of the log: the next request goes on at its `looked_to` while there is `more`. */
  async function search(c: Context, uuid: string, find: LogSearch, wait: number): Promise<Response> {
    try {
      const found = await waiting.read(c, uuid, wait, () => store.find(uuid, find));
      if (found === undefined) return unknownTask(uuid);
      const { matches, lookedTo, more, logBytes } = found;
      return uncachedJson({ matches, looked_to: lookedTo, more, log_bytes: logBytes });
    } catch (error) {
      if (error instanceof RangeError) return problem(400, error.message);
      throw error;
    }
  }

  async function part(c: Context, uuid: string, { offset, limit, wait, form }: LogQuery): Promise<Response> {
    const task = await waiting.read(c, uuid, wait, () => store.stored(uuid));
    if (task === undefined) return unknownTask(uuid);
    const begin = await beginOf(store, task, offset);
    if (begin > task.logBytes) return beyond(begin, task.logBytes);
    // The whole rest need not be read where only its headers are asked for.
    const isHead = c.req.method === 'HEAD';
    const found = isHead && limit === undefined ? { from: begin, to: task.logBytes, body: null } : await logPart(store, task, { from: begin, limit, form });
    if (found === undefined) return unknownTask(uuid);
    const { from, to, body } = found;
    const headers: Record<string, string> = { 'Content-Type': LOG_TYPES[form], ...REVALIDATED, 'Content-Range': contentRange(found, task.logBytes) };
    if (form === 'text') headers['Content-Length'] = String(to - from);
    return new Response(isHead ? null : body, { headers });
  }

  /** The log as it grows, until the task has ended. */
  function growing(c: Context, uuid: string, { offset: asked, wait, form }: LogQuery): Promise<Response> {
    return streamAnswer<TaskMessage>(c, {
      contentType: LOG_TYPES[form],
      enter: () => live.enter(),
      open: async (onRelease) => {
        const watched = await waiting.channel(c, uuid, wait, { scopes: false, log: form === 'text' ? 'text' : 'entries' });
        if (watched === undefined) return unknownTask(uuid);
        const { channel, release } = watched;
        onRelease(release);
        const offset = await beginOf(store, { uuid, logBytes: channel.position.offset }, asked);
        if (offset > channel.position.offset) await live.catchUp();
        if (offset > channel.position.offset) return beyond(offset, channel.position.offset);
        return { channel: channel.channel, first: (follow) => untilNow(uuid, channel, offset, form, follow), encode: (message) => message.written(form) };
      },
    });
  }

  async function* untilNow(uuid: string, channel: TaskChannel, offset: number, form: LogForm, follow: () => void): AsyncGenerator<Uint8Array, void> {
    for (let from = offset; ; ) {
      const logBytes = channel.position.offset;
      if (from >= logBytes) {
        if (!channel.finished) follow();
        return;
      }
      const { bytes, end } = await logPiece(store, { uuid, logBytes }, from, form);
      if (end === from) throw new Error('the log ends before its length');
      from = end;
      if (bytes.length > 0) yield bytes;
      await ownTurn();
    }
  }
}

interface LogSearch {
  readonly text: string;
  /** The byte of the log from which on it is looked for. */
  readonly after: number;
}

interface LogQuery {
  /** A negative one counts from the end. */
  readonly offset: number;
  readonly limit: number | undefined;
  readonly follow: boolean;
  /** What is looked for in the log, instead of an answer that has the log. */
  readonly find: LogSearch | undefined;
  readonly wait: number;
  readonly form: LogForm;
}

/** The representations of a log; a client without `Accept` gets the first one. */
const REPRESENTATIONS = ['text/plain', 'application/x-ndjson'] as const;

/** The parameters of a search. */
const WITH_FIND: readonly string[] = ['find', 'after', 'wait'];

function logQuery(c: Context): LogQuery | Response {
  const { offset = '0', limit, find, after } = c.req.query();
  if (!/^-?\d{1,15}$/.test(offset)) return problem(400, `offset: expected a count of bytes, negative from the end, got ${received(offset)}`);
  if (limit !== undefined && !(/^\d{1,7}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= MOST_PART_BYTES)) {
    return problem(400, `limit: expected bytes from 1 to ${MOST_PART_BYTES}, got ${received(limit)}`);
  }
  const follow = flagOf(c, 'follow', false);
  if (follow instanceof Response) return follow;
  const times = flagOf(c, 'times', false);
  if (times instanceof Response) return times;
  if (limit !== undefined && follow) return problem(400, 'limit: expected no follow=1 with it: what follows has no end');
  const other = Object.keys(c.req.query()).find((name) => !WITH_FIND.includes(name));
  if (find !== undefined && other !== undefined) return problem(400, `${other}: expected only ${WITH_FIND.join(', ')} with find`);
  if (find === undefined && after !== undefined) return problem(400, 'after: expected find with it');
  if (after !== undefined && !/^\d{1,15}$/.test(after)) return problem(400, `after: expected a count of bytes, got ${received(after)}`);
  const wait = waitOf(c);
  if (wait instanceof Response) return wait;
  const form = negotiate(c, REPRESENTATIONS) === 'application/x-ndjson' ? 'ndjson' : times ? 'times' : 'text';
  return {
    offset: Number(offset),
    limit: limit === undefined ? undefined : Number(limit),
    follow,
    find: find === undefined ? undefined : { text: find, after: Number(after ?? 0) },
    wait,
    form,
  };
}

function beyond(offset: number, logBytes: number): Response {
  return problem(416, `offset: the log has ${logBytes} bytes, there is nothing at ${offset}`, {
    'Content-Range': contentRange({ from: 0, to: 0 }, logBytes),
  });
}
