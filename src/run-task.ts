import { untilCommitted } from './capture.ts';
import { functionName } from './arguments.ts';
import { received } from './failure.ts';
import { checkOptions, checkTaskOptions } from './options.ts';
import type { RunOptions, TaskUpdaterOptions } from './options.ts';
import { isPromiseLike, promiseOf } from './scope.ts';
import { openTask, TaskUpdater } from './task-updater.ts';

/**
 * Runs a function as a task: makes its updater, passes it to the function, ends the task and returns what
 * the function returned, or throws the very error that it threw.
 *
 * Its scopes rethrow their errors (`suppressException: false`): an error that the function catches leaves
 * a failed job and a completed task. With `true` the task ends as `raiseLatestException()` does, or with the option of
 * that name `false` as `insertFinalUpdate()` does, which throws nothing.
 */
export function runTask<T, Suppress extends boolean = false>(
  taskName: string,
  fn: (updater: TaskUpdater<Suppress>) => T,
  options?: RunOptions<Suppress>,
): T {
  const { task, end } = checkedOptions('runTask', taskName, fn, options);
  return runToEnd(new TaskUpdater(task), fn, end);
}

/** A task that {@link startTask} has started. */
export interface StartedTask<T> {
  readonly taskUuid: string;
  /**
   * What the function returns or throws. Code that does not need it may ignore it: it is never an unhandled
   * rejection.
   */
  readonly done: Promise<T>;
}

/**
 * Starts a function as a task, as {@link runTask} does, and does not wait for its end: for a web
 * handler that answers with the task's UUID.
 *
 * The function begins before this returns. The promise resolves when the record can be found: when
 * the start is committed, or acknowledged where facts are sent, and after two seconds at the latest,
 * which is reported. Without a collector it resolves at once.
 *
 * Rejects with a TypeError for wrong arguments, and for nothing else.
 */
export async function startTask<T, Suppress extends boolean = false>(
  taskName: string,
  fn: (updater: TaskUpdater<Suppress>) => T,
  options?: RunOptions<Suppress>,
): Promise<StartedTask<Awaited<T>>> {
  const { task, end } = checkedOptions('startTask', taskName, fn, options);
  const { updater, root } = openTask(task);
  const run = async (): Promise<Awaited<T>> => await runToEnd(updater, fn, end);
  const done = run();
  done.catch(() => undefined);
  await untilCommitted(root.attempt.processors);
  return { taskUuid: updater.taskUuid, done };
}

/** Checks function and options, and returns the options of the task's updater and how the task ends. */
function checkedOptions<Suppress extends boolean>(
  what: string,
  taskName: string,
  fn: unknown,
  options: RunOptions<Suppress> | undefined,
): { task: TaskUpdaterOptions<Suppress>; end: TaskEnding } {
  if (typeof fn !== 'function') throw new TypeError(`${what}: expected a function, got ${received(fn)}`);
  if (options !== undefined) checkTaskOptions(what, options);
  const { raiseLatestException, ...task } = options ?? {};
  const suppressException = task.suppressException ?? (false as Suppress);
  return { task: { ...task, taskName, suppressException }, end: endingOf(suppressException, raiseLatestException) };
}

/** How a task ends whose function has returned: by the method of this name. */
type TaskEnding = 'complete' | 'raiseLatestException' | 'insertFinalUpdate';

export function endingOf(suppressException: boolean, raiseLatestException = true): TaskEnding {
  if (!suppressException) return 'complete';
  return raiseLatestException ? 'raiseLatestException' : 'insertFinalUpdate';
}

/** Runs a function as the work of a task, which ends with it. */
export function runToEnd<T, Suppress extends boolean>(
  updater: TaskUpdater<Suppress>,
  fn: (updater: TaskUpdater<Suppress>) => T,
  end: TaskEnding,
): T {
  const completed = (): void => updater[end]();
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

/** A function that {@link track} makes a task. */
type TrackedFunction<This, Arguments extends unknown[], T, Suppress extends boolean> = (
  this: This,
  updater: TaskUpdater<Suppress>,
  ...args: Arguments
) => T;

/**
 * Makes a function a task: each call of the returned function is a separate task. `fn` gets the updater before its
 * own arguments. Without a name the task has the function's, or `(unnamed)` for a function that has none.
 */
export function track<This, Arguments extends unknown[], T, Suppress extends boolean = false>(
  taskName: string,
  fn: TrackedFunction<This, Arguments, T, Suppress>,
  options?: Omit<RunOptions<Suppress>, 'taskUuid'>,
): (this: This, ...args: Arguments) => T;
export function track<This, Arguments extends unknown[], T, Suppress extends boolean = false>(
  fn: TrackedFunction<This, Arguments, T, Suppress>,
  options?: Omit<RunOptions<Suppress>, 'taskUuid'>,
): (this: This, ...args: Arguments) => T;
export function track(...args: [unknown, unknown?, unknown?]): (this: unknown, ...args: unknown[]) => unknown {
  const [taskName, fn, options] = typeof args[0] === 'function' ? [functionName(args[0]) ?? '', ...args] : args;
  return tracked(taskName as string, fn as TrackedFunction<unknown, unknown[], unknown, boolean>, options as RunOptions | undefined);
}

function tracked<This, Arguments extends unknown[], T, Suppress extends boolean>(
  taskName: string,
  fn: TrackedFunction<This, Arguments, T, Suppress>,
  options: Omit<RunOptions<Suppress>, 'taskUuid'> | undefined,
): (this: This, ...args: Arguments) => T {
  if (typeof fn !== 'function') throw new TypeError(`track: expected a function, got ${received(fn)}`);
  if (options !== undefined) checkTaskOptions('track', options);
  if (options !== undefined && 'taskUuid' in options) {
    throw new TypeError('track: expected no taskUuid, since each call is a separate task');
  }
  const { raiseLatestException: _, ...task } = options ?? {};
  checkOptions({ ...task, taskName });
  return function (this: This, ...args: Arguments): T {
    return runTask<T, Suppress>(taskName, (updater) => fn.call(this, updater, ...args), options);
  };
}
