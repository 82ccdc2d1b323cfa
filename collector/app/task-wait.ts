import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import type { TaskStore } from '../store/task-store.ts';
import { problem } from './problem.ts';
import type { TaskWatchers } from './task-watchers.ts';
import { clearTimeout, setTimeout } from '../../src/timers.ts';

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
 * Waits until the store has a task. Resolves to whether it has: `false` after so many seconds, at once where they are 0,
 * and as soon as the client has gone away. All who wait share the one watch of the store.
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
  const gone = (): void => resolve(false);
  signal.addEventListener('abort', gone);
  try {
    if (signal.aborted) return false;
    // After the ear is open, so that no commit falls between the two.
    return (await store.stored(uuid)) !== undefined || (await promise);
  } finally {
    signal.removeEventListener('abort', gone);
    clearTimeout(timer);
    stop();
    leave();
  }
}

/** What is told of a task that may be yet to come; to be released by the caller. */
export async function watchedTask(
  c: Context,
  store: TaskStore,
  watchers: TaskWatchers,
  uuid: string,
  seconds: number,
): ReturnType<TaskWatchers['task']> {
  for (;;) {
    const watched = await watchers.task(uuid);
    // Another client may have asked just before the task appeared, and both get its answer: then it is asked anew.
    if (watched !== undefined || !(await taskAppears(c, store, watchers, uuid, seconds))) return watched;
  }
}
