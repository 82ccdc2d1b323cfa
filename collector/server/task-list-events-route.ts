import type { Context } from 'hono';
import type { TaskStore } from '../store/task-store.ts';
import { eventBytes, STREAM_START, resumeOf } from './live/event-stream.ts';
import { streamAnswer } from './live/feed.ts';
import { CHANGES_PAGE, listEvent } from './live/task-watchers.ts';
import type { ListMessage, TaskWatchers } from './live/task-watchers.ts';

/**
 * `GET /tasks/events`: each new or changed task as its entry in the list. A client that comes back
 * gets those that have changed meanwhile, each once.
 */
export function taskListEventsRoute(store: TaskStore, watchers: TaskWatchers): (c: Context) => Promise<Response> {
  return async (c) => {
    const resume = resumeOf(c, changeOf);
    if (resume instanceof Response) return resume;
    return streamAnswer<ListMessage>(c, {
      contentType: 'text/event-stream',
      enter: () => watchers.enter(),
      open: async () => {
        let { position } = resume;
        if (position !== undefined && position > watchers.last) {
          // Another server on the same store may have sent a commit that this server has not read yet.
          await watchers.catchUp();
          if (position > watchers.last) {
            if (resume.refusal !== undefined) return resume.refusal;
            position = undefined;
          }
        }
        return { feed: watchers.list, first: (follow) => beginning(position, follow), encode: ({ event }) => event, comments: true };
      },
    });
  };

  async function* beginning(position: number | undefined, follow: () => void): AsyncGenerator<Uint8Array, void> {
    yield STREAM_START;
    if (position === undefined) {
      while (watchers.reading !== undefined) await watchers.reading;
      follow();
      // An id from the first moment on: whoever is cut off before the first change resumes, too.
      yield eventBytes({ event: 'start', id: String(watchers.last), data: `{"change":${watchers.last}}` });
      return;
    }
    let after = position;
    for (;;) {
      while (watchers.reading !== undefined) await watchers.reading;
      if (after >= watchers.last) break;
      // What is newer than the feed comes by the feed.
      const upTo = watchers.last;
      const { changes } = await store.changes({ after, limit: CHANGES_PAGE });
      const missed = changes.filter(({ change }) => change <= upTo);
      after = missed.length < CHANGES_PAGE ? upTo : missed.at(-1)!.change;
      if (missed.length > 0) yield Buffer.from(missed.map(listEvent).join(''));
    }
    follow();
  }
}

function changeOf(id: string): number | undefined {
  return /^\d{1,15}$/.test(id) ? Number(id) : undefined;
}
