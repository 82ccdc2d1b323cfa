import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { ownTurn } from '../async.ts';
import type { TaskStore } from '../store/task-store.ts';
import { problem, REVALIDATED, unknownTask } from './answers.ts';
import { streamAnswer } from './live/feed.ts';
import type { TaskFeed, TaskMessage } from './live/task-feed.ts';
import type { TaskWatchers } from './live/task-watchers.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';
import { logPiece, wholeLog } from './task-log.ts';

/**
 * `GET /tasks/:uuid/log`: the log as text from byte `offset` on; with `follow=1` it goes on until the task has ended.
 * With `wait` the task need not exist yet. The answer is text with any `Accept`: there is no other representation.
 */
export function taskLogRoute(store: TaskStore, watchers: TaskWatchers, waiting: TaskWaiting): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const query = logQuery(c);
    if (query instanceof Response) return query;
    return query.follow ? growing(c, uuid, query) : rest(c, uuid, query);
  };

  async function rest(c: Context, uuid: string, { offset, wait }: LogQuery): Promise<Response> {
    const task = await waiting.read(c, uuid, wait, () => store.stored(uuid));
    if (task === undefined) return unknownTask(uuid);
    if (offset > task.logBytes) return beyond(offset, task.logBytes);
    const headers = { 'Content-Type': TEXT, ...REVALIDATED, 'Content-Length': String(task.logBytes - offset) };
    if (c.req.method === 'HEAD') return new Response(null, { headers });
    const body = await wholeLog(store, task, offset);
    return body === undefined ? unknownTask(uuid) : new Response(body, { headers });
  }

  function growing(c: Context, uuid: string, { offset, wait }: LogQuery): Promise<Response> {
    return streamAnswer<TaskMessage>(c, {
      contentType: TEXT,
      enter: () => watchers.enter(),
      open: async (onRelease) => {
        const watched = await waiting.feed(c, uuid, wait);
        if (watched === undefined) return unknownTask(uuid);
        const { feed, release } = watched;
        onRelease(release);
        if (offset > feed.logBytes) await watchers.catchUp();
        if (offset > feed.logBytes) return beyond(offset, feed.logBytes);
        return { feed: feed.feed, first: (follow) => untilNow(feed, offset, follow), encode: ({ text }) => text, comments: false };
      },
    });
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
      await ownTurn();
    }
  }
}

const TEXT = 'text/plain; charset=utf-8';

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

function beyond(offset: number, logBytes: number): Response {
  return problem(416, `offset: the log has ${logBytes} bytes, there is nothing at ${offset}`, {
    'Content-Range': `bytes */${logBytes}`,
  });
}
