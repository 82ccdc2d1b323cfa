import type { Context } from 'hono';
import { received } from '../../../src/failure.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { problem } from '../problem.ts';
import type { TaskWatchers } from './task-watchers.ts';
import { clearTimeout, setTimeout } from '../../../src/timers.ts';

const LONGEST_WAIT = 30;

/** For how many seconds `?wait=` lets a request wait for its task; 0 without it, a 400 for any other value than 1 to 30. */
export function waitOf(c: Context): number | Response {
  const wait = c.req.query('wait');
  if (wait === undefined) return 0;
  const seconds = /^\d{1,2}$/.test(wait) ? Number(wait) : 0;
  if (seconds >= 1 && seconds <= LONGEST_WAIT) return seconds;
  return problem(400, `wait: expected whole seconds from 1 to ${LONGEST_WAIT}, got ${received(wait)}`);
}

/**
 * Waits until the store has a task, and resolves to whether it has. It is `false` after so many seconds, at once where
 * they are 0, and as soon as the client has disconnected. All waiting requests share one watch of the store.
 */
export async function taskAppears(
  c: Context,
  store: TaskStore,
  watchers: TaskWatchers,
  uuid: string,
  seconds: number,
): Promise<boolean> {
  if (seconds === 0) return false;
  const leave = await watchers.enter();
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const stop = watchers.onCommit(uuid, () => resolve(true));
  const timer = setTimeout(resolve, seconds * 1000, false);
  timer.unref();
  const { signal } = c.req.raw;
  const disconnected = (): void => resolve(false);
  signal.addEventListener('abort', disconnected);
  try {
    if (signal.aborted) return false;
    // The listener comes first, so that no commit is missed between it and this reading.
    return (await store.stored(uuid)) !== undefined || (await promise);
  } finally {
    signal.removeEventListener('abort', disconnected);
    clearTimeout(timer);
    stop();
    leave();
  }
}

/** The feed of a task, which may begin within so many seconds; `undefined` without one. The caller releases it. */
export async function watchedTask(
  c: Context,
  store: TaskStore,
  watchers: TaskWatchers,
  uuid: string,
  seconds: number,
): ReturnType<TaskWatchers['task']> {
  for (;;) {
    const watched = await watchers.task(uuid);
    // Requests for one task share a reading. One that began before the task appeared has no task: then it is read again.
    if (watched !== undefined || !(await taskAppears(c, store, watchers, uuid, seconds))) return watched;
  }
}
