import type { Context } from 'hono';
import { received } from '../../../src/failure.ts';
import { pause } from '../../async.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { problem } from '../answers.ts';
import type { LiveTasks } from './live-tasks.ts';
import type { TaskChannel } from './task-channel.ts';
import type { TaskView } from './task-view.ts';

const LONGEST_WAIT = 30;

/** For how many seconds `?wait=` lets a request wait; 0 without it, a 400 for any other value than `least` to 30. */
export function waitOf(c: Context, least: 0 | 1 = 1): number | Response {
  const wait = c.req.query('wait');
  if (wait === undefined) return 0;
  const seconds = /^\d{1,2}$/.test(wait) ? Number(wait) : -1;
  if (seconds >= least && seconds <= LONGEST_WAIT) return seconds;
  return problem(400, `wait: expected whole seconds from ${least} to ${LONGEST_WAIT}, got ${received(wait)}`);
}

/**
 * Lets the requests of an app wait for tasks that do not exist yet. All of them share one watch of the store. A wait
 * ends after its seconds, at once where they are 0, and when the client has disconnected.
 */
export class TaskWaiting {
  readonly #store: TaskStore;
  readonly #live: LiveTasks;

  constructor(store: TaskStore, live: LiveTasks) {
    this.#store = store;
    this.#live = live;
  }

  /** Reads something of a task; where the task does not exist yet, waits for it and reads again. */
  async read<T>(c: Context, uuid: string, seconds: number, read: () => Promise<T | undefined>): Promise<T | undefined> {
    const found = await read();
    return found !== undefined || !(await this.#appears(c, uuid, seconds)) ? found : read();
  }

  /** The channel of a task in a view, with what releases it; `undefined` if the task does not exist by then. */
  async channel(c: Context, uuid: string, seconds: number, view: TaskView): Promise<{ channel: TaskChannel; release: () => void } | undefined> {
    for (;;) {
      const watched = await this.#live.task(uuid, view);
      // Requests for one task share a reading. One that began before the task existed finds none: then it is repeated.
      if (watched !== undefined || !(await this.#appears(c, uuid, seconds))) return watched;
    }
  }

  async #appears(c: Context, uuid: string, seconds: number): Promise<boolean> {
    if (seconds === 0) return false;
    const leave = await this.#live.enter();
    const committed = new AbortController();
    const stop = this.#live.onCommit(uuid, () => committed.abort());
    try {
      const { signal } = c.req.raw;
      if (signal.aborted) return false;
      // The listener comes first, so that no commit is missed between it and this reading.
      if ((await this.#store.stored(uuid)) !== undefined) return true;
      await pause(seconds * 1000, { signal: AbortSignal.any([signal, committed.signal]), ref: false });
      return committed.signal.aborted;
    } finally {
      stop();
      leave();
    }
  }
}
