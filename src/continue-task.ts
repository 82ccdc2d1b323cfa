import { checkKeys, checkName, checkType } from './arguments.ts';
import { carriedBy } from './carrier.ts';
import type { CarriedTask, CarrierSource } from './carrier.ts';
import { received } from './failure.ts';
import type { TaskOrigin } from './open-span.ts';
import { checkOptions, checkTaskOptions, NEXT_ATTEMPT_OPTIONS, PART_OPTIONS } from './options.ts';
import type { NextAttemptOptions, PartOptions, RunOptions } from './options.ts';
import { reportOnce } from './report.ts';
import { endingOf, runToEnd } from './run-task.ts';
import type { ScopeHandle, Scope, ScopeResult } from './scope.ts';
import { beginAttempt, beginPart, openTask } from './task-updater.ts';
import type { OpenedTask, TaskUpdater } from './task-updater.ts';
import { taskUuid } from './task-uuid.ts';

/** A task that goes on in this process, in one of three ways. */
export interface ContinuedTask {
  /** UUID of the task; `undefined` where the carrier had no task. So are name and attempt. */
  readonly taskUuid: string | undefined;
  readonly taskName: string | undefined;
  /** Number of the attempt in which the carrier was made. */
  readonly attempt: number | undefined;

  /**
   * Runs a function as a scope of the same attempt, inside the scope in which the carrier was made.
   * Its outcome is the scope's; the task itself ends where it began. Errors are rethrown unless
   * `suppressException` is `true`.
   */
  scope<T, Suppress extends boolean = false>(
    name: string,
    fn: (scope: Scope<Suppress>) => T,
    options?: PartOptions<Suppress>,
  ): ScopeResult<T, Suppress>;

  /**
   * Runs a function as the next attempt of the task, as `runTask` does: with its UUID and name, the
   * next number (or `attempt`), and a span link to the scope in which the carrier was made.
   */
  nextAttempt<T, Suppress extends boolean = false>(
    fn: (updater: TaskUpdater<Suppress>) => T,
    options?: NextAttemptOptions<Suppress>,
  ): T;

  /**
   * Runs a function as a separate task, as `runTask` does, of which the carrier's task is the
   * parent. In the parent's log and record one scope of the child's name stands for it: it begins
   * and ends with the child, and has the child's progress.
   */
  child<T, Suppress extends boolean = false>(
    taskName: string,
    fn: (updater: TaskUpdater<Suppress>) => T,
    options?: RunOptions<Suppress>,
  ): T;
}

/**
 * Continues a task that has begun in another process.
 *
 * A carrier without a task, or with a malformed one, is reported once through `diag`, and the code runs all the
 * same: a part is not recorded then, a child has no parent, and the next attempt is a separate task.
 *
 * @param carrier What `carrier()` returned, headers that contain it, or `process.env`.
 * @throws TypeError if the carrier is no object.
 */
export function continueTask(carrier: CarrierSource): ContinuedTask {
  if (typeof carrier !== 'object' || carrier === null || Array.isArray(carrier)) {
    throw new TypeError(`continueTask: expected a carrier, headers or an environment, got ${received(carrier)}`);
  }
  return new Continued(read(carrier));
}

function read(carrier: CarrierSource): CarriedTask | undefined {
  try {
    const carried = carriedBy(carrier);
    if (carried === undefined) {
      reportOnce('continueTask', 'continueTask() got no task: expected what carrier() gave, with a well-formed "taskspan"');
    }
    return carried;
  } catch (error) {
    reportOnce('continueTask', 'continueTask() could not read what it got', error);
    return undefined;
  }
}

class Continued implements ContinuedTask {
  readonly #carried: CarriedTask | undefined;

  constructor(carried: CarriedTask | undefined) {
    this.#carried = carried;
  }

  get taskUuid(): string | undefined {
    return this.#carried?.taskUuid;
  }

  get taskName(): string | undefined {
    return this.#carried?.taskName;
  }

  get attempt(): number | undefined {
    return this.#carried?.attempt;
  }

  scope<T, Suppress extends boolean = false>(
    name: string,
    fn: (scope: Scope<Suppress>) => T,
    options: PartOptions<Suppress> = {},
  ): ScopeResult<T, Suppress> {
    checkName(name, 'scope');
    checkFunction('scope', fn);
    checkKeys('scope', options, PART_OPTIONS);
    const { suppressException = false } = options;
    const part = this.#openPart(name, { ...options, suppressException });
    return part.runToEnd(fn, suppressException) as ScopeResult<T, Suppress>;
  }

  nextAttempt<T, Suppress extends boolean = false>(
    fn: (updater: TaskUpdater<Suppress>) => T,
    options: NextAttemptOptions<Suppress> = {},
  ): T {
    checkFunction('nextAttempt', fn);
    checkKeys('nextAttempt', options, NEXT_ATTEMPT_OPTIONS);
    const { taskUuid: uuid, parentTaskUuid, scope } = this.#carried ?? {};
    const { raiseLatestException, ...given } = options;
    checkType('raiseLatestException', raiseLatestException, 'boolean');
    const { taskName = this.taskName ?? UNNAMED, attempt = (this.attempt ?? 0) + 1, suppressException = false as Suppress } = given;
    const after = scope?.isInTrace === true ? scope.spanContext : scope?.sender;
    const task = openTask(
      { ...given, taskName, attempt, suppressException, ...(uuid !== undefined && { taskUuid: uuid }) },
      (updater, checked) => beginAttempt(updater, checked, { after, parentTaskUuid }),
    );
    return run(task, fn, raiseLatestException);
  }

  child<T, Suppress extends boolean = false>(
    taskName: string,
    fn: (updater: TaskUpdater<Suppress>) => T,
    options: RunOptions<Suppress> = {},
  ): T {
    checkName(taskName, 'child');
    checkFunction('child', fn);
    checkTaskOptions('child', options);
    const { raiseLatestException, ...given } = options;
    const { redact, limits, suppressException = false as Suppress } = given;
    const whole = { ...given, taskName, taskUuid: taskUuid(options.taskUuid), suppressException };
    checkOptions(whole);
    const { taskUuid: parentTaskUuid, scope } = this.#carried ?? {};
    const begin = (parentScope?: TaskOrigin['parentScope']): OpenedTask<Suppress> =>
      openTask(whole, (updater, checked) => beginAttempt(updater, checked, { parentTaskUuid, parentScope }));
    if (scope === undefined) return run(begin(), fn, raiseLatestException);
    const part = this.#openPart(taskName, { ...(redact && { redact }), ...(limits && { limits }) });
    const { spanId } = part.openScope;
    return part.run(() => {
      const child = begin(spanId === '' ? undefined : { taskSpanId: scope.taskSpanId, spanId });
      const { attempt } = child.root;
      return andThen(
        () => run(child, fn, raiseLatestException),
        () => part.openScope.end(attempt.outcome ?? 'completed', attempt.failed),
      );
    });
  }

  #openPart(name: string, options: PartOptions): ScopeHandle {
    const { taskUuid: uuid, taskName = name, attempt = 1 } = this.#carried ?? {};
    const { root } = openTask(
      { ...options, taskName, attempt: Math.max(attempt, 1), ...(uuid !== undefined && { taskUuid: uuid }) },
      (updater, given) => beginPart(updater, given, name, this.#carried),
    );
    return root;
  }
}

/** Name of the next attempt of a task whose name is unknown. */
const UNNAMED = 'Unnamed task';

function run<T, Suppress extends boolean>(
  { updater, root }: OpenedTask<Suppress>,
  fn: (updater: TaskUpdater<Suppress>) => T,
  raiseLatestException: boolean | undefined,
): T {
  return runToEnd(updater, fn, endingOf(root.attempt.suppressException, raiseLatestException));
}

/** Calls `then` after the work, whether it returned or threw: at once if the work is synchronous. */
function andThen<T>(work: () => T, then: () => void): T {
  let result: T;
  try {
    result = work();
  } catch (error) {
    then();
    throw error;
  }
  if (result instanceof Promise) return result.finally(then) as T;
  then();
  return result;
}

function checkFunction(what: string, fn: unknown): void {
  if (typeof fn !== 'function') throw new TypeError(`${what}: expected a function, got ${received(fn)}`);
}
