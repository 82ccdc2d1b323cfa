import { received } from './failure.ts';
import { isPromiseLike, promiseOf } from './promise-of.ts';
import { checkOptions, checkTaskOptions } from './task-options.ts';
import type { TaskOptions } from './task-options.ts';
import { TaskUpdater } from './task-updater.ts';

/**
 * Runs a function as a task: makes its updater, hands it over, ends the task and gives back what
 * the function returns, or throws the very error that it threw.
 *
 * Its scopes throw their errors on (`suppressException: false`): what the function catches leaves
 * a failed job and a completed task. With `true` the task ends as `raiseLatestException()` does.
 */
export function runTask<T, Suppress extends boolean = false>(
  taskName: string,
  fn: (updater: TaskUpdater<Suppress>) => T,
  options?: TaskOptions<Suppress>,
): T {
  if (typeof fn !== 'function') throw new TypeError(`runTask: expected a function, got ${received(fn)}`);
  if (options !== undefined) checkTaskOptions('runTask', options);
  const suppressException = options?.suppressException ?? false;
  const updater = new TaskUpdater({ ...options, taskName, suppressException }) as TaskUpdater<Suppress>;
  return runToEnd(updater, fn, suppressException);
}

/** Runs a function as what a task does: it ends with it. */
export function runToEnd<T, Suppress extends boolean>(
  updater: TaskUpdater<Suppress>,
  fn: (updater: TaskUpdater<Suppress>) => T,
  suppressException: boolean,
): T {
  const completed = (): void => {
    if (suppressException) updater.raiseLatestException();
    else updater.complete();
  };
  let result: T;
  try {
    result = updater.run(() => fn(updater));
  } catch (error) {
    updater.fail(error);
    throw error;
  }
  if (!isPromiseLike(result)) {
    completed();
    return result;
  }
  const pending = result;
  return updater.run(() => promiseOf(pending)).then(
    (value) => {
      completed();
      return value;
    },
    (error: unknown) => {
      updater.fail(error);
      throw error;
    },
  ) as T;
}

/**
 * Makes a function a task, as the seed's decorator does: each call of what it gives back is a
 * task of its own. The function gets the updater before its own arguments.
 */
export function track<This, Arguments extends unknown[], T, Suppress extends boolean = false>(
  taskName: string,
  fn: (this: This, updater: TaskUpdater<Suppress>, ...args: Arguments) => T,
  options?: Omit<TaskOptions<Suppress>, 'taskUuid'>,
): (this: This, ...args: Arguments) => T {
  if (typeof fn !== 'function') throw new TypeError(`track: expected a function, got ${received(fn)}`);
  if (options !== undefined) checkTaskOptions('track', options);
  if (options !== undefined && 'taskUuid' in options) {
    throw new TypeError('track: expected no taskUuid, since each call is a task of its own');
  }
  checkOptions({ ...options, taskName });
  return function (this: This, ...args: Arguments): T {
    return runTask<T, Suppress>(taskName, (updater) => fn.call(this, updater, ...args), options);
  };
}
