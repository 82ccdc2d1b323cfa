import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { ownTurn } from '../async.ts';
import { LOG_VIEWS } from '../../src/task-stream.ts';
import type { TaskStore } from '../store/task-store.ts';
import { problem, unknownTask } from './answers.ts';
import { eventBytes, positionId, positionOf, resumeOf, STREAM_START } from './live/event-stream.ts';
import type { Resume, StreamPosition } from './live/event-stream.ts';
import { streamAnswer } from './live/feed.ts';
import { readGain } from './live/task-feed.ts';
import type { TaskFeed, TaskMessage, TaskView } from './live/task-feed.ts';
import type { TaskWatchers } from './live/task-watchers.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';
import { LOG_PIECE_BYTES } from './task-log.ts';

/**
 * `GET /tasks/:uuid/events`: the record, then each change of it, until the task has ended. A client that reconnects gets
 * what it has missed as changes. With `wait` the task need not exist yet.
 */
export function taskEventsRoute(store: TaskStore, watchers: TaskWatchers, waiting: TaskWaiting): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const resume = resumeOf(c, positionOf);
    if (resume instanceof Response) return resume;
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    const view = viewOf(c);
    if (view instanceof Response) return view;
    return streamAnswer<TaskMessage>(c, {
      contentType: 'text/event-stream',
      enter: () => watchers.enter(),
      open: async (onRelease) => {
        const watched = await waiting.feed(c, uuid, wait, view);
        if (watched === undefined) return unknownTask(uuid);
        const { feed, release } = watched;
        onRelease(release);
        const start = await startOf(feed, resume);
        if (start instanceof Response) return start;
        return { feed: feed.feed, first: (follow) => beginning(feed, start.position, view, follow), encode: ({ event }) => event, comments: true };
      },
    });
  };

  /** Where the stream of a client begins; the answer to a client that can't or need not follow. */
  async function startOf(
    feed: TaskFeed,
    { position, refusal }: Resume<StreamPosition>,
  ): Promise<{ position: StreamPosition | undefined } | Response> {
    if (position === undefined) return { position };
    // Another server on the same store may have sent a commit that this server has not read yet.
    if (isAhead(feed, position)) await watchers.catchUp();
    while (watchers.reading !== undefined) await watchers.reading;
    if (isAhead(feed, position)) return refusal ?? { position: undefined };
    const { offset = feed.logBytes } = position;
    // 204 makes an EventSource stop reconnecting.
    if (feed.finished && isSameState(feed, position) && offset === feed.logBytes) return new Response(null, { status: 204 });
    return { position };
  }

  async function* beginning(
    feed: TaskFeed,
    position: StreamPosition | undefined,
    view: TaskView,
    follow: () => void,
  ): AsyncGenerator<Uint8Array, void> {
    yield STREAM_START;
    const offset = position && (yield* missedLog(feed, position, view));
    while (watchers.reading !== undefined) await watchers.reading;
    // No `await` from here to `follow`: the feed goes on after exactly this state.
    const { finished, logBytes } = feed;
    if (!finished) follow();
    const hasAll = position !== undefined && isSameState(feed, position) && offset === logBytes;
    const end = feed.endEvent();
    const first = hasAll ? feed.unversionedEvent() : offset === undefined ? feed.recordEvent() : feed.changeEvent(offset, position!.version);
    const bytes = await first;
    if (bytes !== undefined) yield bytes;
    if (finished) yield end;
  }

  /** Sends all but the last piece of the log that a client has missed; returns the byte at which the last piece begins. */
  async function* missedLog(feed: TaskFeed, { version, offset }: StreamPosition, view: TaskView): AsyncGenerator<Uint8Array, number> {
    if (view.log === '0') return feed.logBytes;
    const { uuid } = feed;
    let from = offset ?? (await store.log(uuid, { afterVersion: version, limit: 1 }))?.offset ?? 0;
    while (feed.logBytes - from > LOG_PIECE_BYTES) {
      const log = await readGain(store, uuid, view, from, LOG_PIECE_BYTES);
      if (log === undefined) throw new Error('the log ends before its length');
      from = log.end;
      const id = positionId({ version, offset: from });
      yield eventBytes({ event: 'change', id, data: `{${log.json}}` });
      await ownTurn();
    }
    return from;
  }
}

function isSameState({ position }: TaskFeed, { version, lost }: StreamPosition): boolean {
  return version === position.version && lost === position.lost;
}

function isAhead(feed: TaskFeed, { version, offset = 0 }: StreamPosition): boolean {
  return version > feed.version || offset > feed.logBytes;
}

function viewOf(c: Context): TaskView | Response {
  const { scopes = '0', log = 'text' } = c.req.query();
  if (scopes !== '0' && scopes !== '1') return problem(400, `scopes: expected 0 or 1, got ${received(scopes)}`);
  const form = LOG_VIEWS.find((each) => each === log);
  return form === undefined ? problem(400, `log: expected one of ${LOG_VIEWS.join(', ')}, got ${received(log)}`) : { scopes: scopes === '1', log: form };
}
