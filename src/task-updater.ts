import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { nameOf } from './arguments.ts';
import type { PlanInput } from './arguments.ts';
import { Attempt } from './attempt.ts';
import type { AttemptOptions, ReportedError } from './attempt.ts';
import { cleanAttributes, attributesCut } from './attributes.ts';
import { taskTracer } from './capture.ts';
import type { CarriedTask, Carrier } from './carrier.ts';
import { TaskClock } from './clock.ts';
import { IncompleteError, UnfinishedError } from './errors.ts';
import { received } from './failure.ts';
import { jsonOf } from './json-text.ts';
import { attemptLine } from './log-line.ts';
import { OpenScope } from './open-scope.ts';
import { NOT_TRACED, startPartSpan, startTaskSpan } from './open-span.ts';
import type { TaskOrigin } from './open-span.ts';
import { checkOptions } from './options.ts';
import type { EachOptions, ScopeOptions, TaskUpdaterOptions } from './options.ts';
import { reportOnce } from './report.ts';
import { currentScope, ScopeHandle } from './scope.ts';
import type { Scope, ScopeFunction, ScopeResult, Updater } from './scope.ts';
import { taskUuid } from './task-uuid.ts';
import { cleanerWith } from './text.ts';
import { VerboseLog } from './verbose-log.ts';
import { takeCancelRequests } from './worker.ts';

/**
 * Reports on a task to the people who wait for it. The task begins with the updater, and one of
 * {@link raiseLatestException}, {@link insertFinalUpdate}, {@link complete}, {@link fail} or
 * `using` ends it.
 *
 * A call belongs to the innermost scope of this task that the calling code runs in, or to the task
 * itself. No method throws because of tracing or storage; wrong arguments are a `TypeError` at once.
 * Without an OpenTelemetry SDK the task runs just the same.
 */
export class TaskUpdater<Suppress extends boolean = true> implements Disposable {
  readonly taskUuid: string;
  readonly taskName: string;
  readonly #attempt: Attempt;
  readonly #root: ScopeHandle;
  #aborter: AbortController | undefined;

  /** @param begin How the task begins. Default: as an attempt in this process. */
  constructor(options: TaskUpdaterOptions<Suppress>, begin: BeginTask = beginAttempt) {
    checkOptions(options);
    this.#root = begin(this, options);
    this.#attempt = this.#root.attempt;
    this.taskUuid = this.#attempt.uuid;
    this.taskName = this.#attempt.name;
  }

  /** Whether the task has not ended. */
  get isOpen(): boolean {
    return this.#attempt.isOpen;
  }

  /**
   * Aborted when the task is cancelled, with a `TaskCancelledError` as its reason: for
   * `fetch(url, { signal })` and all else that can be aborted. Code that never lets the event
   * loop run finds out when it reads this property, and at its next `scope` or `each`, where the
   * collector has a thread of its own.
   */
  get signal(): AbortSignal {
    takeCancelRequests();
    if (this.#aborter === undefined) {
      const { cancellation } = this.#attempt;
      this.#aborter = new AbortController();
      this.#attempt.aborter = new WeakRef(this.#aborter);
      if (cancellation !== undefined) this.#aborter.abort(cancellation);
    }
    return this.#aborter.signal;
  }

  /** Span id of the attempt's task span; empty where nothing is recorded. */
  get spanId(): string {
    return this.#attempt.spanId;
  }

  /** Trace id of the attempt, for a link to it; empty where nothing is recorded. */
  get traceId(): string {
    return this.#root.openScope.writer.ref.traceId;
  }

  /** The latest error that a scope or the task reported; `undefined` if none. */
  get latestException(): unknown {
    return this.#attempt.latest?.thrown;
  }

  /** Runs a function as a scope; see {@link Scope.scope}. */
  scope<T, S extends boolean = Suppress>(
    name: string,
    fn: (scope: Scope<Suppress>) => T,
    options?: ScopeOptions<S>,
  ): ScopeResult<T, S>;
  /** Runs a function as a scope that has the function's name; see {@link Scope.scope}. */
  scope<T, S extends boolean = Suppress>(fn: (scope: Scope<Suppress>) => T, options?: ScopeOptions<S>): ScopeResult<T, S>;
  /** Opens a scope for `using`; see {@link Scope.scope}. */
  scope(name: string): Scope<Suppress>;
  scope(name: string | ScopeFunction, fn?: ScopeFunction | ScopeOptions, options?: ScopeOptions): unknown {
    const innermost = this.#innermost();
    if (typeof name === 'function') return innermost.scope(name, fn as ScopeOptions);
    return fn === undefined ? innermost.scope(name) : innermost.scope(name, fn as ScopeFunction, options);
  }

  /**
   * The errors that the task and its scopes have reported so far, first to last, each once, with the names of the scopes
   * in which it was reported, outermost first. Of many the last 100.
   */
  get errors(): readonly ReportedError[] {
    return [...this.#attempt.errors];
  }

  /** Runs a function as code of the task, outside any scope. Errors pass through and end nothing. */
  run<T>(fn: () => T): T {
    return this.#root.run(fn);
  }

  /** Sends a message to the people who wait for the task; see {@link Scope.notify}. */
  notify(message: string, attributes?: Attributes): void {
    this.#innermost().notify(message, attributes);
  }

  /** Reports how far the task is; see {@link Scope.progress}. */
  progress(done: number, total?: number): void {
    this.#innermostOpen().progress(done, total);
  }

  /** Announces what the task is going to consist of; see {@link Scope.plan}. */
  plan(plan: PlanInput): void {
    this.#innermostOpen().plan(plan);
  }

  /** Counts items as they are taken; see {@link Scope.each}. */
  each<T>(items: Iterable<T>, options?: EachOptions): IterableIterator<T>;
  each<T>(items: AsyncIterable<T>, options?: EachOptions): AsyncIterableIterator<T>;
  each<T>(
    items: Iterable<T> | AsyncIterable<T>,
    options?: EachOptions,
  ): IterableIterator<T> | AsyncIterableIterator<T> {
    return this.#innermost().each(items as Iterable<T>, options);
  }

  /**
   * Gives the task's result, the record's `result`. Of several the last one counts.
   *
   * @param result Anything that `JSON.stringify` can write; a bigint in it becomes a text. What has no JSON (`undefined`,
   *   a function, an object in a circle) is left out and reported.
   */
  setResult(result: unknown): void {
    const json = jsonOf(result);
    const { title } = this.#attempt;
    if (json !== undefined) this.#root.setResult(json);
    else reportOnce(`result of ${title}`, `setResult() of ${title} is dropped: JSON can't write ${received(result)}`);
  }

  /**
   * Sets an attribute of the task that is known only now, such as the id of an order. The last value for a name counts,
   * also over one of the task's options.
   *
   * @param key Its name: not empty, and no name that begins with `taskspan.`. A task has at most 64.
   * @param value Text, number, boolean, or a list of them.
   */
  setAttribute(key: string, value: AttributeValue): void {
    this.#root.setAttribute(key, value);
  }

  /**
   * Ends the task (as failed if a job has failed) and throws the latest error, the very object, if
   * there is one; where a cancellation has stopped it, ends it as cancelled and throws the reason.
   */
  raiseLatestException(): void {
    this.insertFinalUpdate();
    const { latest, isStopped, cancellation } = this.#attempt;
    if (isStopped) throw cancellation;
    if (latest !== undefined) throw latest.thrown;
  }

  /**
   * Ends the task and does not throw: as cancelled if a cancellation has stopped it, else as failed
   * if a job has failed. Without effect if it has ended.
   */
  insertFinalUpdate(): void {
    const { latest, isStopped } = this.#attempt;
    if (isStopped) this.#attempt.end('cancelled');
    else if (latest === undefined) this.#attempt.end('completed');
    else this.#attempt.end('failed', latest);
  }

  /** What another process needs so that the task goes on there, inside the innermost scope; for `continueTask`. */
  carrier(): Carrier {
    return this.#innermost().carrier();
  }

  /** Ends the task as completed, whatever became of its jobs. Without effect if it has ended. */
  complete(): void {
    this.#attempt.end('completed');
  }

  /**
   * Ends the task as failed by this error, which is not thrown; as cancelled if that is what the
   * cancellation threw. Without effect if it has ended.
   */
  fail(error: unknown): void {
    if (this.#attempt.isCancellation(error)) this.#attempt.end('cancelled');
    else this.#attempt.end('failed', { thrown: error });
  }

  /**
   * Ends the task if it has not ended: as failed, since disposal can't see whether there was an
   * error, and as cancelled if it has been cancelled.
   */
  [Symbol.dispose](): void {
    if (this.isOpen) this.fail(this.#attempt.cancellation ?? new IncompleteError(this.taskName));
  }

  #innermostOpen(): ScopeHandle {
    const innermost = this.#innermost();
    return innermost.nearestOpen() ?? innermost;
  }

  #innermost(): ScopeHandle {
    const current = currentScope.getStore();
    return current !== undefined && current.updater === this ? current : this.#root;
  }
}

/** The updater of a task that has begun, and its outermost scope. */
export interface OpenedTask<Suppress extends boolean> {
  readonly updater: TaskUpdater<Suppress>;
  readonly root: ScopeHandle;
}

/** Begins a task, and returns its outermost scope beside its updater. */
export function openTask<Suppress extends boolean>(
  options: TaskUpdaterOptions<Suppress>,
  begin: BeginTask = beginAttempt,
): OpenedTask<Suppress> {
  let root!: ScopeHandle;
  const updater = new TaskUpdater(options, (own, checked) => (root = begin(own, checked)));
  return { updater, root };
}

/** Begins what an updater stands for, and returns its outermost scope. */
type BeginTask = (updater: Updater, options: TaskUpdaterOptions) => ScopeHandle;

/** Begins an attempt of a task. */
export function beginAttempt(updater: Updater, options: TaskUpdaterOptions, origin: TaskOrigin = {}): ScopeHandle {
  const { attributes = {}, verbose } = options;
  const base = attemptOptions(options);
  const attempt = new Attempt({
    ...base,
    verbose: verbose ? new VerboseLog(verbose === true ? {} : verbose, base.clock) : undefined,
    parentTaskUuid: origin.parentTaskUuid,
  });
  const start = attempt.clock.now();
  const given = cleanAttributes(attributes, attempt);
  const opened = startTaskSpan(attempt, start, given, origin);
  const root = new OpenScope(attempt, undefined, attempt.name, start, opened, given);
  const handle = new ScopeHandle(updater, root, undefined, opened.context);
  attempt.verbose?.write('other', root, attemptLine(attempt.number));
  if (root.writer.recording) droppedUpdaters.register(updater, attempt);
  const cut = attributesCut(attributes, attempt.clean.limits.attributes);
  if (cut !== '') root.notify(cut);
  return handle;
}

/** Begins a scope that is a part of a task of another process. The options have that task's name, UUID and attempt. */
export function beginPart(
  updater: Updater,
  options: TaskUpdaterOptions,
  name: string,
  { scope, parentTaskUuid }: Partial<CarriedTask> = {},
): ScopeHandle {
  const attempt = new Attempt({
    ...attemptOptions(options),
    verbose: undefined,
    parentTaskUuid,
    partOf: scope?.taskSpanId ?? '',
  });
  const clean = nameOf(name, { clean: attempt.clean, title: `task ${attempt.uuid}` });
  const start = attempt.clock.now();
  const opened = scope === undefined ? NOT_TRACED : startPartSpan(attempt, scope, clean, start);
  return new ScopeHandle(updater, new OpenScope(attempt, undefined, clean, start, opened), undefined, opened.context);
}

function attemptOptions(options: TaskUpdaterOptions): Omit<AttemptOptions, 'verbose'> {
  const clean = cleanerWith(options.redact, options.limits);
  const uuid = taskUuid(options.taskUuid);
  return {
    uuid,
    name: nameOf(options.taskName, { clean, title: `task ${uuid}` }),
    number: options.attempt ?? 1,
    tracer: taskTracer(),
    clock: new TaskClock(),
    clean,
    suppressException: options.suppressException ?? true,
  };
}

/**
 * Ends an attempt as failed when its updater was garbage collected, since no code can end it then. Open scopes, and code
 * that runs in them, hold the updater.
 */
const droppedUpdaters = new FinalizationRegistry<Attempt>((attempt) => {
  const message = 'abandoned: the updater was dropped without its final update';
  attempt.close({ outcome: 'failed', failed: { thrown: new UnfinishedError('TASKSPAN_ABANDONED', message) } });
});

/** The updater of the task that the running code belongs to, across awaits and timers; `undefined` outside any task. */
export function currentUpdater(): TaskUpdater<boolean> | undefined {
  // Each scope has the updater that began its task.
  return currentScope.getStore()?.updater as TaskUpdater<boolean> | undefined;
}

/** `notify()` of the innermost scope that the running code belongs to; outside any task it does nothing. */
export function notify(message: string, attributes?: Attributes): void {
  currentScope.getStore()?.notify(message, attributes);
}

/** `progress()` of the innermost scope that the running code belongs to; outside any task it does nothing. */
export function progress(done: number, total?: number): void {
  currentUpdater()?.progress(done, total);
}
