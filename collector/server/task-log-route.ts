import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { isTaskUuid } from '../../src/task-uuid.ts';
import type { TaskStore } from '../store/task-store.ts';
import { streamHeaders } from './live/event-stream.ts';
import { feedBody, severance } from './live/feed.ts';
import type { TaskFeed } from './live/task-feed.ts';
import type { TaskWatchers } from './live/task-watchers.ts';
import { taskAppears, waitOf, watchedTask } from './live/waiting.ts';
import { problem, reportStoreFailure, noUuid, unknownTask } from './problem.ts';
import { logPiece, wholeLog } from './task-log.ts';

/**
 * `GET /tasks/:uuid/log`: the log as text from byte `offset` on, with `follow=1` growing until the
 * task has ended. With `wait` the task may be yet to come. It is text whatever `Accept` says: nothing else is to be had here.
 */
export function taskLogRoute(store: TaskStore, watchers: TaskWatchers): (c: Context) => Promise<Response> {
  return async (c) => {
    const given = c.req.param('uuid') ?? '';
    if (!isTaskUuid(given)) return noUuid(given);
    const query = logQuery(c);
    if (query instanceof Response) return query;
    const uuid = given.toLowerCase();
    return query.follow ? growing(c, uuid, query) : rest(c, uuid, query);
  };

  async function rest(c: Context, uuid: string, { offset, wait }: LogQuery): Promise<Response> {
    let task = await store.stored(uuid);
    if (task === undefined && (await taskAppears(c, store, watchers, uuid, wait))) task = await store.stored(uuid);
    if (task === undefined) return unknownTask(uuid);
    if (offset > task.logBytes) return beyond(offset, task.logBytes);
    const headers = { ...REST_HEADERS, 'Content-Length': String(task.logBytes - offset) };
    if (c.req.method === 'HEAD') return new Response(null, { headers });
    const body = await wholeLog(store, task, reportStoreFailure, offset);
    return body === undefined ? unknownTask(uuid) : new Response(body, { headers });
  }

  async function growing(c: Context, uuid: string, { offset, wait }: LogQuery): Promise<Response> {
    const leave = await watchers.enter();
    let watched: Awaited<ReturnType<TaskWatchers['task']>>;
    const released = (): void => {
      watched?.release();
      leave();
    };
    try {
      watched = await watchedTask(c, store, watchers, uuid, wait);
      if (watched !== undefined && offset > watched.feed.logBytes) await watchers.catchUp();
      const answer = refusal(watched?.feed, uuid, offset);
      if (answer !== undefined || c.req.method === 'HEAD') {
        released();
        return answer ?? new Response(null, { headers: FOLLOW_HEADERS });
      }
      const { feed } = watched!;
      const body = feedBody({
        feed: feed.feed,
        first: (follow) => untilNow(feed, offset, follow),
        encode: (message) => message.text,
        comments: false,
        sever: severance(c),
        released,
        failed: reportStoreFailure,
      });
      return new Response(body, { headers: FOLLOW_HEADERS });
    } catch (error) {
      released();
      throw error;
    }
  }

  async function* untilNow(feed: TaskFeed, offset: number, follow: () => void): AsyncGenerator<Uint8Array, void> {
    for (let from = offset; ; ) {
      while (watchers.reading !== undefined) await watchers.reading;
      const { uuid, logBytes, finished } = feed;
      if (from === logBytes) {
        if (!finished) follow();
        return;
      }
      const bytes = await logPiece(store, { uuid, logBytes }, from);
      if (bytes === undefined || bytes.length === 0) throw new Error('the log ends before its length');
      from += bytes.length;
      yield bytes;
    }
  }
}

const TEXT = 'text/plain; charset=utf-8';
const REST_HEADERS = { 'Content-Type': TEXT, 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' };
const FOLLOW_HEADERS = streamHeaders(TEXT);

interface LogQuery {
  readonly offset: number;
  readonly follow: boolean;
  readonly wait: number;
}

function logQuery(c: Context): LogQuery | Response {
  const { offset = '0', follow = '0' } = c.req.query();
  if (!/^\d{1,15}$/.test(offset)) return problem(400, `offset: expected a count of bytes, got ${received(offset)}`);
  if (follow !== '0' && follow !== '1') return problem(400, `follow: expected 0 or 1, got ${received(follow)}`);
  const wait = waitOf(c);
  return wait instanceof Response ? wait : { offset: Number(offset), follow: follow === '1', wait };
}

function refusal(feed: TaskFeed | undefined, uuid: string, offset: number): Response | undefined {
  if (feed === undefined) return unknownTask(uuid);
  return offset > feed.logBytes ? beyond(offset, feed.logBytes) : undefined;
}

function beyond(offset: number, logBytes: number): Response {
  return problem(416, `offset: the log has ${logBytes} bytes, there is nothing at ${offset}`, {
    'Content-Range': `bytes */${logBytes}`,
  });
}
