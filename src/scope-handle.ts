import { context as contextApi } from '@opentelemetry/api';
import type { Attributes, AttributeValue, Context } from '@opentelemetry/api';
import { checkName, nameOf, planOf } from './arguments.ts';
import type { PlanInput } from './arguments.ts';
import { Attempt } from './attempt.ts';
import { carrierOf } from './carrier.ts';
import type { Carrier } from './carrier.ts';
import { currentScope } from './current.ts';
import { countEach } from './each.ts';
import { received } from './failure.ts';
import { OpenScope } from './open-scope.ts';
import { contextInside, NOT_TRACED, scopeAttributes, startScopeSpan } from './open-span.ts';
import { checkEachOptions, checkScopeOptions } from './options.ts';
import { isDone, totalOf } from './progress-gate.ts';
import { reportOnce } from './report.ts';
import type { EachOptions, Scope, ScopeOptions, ScopeResult } from './scope.ts';
import type { TaskUpdater } from './task-updater.ts';
import { cleanAttributes, cleanJson } from './text.ts';

/**
 * A scope as task code has it, or the task itself as the root of its scopes: what is said in it.
 *
 * It holds the updater: as long as somebody has a scope, or code runs in it, the task is not
 * abandoned.
 */
export class ScopeHandle implements Scope {
  readonly task: Attempt;
  readonly updater: TaskUpdater<boolean>;
  readonly parent: ScopeHandle | undefined;
  readonly own: OpenScope;
  readonly #context: Context | undefined;
  #planned = false;
  /** The context in which the last scope inside began, and what it was made of. */
  #inside: Context | undefined;
  #outside: Context | undefined;
  #onPath = false;
  #scopeAttributes: Readonly<Attributes> | undefined;

  constructor(updater: TaskUpdater<boolean>, own: OpenScope, parent: ScopeHandle | undefined, context: Context | undefined) {
    this.task = own.task;
    this.updater = updater;
    this.parent = parent;
    this.own = own;
    this.#context = context;
  }

  get name(): string {
    return this.own.name;
  }

  get signal(): AbortSignal {
    return this.updater.signal;
  }

  /** This scope, or the nearest around it that is still open; `undefined` once the task has ended too. */
  nearestOpen(): ScopeHandle | undefined {
    return this.own.isOpen ? this : this.parent?.nearestOpen();
  }

  scope<T, S extends boolean>(name: string, fn: (scope: Scope) => T, options?: ScopeOptions<S>): ScopeResult<T, S>;
  scope(name: string): Scope;
  scope(name: string, fn?: (scope: Scope) => unknown, options?: ScopeOptions): unknown {
    checkName(name, 'scope');
    this.#throwIfCancelled();
    if (fn === undefined) return this.#openChild(name);
    if (typeof fn !== 'function') throw new TypeError(`scope: expected a function, got ${received(fn)}`);
    if (options !== undefined) checkScopeOptions(options);
    const suppress = options?.suppressException ?? this.task.suppressException;
    return this.#openChild(name).runToEnd(fn, suppress);
  }

  run<T>(fn: () => T): T {
    return currentScope.run(this, callIn<T>, this.#context, fn, this);
  }

  notify(message: string, attributes?: Attributes): void {
    if (typeof message !== 'string') {
      throw new TypeError(`notify: expected the message to be a string, got ${received(message)}`);
    }
    if (attributes !== undefined && !isAttributes(attributes)) {
      throw new TypeError(`notify: expected the attributes to be an object, got ${received(attributes)}`);
    }
    const node = this.own.isOpen ? this : this.#elsewhere('notify');
    node?.own.notify(message, attributes);
  }

  progress(done: number, total?: number): void {
    const all = totalOf(total, 'progress', this.task);
    if (!isDone(done, this.task)) return;
    if (this.own.isOpen) this.own.progress(done, all);
    else this.#tooLate('progress');
  }

  plan(plan: PlanInput): void {
    const planned = planOf(plan, this.task);
    if (planned === undefined) return;
    const { own } = this;
    if (!own.isOpen) {
      this.#tooLate('plan');
      return;
    }
    if (this.#planned) {
      reportOnce('second plan', `"${this.name}" has a plan already: a scope's first plan counts`);
      return;
    }
    this.#planned = true;
    own.plan(planned);
  }

  each<T>(items: Iterable<T>, options?: EachOptions): IterableIterator<T>;
  each<T>(items: AsyncIterable<T>, options?: EachOptions): AsyncIterableIterator<T>;
  each<T>(
    items: Iterable<T> | AsyncIterable<T>,
    options?: EachOptions,
  ): IterableIterator<T> | AsyncIterableIterator<T> {
    if (options !== undefined) checkEachOptions(options);
    const { own, task } = this;
    return countEach(items, totalOf(options?.total, 'each', task), (done, total) => {
      if (own.isOpen) own.progress(done, total);
      if (task.cancellation !== undefined) this.#throwIfCancelled();
    });
  }

  carrier(): Carrier {
    // A scope that is not traced stands for itself nowhere: what goes on elsewhere goes on in the one around it.
    if (this.#context === undefined && this.parent !== undefined) return this.parent.carrier();
    return carrierOf(this.task, this.own.writer);
  }

  complete(): void {
    this.own.end('completed');
  }

  fail(error: unknown): void {
    const { own, task } = this;
    if (!task.isCancellation(error)) own.end('failed', { thrown: error });
    else {
      task.stop();
      own.end('cancelled');
    }
  }

  [Symbol.dispose](): void {
    // Disposal can't see what was thrown: in a task that was told to stop it is most likely that.
    if (this.own.isOpen) this.fail(this.task.cancellation ?? new IncompleteError(this.name));
  }

  /** Keeps what the task gave as its result, as JSON text. */
  result(json: string): void {
    if (this.task.partOf !== undefined) {
      reportOnce('result of a part', `setResult() in "${this.name}" is dropped: a task's result is given where the task runs`);
      return;
    }
    const node = this.own.isOpen ? this : this.#elsewhere('setResult');
    if (node !== undefined) node.own.record(() => node.own.writer.result(cleanJson(json, node.task.clean.result)));
  }

  /** Sets an attribute of the task, if this is the task itself. */
  setAttribute(key: string, value: AttributeValue): void {
    if (typeof key !== 'string') throw new TypeError(`setAttribute: expected the name to be a string, got ${received(key)}`);
    if (this.task.partOf !== undefined) {
      reportOnce('attribute of a part', `setAttribute() in "${this.name}" is dropped: a task's attributes are set where the task runs`);
      return;
    }
    const node = this.own.isOpen ? this : this.#elsewhere('setAttribute');
    if (node === undefined) return;
    const { own, task } = node;
    own.record(() => {
      const attributes = cleanAttributes({ [key]: value }, task);
      if (Object.keys(attributes).length === 0) return;
      if (own.writer.countAttributes(attributes) <= task.clean.limits.attributes) own.writer.attributes(attributes);
      else reportOnce(`attributes of ${task.title}`, `${task.title} has ${task.clean.limits.attributes} attributes already: "${key}" is dropped`);
    });
  }

  #openChild(name: string): ScopeHandle {
    const { task, updater } = this;
    const parent = this.nearestOpen();
    const clean = nameOf(name, task);
    if (parent === undefined || !task.isOpen) return unrecordedScope(updater, task, clean);
    if (parent.#context === undefined) {
      const start = task.verbose === undefined ? 0 : task.clock.now();
      return new ScopeHandle(updater, new OpenScope(task, parent.own, clean, start, NOT_TRACED), parent, undefined);
    }
    const start = task.clock.now();
    const opened = startScopeSpan(task, parent.#attributesInside(), parent.own.writer, clean, start, parent.#contextInside());
    return new ScopeHandle(updater, new OpenScope(task, parent.own, clean, start, opened), parent, opened.context);
  }

  #attributesInside(): Readonly<Attributes> {
    return (this.#scopeAttributes ??= scopeAttributes(this.task, this.own.writer.ref.spanId));
  }

  /** Remembered for the next scope: many scopes begin one after the other in the same context. */
  #contextInside(): Context {
    const active = contextApi.active();
    if (active === this.#context) return active;
    const onPath = currentScope.getStore() === this;
    if (active !== this.#outside || onPath !== this.#onPath) {
      this.#inside = contextInside(this.own.writer.span, active, onPath);
      this.#outside = active;
      this.#onPath = onPath;
    }
    return this.#inside!;
  }

  /** Runs a function as what the scope does: it ends with it. */
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

  #promiseOf<T>(result: PromiseLike<T>): Promise<T> {
    return result instanceof Promise ? (result as Promise<T>) : this.run(() => promiseOf(result));
  }

  #failed(error: unknown, suppress: boolean): undefined {
    this.fail(error);
    if (!suppress || this.task.isCancellation(error)) throw error;
    return undefined;
  }

  #throwIfCancelled(): void {
    if (this.task.cancellation !== undefined) throw this.task.stop();
  }

  /** How far an ended scope is says nothing of those around it. */
  #tooLate(what: string): void {
    if (this.#elsewhere(what) === undefined) return;
    reportOnce(`${what} of an ended scope`, `${what}() of "${this.name}" after its end is dropped`);
  }

  /** The open scope that takes what is said to this ended one; told once where there is none. */
  #elsewhere(what: string): ScopeHandle | undefined {
    const node = this.nearestOpen();
    if (node === undefined) {
      const { title } = this.task;
      reportOnce(`after the end of ${title}`, `${what}() after the end of ${title} is dropped`);
    }
    return node;
  }
}

/** Why a scope or task failed that was disposed of without `complete()`. */
export class IncompleteError extends Error {
  override readonly name = 'IncompleteError';
  readonly code = 'TASKSPAN_INCOMPLETE';

  constructor(name: string) {
    super(`"${name}" was disposed of without complete()`);
  }
}

/** A scope opened after its task has ended: its function runs, and nothing of it is told. */
function unrecordedScope(updater: TaskUpdater<boolean>, task: Attempt, name: string): ScopeHandle {
  const { uuid, name: taskName, attempt, tracer, clock, clean, suppressException, parentTaskUuid, title } = task;
  reportOnce(`after the end of ${title}`, `scope "${name}" after the end of ${title} runs unrecorded`);
  const unheard = new Attempt({
    uuid, name: taskName, attempt, tracer, clock, clean, suppressException, verbose: undefined, parentTaskUuid, title,
  });
  return new ScopeHandle(updater, new OpenScope(unheard, undefined, name, 0, NOT_TRACED), undefined, undefined);
}

function isAttributes(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function callIn<T>(context: Context | undefined, fn: (scope: ScopeHandle) => T, node: ScopeHandle): T {
  return context === undefined ? fn(node) : contextApi.with(context, fn, undefined, node);
}

/** Whether a value is one to wait for. Never throws, however hostile the value. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/**
 * A promise as it is. Any other thenable begins its work here and now, in the calling context,
 * since that of a lazy one (a query builder) begins when it is waited for.
 */
export function promiseOf<T>(value: PromiseLike<T>): Promise<T> {
  if (value instanceof Promise) return value as Promise<T>;
  return new Promise((resolve, reject) => {
    value.then(resolve, reject);
  });
}
