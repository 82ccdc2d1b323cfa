import type { Context } from 'hono';
import type { TaskStore } from '../store/task-store.ts';
import { eventBytes, STREAM_START, resumeOf } from './live/event-stream.ts';
import { streamAnswer } from './live/feed.ts';
import { CHANGES_PAGE, listEvents } from './live/task-watchers.ts';
import type { ListMessage, TaskWatchers } from './live/task-watchers.ts';
import { readMany } from './read-many.ts';

/**
 * `GET /tasks/events`: each new or changed task as its entry in the list. A client that reconnects gets the tasks that
 * have changed meanwhile, each once.
 */
export function taskListEventsRoute(store: TaskStore, watchers: TaskWatchers): (c: Context) => Promise<Response> {
  return async (c) => {
    const resume = resumeOf(c, (id) => id);
    if (resume instanceof Response) return resume;
    return streamAnswer<ListMessage>(c, {
      contentType: 'text/event-stream',
      enter: () => watchers.enter(),
      open: async () => {
        let { position } = resume;
        if (position !== undefined && (await store.changes({ after: position, limit: 1 })).fromStart === true) {
          if (resume.refusal !== undefined) return resume.refusal;
          position = undefined;
        }
        let firstReading: number | undefined;
        return {
          feed: watchers.list,
          first: (follow) =>
            beginning(position, () => {
              firstReading = watchers.listJoined();
              follow();
            }),
          encode: ({ event, update, reading }) => (reading === firstReading ? event : update),
          comments: true,
        };
      },
    });
  };

  async function* beginning(position: string | undefined, follow: () => void): AsyncGenerator<Uint8Array, void> {
    yield STREAM_START;
    if (position !== undefined) yield* missed(position);
    while (watchers.reading !== undefined) await watchers.reading;
    follow();
    // The stream has an id from its beginning, so that a client that is cut off before the first change can resume.
    const id = watchers.position;
    if (position === undefined) yield eventBytes({ event: 'start', id, data: JSON.stringify({ change: id }) });
  }

  /** Sends what has changed from a position to that of the feed, which has all newer changes. */
  async function* missed(position: string): AsyncGenerator<Uint8Array, void> {
    let after = position;
    let reached: string | undefined;
    for (;;) {
      while (watchers.reading !== undefined) await watchers.reading;
      const until = watchers.position;
      if (reached === until) return;
      const { uuids, position: next, more } = await store.changes({ after, until, limit: CHANGES_PAGE });
      let left = uuids.length;
      for await (const part of readMany(store, uuids, 'list')) {
        left -= part.length;
        // A task that has changed again was read in a later state, which comes later.
        const again = await changedAfter(until);
        const events = listEvents(part.filter(([uuid]) => !again.has(uuid)), left === 0 ? next : undefined);
        if (events !== undefined) yield events;
      }
      after = next;
      if (!more) reached = until;
    }
  }

  async function changedAfter(position: string): Promise<Set<string>> {
    const changed = new Set<string>();
    for (let after = position; ; ) {
      const { uuids, position: next, more } = await store.changes({ after, limit: CHANGES_PAGE });
      for (const uuid of uuids) changed.add(uuid);
      if (!more) return changed;
      after = next;
    }
  }
}
