import type { Attributes } from '@opentelemetry/api';
import type { PlanInput } from './arguments.ts';
import type { Carrier } from './carrier.ts';
import type { EachOptions, ScopeOptions } from './options.ts';

/**
 * The result of `scope()`: the function's own, if errors are rethrown. If they are suppressed, it is `undefined` for a
 * function that failed.
 */
export type ScopeResult<T, Suppress extends boolean> = Suppress extends false
  ? T
  : [T] extends [never]
    ? undefined
    : T extends PromiseLike<infer Value>
      ? Promise<Value | undefined>
      : T | undefined;

/**
 * A named part of a task: one span, and one job if it encloses no other scope.
 *
 * After a scope has ended, its notifications and new scopes belong to the nearest scope around it that is open.
 * No method throws because of tracing or storage; wrong arguments are a `TypeError` at once.
 */
export interface Scope<Suppress extends boolean = boolean> extends Disposable {
  readonly name: string;

  /** The updater's: aborted when the task is cancelled. */
  readonly signal: AbortSignal;

  /**
   * Runs a function as a scope inside this one and returns its result: a promise, if the function is
   * asynchronous. Meanwhile its span is OpenTelemetry's active span.
   *
   * In a cancelled task the function does not run: the reason is thrown at once. An error that the
   * cancellation causes in the function (the reason, or any `AbortError`) ends the scope as
   * cancelled and is rethrown, whatever `suppressException` is.
   */
  scope<T, S extends boolean = Suppress>(
    name: string,
    fn: (scope: Scope<Suppress>) => T,
    options?: ScopeOptions<S>,
  ): ScopeResult<T, S>;

  /**
   * Opens a scope that ends by `using`, or by {@link complete} or {@link fail}. A scope that is
   * disposed of without `complete()` has failed, since JavaScript's disposal can't see an error. Its
   * span is not OpenTelemetry's active span; {@link run} makes it active for a function.
   */
  scope(name: string): Scope<Suppress>;

  /** Runs a function with this scope as the innermost one and its span as the active span. Errors pass through. */
  run<T>(fn: () => T): T;

  /** Sends a message to the people who wait for the task: a line of its log. */
  notify(message: string, attributes?: Attributes): void;

  /**
   * Reports how far the scope is. Many calls make a handful of events; the last one always counts.
   *
   * @param done Steps done, at least 0.
   * @param total Steps in all; without it only `done` is known.
   */
  progress(done: number, total?: number): void;

  /**
   * Announces what the scope is going to consist of, so that its progress follows from the scopes
   * inside it: how many, their names, or their names with weights. The first plan counts.
   */
  plan(plan: PlanInput): void;

  /**
   * Returns the same items, and counts them as progress of this scope while they are taken. In a
   * cancelled task the next item is not taken: the reason is thrown.
   */
  each<T>(items: Iterable<T>, options?: EachOptions): IterableIterator<T>;
  each<T>(items: AsyncIterable<T>, options?: EachOptions): AsyncIterableIterator<T>;

  /** What another process needs so that the task goes on there, inside this scope; for `continueTask`. */
  carrier(): Carrier;

  /** Ends the scope as completed. Without effect if it has ended. */
  complete(): void;

  /** Ends the scope as failed by this error, which is kept, not thrown. Without effect if it has ended. */
  fail(error: unknown): void;
}
