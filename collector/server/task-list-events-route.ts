import type { Context } from 'hono';
import { filterOf } from '../../src/filter-parameters.ts';
import type { TaskStore } from '../store/task-store.ts';
import { eventBytes, resumeOf, STREAM_START } from './live/event-stream.ts';
import { changedAfter, MOST_KNOWN, readChanged } from './live/list-channel.ts';
import type { ListChannel, ListMessage } from './live/list-channel.ts';
import { ListFilter } from './live/list-filter.ts';
import { CHANGES_PAGE } from './live/live-tasks.ts';
import type { LiveTasks } from './live/live-tasks.ts';
import { streamAnswer } from './live/stream-body.ts';
import { valueOrProblem } from './task-list-route.ts';

/** The position before all changes. */
const FIRST = '0';

/**
 * `GET /tasks/events`: each new or changed task that fits the filter as its entry in the list, and which tasks do not fit any more.
 * A client that reconnects gets the tasks that have changed meanwhile, each once.
 */
export function taskListEventsRoute(store: TaskStore, live: LiveTasks): (c: Context) => Promise<Response> {
  return async (c) => {
    const resume = resumeOf(c, (id) => id);
    if (resume instanceof Response) return resume;
    const filter = valueOrProblem(() => filterOf(new URL(c.req.url).searchParams));
    if (filter instanceof Response) return filter;
    return streamAnswer<ListMessage>(c, {
      contentType: 'text/event-stream',
      enter: () => live.enter(),
      open: async (onRelease) => {
        let { position } = resume;
        if (position !== undefined && (await store.changes({ after: position, limit: 1 })).fromStart === true) {
          if (resume.refusal !== undefined) return resume.refusal;
          position = undefined;
        }
        const { channel, release } = await live.list(new ListFilter(filter));
        onRelease(release);
        let joined = 0;
        return {
          channel: channel.channel,
          first: (follow) =>
            beginning(channel, position, () => {
              joined = channel.at.page;
              follow();
            }),
          encode: (message) => message.since(joined),
          // A client that is disconnected after a long time without events continues from this position.
          alive: () => Buffer.from(`: alive\nid: ${channel.at.position}\n\n`),
        };
      },
    });
  };

  async function* beginning(channel: ListChannel, position: string | undefined, follow: () => void): AsyncGenerator<Uint8Array, void> {
    yield STREAM_START;
    if (position !== undefined) {
      // From the first change on, all tasks are sent anyway.
      if (position !== FIRST) yield* channel.missedLonger(store);
      yield* missed(channel, position);
    }
    follow();
    // The stream has an id from its beginning, so that a client that is cut off before the first change can resume.
    const id = channel.at.position;
    if (position === undefined) yield eventBytes({ event: 'start', id, data: JSON.stringify({ change: id }) });
  }

  /** Sends what has changed from a position to that of the channel, which has all newer changes. */
  async function* missed(channel: ListChannel, position: string): AsyncGenerator<Uint8Array, void> {
    let after = position;
    let reached: string | undefined;
    // A client that begins before all changes has the tasks that it is sent here. After so many it counts as having any.
    const has = new Set<string>();
    const mayHave = (uuid: string): boolean => position !== FIRST || has.size >= MOST_KNOWN || has.has(uuid);
    while (reached !== channel.at.position) {
      const until = channel.at.position;
      const { uuids, position: next, more } = await store.changes({ after, until, limit: CHANGES_PAGE });
      let left = uuids.length;
      for await (const part of readChanged(store, uuids, channel.filter.wantsAttributes)) {
        left -= part.length;
        // A task that has changed again was read in a later state, which comes later.
        const again = await changedAfter(store, until);
        const { bytes, sent } = channel.missed(part.filter(({ uuid }) => !again.has(uuid)), left === 0 ? next : undefined, mayHave);
        if (bytes !== undefined) yield bytes;
        for (const uuid of sent) if (position === FIRST && has.size < MOST_KNOWN) has.add(uuid);
      }
      after = next;
      if (!more) reached = until;
    }
  }
}
