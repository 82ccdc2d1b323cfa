import type { Context } from 'hono';
import { isTaskUuid } from '../../src/task-uuid.ts';
import { gainJson } from '../record/record-json.ts';
import type { TaskStore } from '../store/task-store.ts';
import { eventBytes, STREAM_START, streamHeaders, positionId, positionOf, resumeOf } from './live/event-stream.ts';
import type { StreamPosition } from './live/event-stream.ts';
import { feedBody, severance } from './live/feed.ts';
import type { TaskFeed } from './live/task-feed.ts';
import type { TaskWatchers } from './live/task-watchers.ts';
import { waitOf, watchedTask } from './live/waiting.ts';
import { reportStoreFailure, noUuid, unknownTask } from './problem.ts';
import { LOG_PIECE_BYTES } from './task-log.ts';

/**
 * `GET /tasks/:uuid/events`: the record, then each change of it, until the task has ended. A client
 * that comes back gets what it has missed as changes. With `wait` the task may be yet to come.
 */
export function taskEventsRoute(store: TaskStore, watchers: TaskWatchers): (c: Context) => Promise<Response> {
  return async (c) => {
    const given = c.req.param('uuid') ?? '';
    if (!isTaskUuid(given)) return noUuid(given);
    const resume = resumeOf(c, positionOf);
    if (resume instanceof Response) return resume;
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    const uuid = given.toLowerCase();

    const leave = await watchers.enter();
    let watched: Awaited<ReturnType<TaskWatchers['task']>>;
    const released = (): void => {
      watched?.release();
      leave();
    };
    try {
      watched = await watchedTask(c, store, watchers, uuid, wait);
      const answer = watched === undefined ? unknownTask(uuid) : await startOf(watched.feed, resume);
      if (answer instanceof Response || c.req.method === 'HEAD') {
        released();
        return answer instanceof Response ? answer : new Response(null, { headers: HEADERS });
      }
      const { feed } = watched!;
      const body = feedBody({
        feed: feed.feed,
        first: (follow) => beginning(feed, answer.position, follow),
        encode: (message) => message.event,
        comments: true,
        sever: severance(c),
        released,
        failed: reportStoreFailure,
      });
      return new Response(body, { headers: HEADERS });
    } catch (error) {
      released();
      throw error;
    }
  };

  /** Where a client begins, or the answer to one that can't or need not. */
  async function startOf(
    feed: TaskFeed,
    { position, refusal }: Exclude<ReturnType<typeof resumeOf<StreamPosition>>, Response>,
  ): Promise<{ position: StreamPosition | undefined } | Response> {
    if (position === undefined) return { position };
    // Another server on the same store may have told it of a commit that this one has not read yet.
    if (isAhead(feed, position)) await watchers.catchUp();
    while (watchers.reading !== undefined) await watchers.reading;
    if (isAhead(feed, position)) return refusal ?? { position: undefined };
    const { offset = feed.logBytes } = position;
    // What tells an EventSource to come back no more.
    if (feed.finished && isSameState(feed, position) && offset === feed.logBytes) return new Response(null, { status: 204 });
    return { position };
  }

  async function* beginning(
    feed: TaskFeed,
    position: StreamPosition | undefined,
    follow: () => void,
  ): AsyncGenerator<Uint8Array, void> {
    yield STREAM_START;
    const offset = position && (yield* missedLog(feed, position));
    while (watchers.reading !== undefined) await watchers.reading;
    // From here to `follow` nothing is waited for: the state is the one after which the feed goes on.
    const { finished, logBytes } = feed;
    if (!finished) follow();
    const isThere = position !== undefined && isSameState(feed, position) && offset === logBytes;
    const end = feed.endEvent();
    const first = isThere ? feed.livenessEvent() : offset === undefined ? feed.recordEvent() : feed.changeEvent(offset);
    const bytes = await first;
    if (bytes !== undefined) yield bytes;
    if (finished) yield end;
  }

  /** All but the last piece of the log that a client has missed; gives the byte where that begins. */
  async function* missedLog(feed: TaskFeed, { version, offset }: StreamPosition): AsyncGenerator<Uint8Array, number> {
    const { uuid } = feed;
    let from = offset ?? (await store.log(uuid, { afterVersion: version, limit: 1 }))?.offset ?? 0;
    while (feed.logBytes - from > LOG_PIECE_BYTES) {
      const log = await store.log(uuid, { from, limit: LOG_PIECE_BYTES });
      if (log === undefined || log.text === '') throw new Error('the log ends before its length');
      from += Buffer.byteLength(log.text);
      const id = positionId({ version, offset: from });
      yield eventBytes({ event: 'change', id, data: gainJson({ offset: log.offset, text: log.text }) });
    }
    return from;
  }
}

const HEADERS = streamHeaders('text/event-stream');

function isSameState({ position }: TaskFeed, { version, lost }: StreamPosition): boolean {
  return version === position.version && lost === position.lost;
}

function isAhead(feed: TaskFeed, { version, offset = 0 }: StreamPosition): boolean {
  return version > feed.version || offset > feed.logBytes;
}
