import { AsyncLocalStorage } from 'node:async_hooks';
import { context as contextApi } from '@opentelemetry/api';
import type { Attributes, AttributeValue, Context } from '@opentelemetry/api';
import { checkKeys, checkName, functionName, isDone, nameOf, planOf, totalOf } from './arguments.ts';
import type { PlanInput } from './arguments.ts';
import type { Attempt } from './attempt.ts';
import { cleanAttributes } from './attributes.ts';
import { carrierOf } from './carrier.ts';
import type { Carrier } from './carrier.ts';
import { countEach } from './each.ts';
import { IncompleteError } from './errors.ts';
import { received } from './failure.ts';
import { OpenScope } from './open-scope.ts';
import { contextInside, NOT_TRACED, scopeAttributes, startScopeSpan } from './open-span.ts';
import { checkScopeOptions, EACH_OPTIONS } from './options.ts';
import type { EachOptions, ScopeOptions } from './options.ts';
import { reportOnce } from './report.ts';
import { shared } from './shared-between-copies.ts';
import { cleanJson } from './text.ts';
import { takeCancelRequests } from './worker.ts';

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

  /** The same, with the function's name as the scope's: where it has none, the name of the scope around it. */
  scope<T, S extends boolean = Suppress>(fn: (scope: Scope<Suppress>) => T, options?: ScopeOptions<S>): ScopeResult<T, S>;

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

/** An updater, as the scopes of its task know it. */
export interface Updater {
  readonly signal: AbortSignal;
}

/**
 * The scope that the running code belongs to. It is a storage of our own: OpenTelemetry's context keeps nothing
 * without an SDK, and its baggage goes out with every HTTP request.
 */
export const currentScope: AsyncLocalStorage<ScopeHandle> = shared('current-scope', () => new AsyncLocalStorage());

/**
 * A scope as task code has it, or the task itself as the root of its scopes.
 *
 * It holds the updater: while code has a scope, or runs in one, the task is not abandoned.
 */
export class ScopeHandle implements Scope {
  readonly attempt: Attempt;
  readonly updater: Updater;
  readonly openScope: OpenScope;
  readonly #parent: ScopeHandle | undefined;
  readonly #context: Context | undefined;
  #hasPlan = false;
  /** The context in which the last scope inside began, and what it was made of. */
  #inside: Context | undefined;
  #outside: Context | undefined;
  #wasCurrent = false;
  #scopeAttributes: Readonly<Attributes> | undefined;

  constructor(updater: Updater, openScope: OpenScope, parent: ScopeHandle | undefined, context: Context | undefined) {
    this.attempt = openScope.attempt;
    this.updater = updater;
    this.openScope = openScope;
    this.#parent = parent;
    this.#context = context;
  }

  get name(): string {
    return this.openScope.name;
  }

  get signal(): AbortSignal {
    return this.updater.signal;
  }

  /** This scope, or the nearest around it that is still open; `undefined` once the task has ended too. */
  nearestOpen(): ScopeHandle | undefined {
    return this.openScope.isOpen ? this : this.#parent?.nearestOpen();
  }

  scope<T, S extends boolean>(name: string, fn: (scope: Scope) => T, options?: ScopeOptions<S>): ScopeResult<T, S>;
  scope<T, S extends boolean>(fn: (scope: Scope) => T, options?: ScopeOptions<S>): ScopeResult<T, S>;
  scope(name: string): Scope;
  scope(name: string | ScopeFunction, fn?: ScopeFunction | ScopeOptions, options?: ScopeOptions): unknown {
    if (typeof name === 'function') {
      return this.scope(functionName(name) ?? (this.nearestOpen() ?? this).name, name, fn as ScopeOptions);
    }
    checkName(name, 'scope');
    this.#throwIfCancelled();
    if (fn === undefined) return this.#openChild(name);
    if (typeof fn !== 'function') throw new TypeError(`scope: expected a function, got ${received(fn)}`);
    if (options !== undefined) checkScopeOptions(options);
    const suppress = options?.suppressException ?? this.attempt.suppressException;
    return this.#openChild(name).runToEnd(fn, suppress);
  }

  run<T>(fn: () => T): T {
    return currentScope.run(this, callIn<T>, this.#context, fn, this);
  }

  /** Runs a function as the work of the scope, which ends with it. */
  runToEnd(fn: (scope: Scope) => unknown, suppress: boolean): unknown {
    let result: unknown;
    try {
      result = currentScope.run(this, callIn<unknown>, this.#context, fn, this);
    } catch (error) {
      return this.#failed(error, suppress);
    }
    if (!isPromiseLike(result)) {
      this.complete();
      return result;
    }
    return this.#promiseOf(result).then(
      (value) => {
        this.complete();
        return value;
      },
      (error: unknown) => this.#failed(error, suppress),
    );
  }

  notify(message: string, attributes?: Attributes): void {
    if (typeof message !== 'string') {
      throw new TypeError(`notify: expected the message to be a string, got ${received(message)}`);
    }
    if (attributes !== undefined && !isAttributes(attributes)) {
      throw new TypeError(`notify: expected the attributes to be an object, got ${received(attributes)}`);
    }
    this.#openOrReport('notify')?.openScope.notify(message, attributes);
  }

  progress(done: number, total?: number): void {
    const all = totalOf(total, 'progress', this.attempt);
    if (!isDone(done, this.attempt)) return;
    if (this.openScope.isOpen) this.openScope.progress(done, all);
    else this.#reportTooLate('progress');
  }

  plan(plan: PlanInput): void {
    const planned = planOf(plan, this.attempt);
    if (planned === undefined) return;
    const { openScope } = this;
    if (!openScope.isOpen) {
      this.#reportTooLate('plan');
      return;
    }
    if (this.#hasPlan) {
      reportOnce('second plan', `"${this.name}" has a plan already: a scope's first plan counts`);
      return;
    }
    this.#hasPlan = true;
    openScope.plan(planned);
  }

  each<T>(items: Iterable<T>, options?: EachOptions): IterableIterator<T>;
  each<T>(items: AsyncIterable<T>, options?: EachOptions): AsyncIterableIterator<T>;
  each<T>(
    items: Iterable<T> | AsyncIterable<T>,
    options?: EachOptions,
  ): IterableIterator<T> | AsyncIterableIterator<T> {
    if (options !== undefined) checkKeys('each', options, EACH_OPTIONS);
    const { openScope, attempt } = this;
    return countEach(items, totalOf(options?.total, 'each', attempt), (done, total) => {
      if (openScope.isOpen) openScope.progress(done, total);
      this.#throwIfCancelled();
    });
  }

  carrier(): Carrier {
    // A scope that is not traced has no ids: the task goes on inside the scope around it.
    if (this.#context === undefined && this.#parent !== undefined) return this.#parent.carrier();
    return carrierOf(this.attempt, this.openScope.writer);
  }

  complete(): void {
    this.openScope.end('completed');
  }

  fail(error: unknown): void {
    const { openScope, attempt } = this;
    if (!attempt.isCancellation(error)) openScope.end('failed', { thrown: error });
    else {
      attempt.stop();
      openScope.end('cancelled');
    }
  }

  [Symbol.dispose](): void {
    // Disposal can't see what was thrown: in a cancelled task that is most likely the cancellation.
    if (this.openScope.isOpen) this.fail(this.attempt.cancellation ?? new IncompleteError(this.name));
  }

  /** Records the task's result, which is JSON text. */
  setResult(json: string): void {
    if (this.attempt.partOf !== undefined) {
      reportOnce('result of a part', `setResult() in "${this.name}" is dropped: a task's result is given where the task runs`);
      return;
    }
    const openScope = this.#openOrReport('setResult')?.openScope;
    openScope?.record(() => openScope.writer.result(cleanJson(json, this.attempt.clean)));
  }

  /** Records an attribute of the task, if this is the task itself. */
  setAttribute(key: string, value: AttributeValue): void {
    if (typeof key !== 'string') throw new TypeError(`setAttribute: expected the name to be a string, got ${received(key)}`);
    const { attempt } = this;
    if (attempt.partOf !== undefined) {
      reportOnce('attribute of a part', `setAttribute() in "${this.name}" is dropped: a task's attributes are set where the task runs`);
      return;
    }
    const openScope = this.#openOrReport('setAttribute')?.openScope;
    openScope?.record(() => {
      const { writer } = openScope;
      const attributes = cleanAttributes({ [key]: value }, attempt);
      const most = attempt.clean.limits.attributes;
      if (Object.keys(attributes).length === 0) return;
      if (writer.countAttributes(attributes) <= most) writer.attributes(attributes);
      else reportOnce(`attributes of ${attempt.title}`, `${attempt.title} has ${most} attributes already: "${key}" is dropped`);
    });
  }

  #openChild(name: string): ScopeHandle {
    const { attempt, updater } = this;
    const parent = this.nearestOpen();
    const clean = nameOf(name, attempt);
    if (parent === undefined || !attempt.isOpen) return unrecordedScope(updater, attempt, clean);
    if (parent.#context === undefined) {
      const start = attempt.verbose === undefined ? 0 : attempt.clock.now();
      return new ScopeHandle(updater, new OpenScope(attempt, parent.openScope, clean, start, NOT_TRACED), parent, undefined);
    }
    const start = attempt.clock.now();
    const opened = startScopeSpan(attempt, parent.#attributesInside(), parent.openScope.writer, clean, start, parent.#contextInside());
    return new ScopeHandle(updater, new OpenScope(attempt, parent.openScope, clean, start, opened), parent, opened.context);
  }

  #attributesInside(): Readonly<Attributes> {
    return (this.#scopeAttributes ??= scopeAttributes(this.attempt, this.openScope.spanId));
  }

  /**
   * The context for a scope inside. It is kept for the next one: many scopes begin in the same context, one after the
   * other.
   */
  #contextInside(): Context {
    const active = contextApi.active();
    if (active === this.#context) return active;
    const isCurrent = currentScope.getStore() === this;
    if (active !== this.#outside || isCurrent !== this.#wasCurrent) {
      this.#inside = contextInside(this.openScope.writer.span, active, isCurrent);
      this.#outside = active;
      this.#wasCurrent = isCurrent;
    }
    return this.#inside!;
  }

  #promiseOf<T>(result: PromiseLike<T>): Promise<T> {
    return result instanceof Promise ? (result as Promise<T>) : this.run(() => promiseOf(result));
  }

  #failed(error: unknown, suppress: boolean): undefined {
    this.fail(error);
    if (!suppress || this.attempt.isCancellation(error)) throw error;
    return undefined;
  }

  #throwIfCancelled(): void {
    takeCancelRequests();
    if (this.attempt.cancellation !== undefined) throw this.attempt.stop();
  }

  /**
   * Reports that a method of an ended scope is dropped: how far an ended scope is means nothing for the scopes around
   * it.
   */
  #reportTooLate(method: string): void {
    if (this.#openOrReport(method) === undefined) return;
    reportOnce(`${method} of an ended scope`, `${method}() of "${this.name}" after its end is dropped`);
  }

  /** This scope, or the nearest around it that is open. Reports once where there is none. */
  #openOrReport(method: string): ScopeHandle | undefined {
    const handle = this.nearestOpen();
    if (handle === undefined) {
      const { title } = this.attempt;
      reportOnce(`after the end of ${title}`, `${method}() after the end of ${title} is dropped`);
    }
    return handle;
  }
}

/** The function of a scope. */
export type ScopeFunction = (scope: Scope) => unknown;

/** Gives a scope that begins after its task has ended: its function runs, and nothing is recorded. */
function unrecordedScope(updater: Updater, attempt: Attempt, name: string): ScopeHandle {
  const { title } = attempt;
  reportOnce(`after the end of ${title}`, `scope "${name}" after the end of ${title} runs unrecorded`);
  return new ScopeHandle(updater, new OpenScope(attempt.afterEnd(), undefined, name, 0, NOT_TRACED), undefined, undefined);
}

function isAttributes(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function callIn<T>(context: Context | undefined, fn: (scope: ScopeHandle) => T, handle: ScopeHandle): T {
  return context === undefined ? fn(handle) : contextApi.with(context, fn, undefined, handle);
}

/** Whether a value can be awaited. It never throws, however hostile the value. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/**
 * Returns a promise as it is. Any other thenable begins its work now, in the calling context: a lazy one, such as a
 * query builder, begins when its `then` is called.
 */
export function promiseOf<T>(value: PromiseLike<T>): Promise<T> {
  if (value instanceof Promise) return value as Promise<T>;
  return new Promise((resolve, reject) => {
    value.then(resolve, reject);
  });
}
