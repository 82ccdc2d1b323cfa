import { trace } from '@opentelemetry/api';
import type { Attributes } from '@opentelemetry/api';
import * as conventions from './conventions.ts';
import type { Outcome } from './conventions.ts';
import { currentScope } from './current.ts';
import { received } from './failure.ts';
import { finalLine } from './log-line.ts';
import type { PlanInput } from './plan.ts';
import type { EachOptions, Scope, ScopeOptions, ScopeResult } from './scope.ts';
import { IncompleteError, ScopeNode } from './scope-node.ts';
import { startTaskSpan } from './scope-span.ts';
import { TaskClock } from './task-clock.ts';
import { JobCounter } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import { checkOptions } from './task-options.ts';
import type { TaskUpdaterOptions } from './task-options.ts';
import { taskUuid } from './task-uuid.ts';
import { cleanAttributes, cleanTextWith } from './text.ts';
import { VerboseLog } from './verbose-log.ts';

/**
 * Keeps those who wait for a task informed of it. The task begins with the updater, and one of
 * {@link raiseLatestException}, {@link insertFinalUpdate}, {@link complete}, {@link fail} or
 * `using` ends it.
 *
 * What is said to the updater belongs to the innermost scope of this task that the calling code
 * runs in, or to the task itself. No method throws because of tracing or storage; wrong
 * arguments are a `TypeError` at once. Without an OpenTelemetry SDK the task runs just the same.
 */
export class TaskUpdater<Suppress extends boolean = true> implements Disposable {
  readonly taskUuid: string;
  readonly taskName: string;
  readonly #task: TaskRun;
  readonly #root: ScopeNode;

  constructor(options: TaskUpdaterOptions<Suppress>) {
    checkOptions(options);
    const clean = cleanTextWith(options.redact);
    this.taskUuid = taskUuid(options.taskUuid);
    this.taskName = clean(options.taskName);
    const task: TaskRun = {
      uuid: this.taskUuid,
      name: this.taskName,
      attempt: options.attempt ?? 1,
      tracer: trace.getTracer(conventions.INSTRUMENTATION_NAME, conventions.INSTRUMENTATION_VERSION),
      clock: new TaskClock(),
      clean,
      suppressException: options.suppressException ?? true,
      verbose: options.verbose ? new VerboseLog() : undefined,
      updater: this,
      jobs: new JobCounter(),
      latest: undefined,
    };
    this.#task = task;
    const start = task.clock.now();
    const attributes = cleanAttributes(options.attributes ?? {}, clean);
    this.#root = new ScopeNode(task, undefined, task.name, start, startTaskSpan(task, start, attributes));
    task.verbose?.begin(this.#root, task.attempt);
  }

  /** Whether the task has not ended. */
  get isOpen(): boolean {
    return this.#root.isOpen;
  }

  /** Span id of the attempt's task span; all zeros or empty where nothing is traced. */
  get spanId(): string {
    return this.#root.writer.span.spanContext().spanId;
  }

  /** Trace id of the attempt, for a link to it; all zeros or empty where nothing is traced. */
  get traceId(): string {
    return this.#root.writer.span.spanContext().traceId;
  }

  /** The latest error that a scope or the task reported; `undefined` if none. */
  get latestException(): unknown {
    return this.#task.latest?.thrown;
  }

  /** Runs a function as a scope; see {@link Scope.scope}. */
  scope<T, S extends boolean = Suppress>(
    name: string,
    fn: (scope: Scope<Suppress>) => T,
    options?: ScopeOptions<S>,
  ): ScopeResult<T, S>;
  /** Opens a scope for `using`; see {@link Scope.scope}. */
  scope(name: string): Scope<Suppress>;
  scope(name: string, fn?: (scope: Scope<Suppress>) => unknown, options?: ScopeOptions): unknown {
    const inner = this.#innermost();
    return fn === undefined ? inner.scope(name) : inner.scope(name, fn, options);
  }

  /** Runs a function as part of the task, outside any scope. Errors pass through and end nothing. */
  run<T>(fn: () => T): T {
    return this.#root.run(fn);
  }

  /** Tells those who wait for the task; see {@link Scope.notify}. */
  notify(message: string, attributes?: Attributes): void {
    this.#innermost().notify(message, attributes);
  }

  /** Says how far it is; see {@link Scope.progress}. */
  progress(done: number, total?: number): void {
    this.#innermost().progress(done, total);
  }

  /** Says what it is going to consist of; see {@link Scope.plan}. */
  plan(plan: PlanInput): void {
    this.#innermost().plan(plan);
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
   * @param result Anything that `JSON.stringify` can write; `TypeError` for what it can't.
   */
  setResult(result: unknown): void {
    let json: string | undefined;
    try {
      json = JSON.stringify(result);
    } catch (error) {
      throw new TypeError(`setResult: expected a value that JSON can write, got ${received(result)}`, { cause: error });
    }
    if (json === undefined) {
      throw new TypeError(`setResult: expected a value that JSON can write, got ${received(result)}`);
    }
    this.#root.result(json);
  }

  /** Ends the task (as failed if a job has failed) and throws the latest error, the very object, if there is one. */
  raiseLatestException(): void {
    this.insertFinalUpdate();
    const { latest } = this.#task;
    if (latest !== undefined) throw latest.thrown;
  }

  /** Ends the task, as failed if a job has failed, and does not throw. Without effect if it has ended. */
  insertFinalUpdate(): void {
    const { latest } = this.#task;
    if (latest === undefined) this.#end('completed');
    else this.#end('failed', latest);
  }

  /** Ends the task as completed, whatever became of its jobs. Without effect if it has ended. */
  complete(): void {
    this.#end('completed');
  }

  /** Ends the task as failed by this error, which is not thrown. Without effect if it has ended. */
  fail(error: unknown): void {
    this.#end('failed', { thrown: error });
  }

  /** Ends the task if it has not ended: as failed, since disposal can't see whether there was an error. */
  [Symbol.dispose](): void {
    if (this.isOpen) this.fail(new IncompleteError(this.taskName));
  }

  #end(outcome: Outcome, failed?: { readonly thrown: unknown }): void {
    if (!this.isOpen) return;
    const task = this.#task;
    this.#root.end(outcome, failed, () => {
      const { total, finished, failed: failures } = task.jobs.counts();
      return {
        [conventions.EXCEPTION]: task.latest?.text ?? '',
        [conventions.JOBS_TOTAL]: total,
        [conventions.JOBS_FINISHED]: finished,
        [conventions.JOBS_FAILED]: failures,
      };
    });
    task.verbose?.write('other', this.#root, finalLine(task.jobs.counts()));
  }

  #innermost(): ScopeNode {
    const current = currentScope.getStore();
    return current !== undefined && current.task.updater === this.#task.updater ? current : this.#root;
  }
}
