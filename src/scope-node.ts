import { context as contextApi } from '@opentelemetry/api';
import type { Attributes, Context } from '@opentelemetry/api';
import type { Outcome } from './conventions.ts';
import { checkName } from './check-name.ts';
import { currentScope } from './current.ts';
import { countEach } from './each.ts';
import { describeFailure, failureText, received } from './failure.ts';
import type { Failure } from './failure.ts';
import { messageLines, nameLine, outcomeLines } from './log-line.ts';
import { planOf } from './plan.ts';
import type { PlanInput } from './plan.ts';
import { checkProgress, ProgressGate } from './progress.ts';
import { isPromiseLike, promiseOf } from './promise-of.ts';
import { reportOnce } from './report.ts';
import type { EachOptions, Scope, ScopeOptions, ScopeResult } from './scope.ts';
import { contextInside, NOT_TRACED, startScopeSpan } from './scope-span.ts';
import type { OpenSpan } from './scope-span.ts';
import { SpanWriter } from './span-writer.ts';
import { checkEachOptions, checkScopeOptions } from './task-options.ts';
import { JobCounter } from './task-run.ts';
import type { TaskRun } from './task-run.ts';
import { cleanAttributes, cleanJson } from './text.ts';
import { ToldErrors } from './told-errors.ts';
import type { VerboseLog } from './verbose-log.ts';

/** A scope, or the task itself as the root of its scopes: its place in the tree, and what is said in it. */
export class ScopeNode implements Scope {
  readonly task: TaskRun;
  readonly parent: ScopeNode | undefined;
  readonly name: string;
  readonly writer: SpanWriter;
  readonly #context: Context | undefined;
  readonly #start: number;
  /** Whether the task itself is recorded. */
  readonly #taskRecords: boolean;
  #open = true;
  #heading = false;
  #planned = false;
  #gate: ProgressGate | undefined;
  #toldInside: ToldErrors | undefined;
  /** The context in which the last scope inside began, and what it was made of. */
  #inside: Context | undefined;
  #outside: Context | undefined;

  constructor(task: TaskRun, parent: ScopeNode | undefined, name: string, start: number, open: OpenSpan) {
    this.task = task;
    this.parent = parent;
    this.name = name;
    this.writer = new SpanWriter(open.span, task.clock);
    this.#context = open.context;
    this.#start = start;
    this.#taskRecords = parent === undefined ? this.writer.recording : parent.#taskRecords;
    if (parent === undefined) return;
    parent.#enclose();
    if (this.#isCounted) task.jobs.running++;
    task.verbose?.write('other', this, nameLine(name));
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get isHeading(): boolean {
    return this.#heading;
  }

  isInside(outer: ScopeNode): boolean {
    for (let node = this.parent; node !== undefined; node = node.parent) if (node === outer) return true;
    return false;
  }

  /** This scope, or the nearest around it that is still open; `undefined` once the task has ended too. */
  nearestOpen(): ScopeNode | undefined {
    return this.#open ? this : this.parent?.nearestOpen();
  }

  scope<T, S extends boolean>(name: string, fn: (scope: Scope) => T, options?: ScopeOptions<S>): ScopeResult<T, S>;
  scope(name: string): Scope;
  scope(name: string, fn?: (scope: Scope) => unknown, options?: ScopeOptions): unknown {
    checkName(name, 'scope');
    if (fn === undefined) return this.#openChild(name);
    if (typeof fn !== 'function') throw new TypeError(`scope: expected a function, got ${received(fn)}`);
    if (options !== undefined) checkScopeOptions(options);
    const suppress = options?.suppressException ?? this.task.suppressException;
    return this.#openChild(name).#runToEnd(fn, suppress);
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
    const node = this.#open ? this : this.#elsewhere('notify');
    if (node === undefined) return;
    if (node.writer.recording || node.task.verbose !== undefined) node.#notify(message, attributes);
  }

  progress(done: number, total?: number): void {
    checkProgress(done, total);
    const node = this.#open ? this : this.#elsewhere('progress');
    if (node !== undefined) node.#progress(done, total);
  }

  plan(plan: PlanInput): void {
    const planned = planOf(plan, this.task.clean);
    const node = this.#open ? this : this.#elsewhere('plan');
    if (node === undefined) return;
    if (node.#planned) {
      reportOnce('second plan', `"${node.name}" has a plan already: a scope's first plan counts`);
      return;
    }
    node.#planned = true;
    node.#record(() => node.writer.plan(planned));
  }

  each<T>(items: Iterable<T>, options?: EachOptions): IterableIterator<T>;
  each<T>(items: AsyncIterable<T>, options?: EachOptions): AsyncIterableIterator<T>;
  each<T>(
    items: Iterable<T> | AsyncIterable<T>,
    options?: EachOptions,
  ): IterableIterator<T> | AsyncIterableIterator<T> {
    if (options !== undefined) checkEachOptions(options);
    return countEach(items, options, (done, total) => {
      if (this.#open) this.#progress(done, total);
    });
  }

  complete(): void {
    this.end('completed');
  }

  fail(error: unknown): void {
    this.end('failed', { thrown: error });
  }

  [Symbol.dispose](): void {
    if (this.#open) this.fail(new IncompleteError(this.name));
  }

  /** Keeps what the task gave as its result, as JSON text. */
  result(json: string): void {
    const node = this.#open ? this : this.#elsewhere('setResult');
    if (node !== undefined) node.#record(() => node.writer.result(cleanJson(json, node.task.clean)));
  }

  /**
   * Ends the scope and its span. Without effect if it has ended.
   *
   * @param failed What was thrown, where something was.
   * @param last Attributes known only at the end, asked for after the failure has been told.
   */
  end(outcome: Outcome, failed?: { readonly thrown: unknown }, last?: () => Attributes): void {
    if (!this.#open) return;
    this.#gate?.close();
    this.#open = false;
    const own = failed !== undefined && this.#toldInside?.has(failed.thrown) !== true;
    if (this.#isCounted) this.#countJob(outcome, own);
    try {
      const failure = failed === undefined ? undefined : this.#tell(failed.thrown, own);
      this.#close(outcome, failure, own, last);
    } catch (error) {
      reportOnce('end', 'the end of a scope could not be recorded', error);
    }
  }

  #openChild(name: string): ScopeNode {
    const { task } = this;
    const parent = this.nearestOpen();
    const clean = task.clean(name);
    if (parent === undefined || !task.updater.isOpen) return unrecordedScope(task, clean);
    if (parent.#context === undefined) {
      return new ScopeNode(task, parent, clean, task.verbose === undefined ? 0 : task.clock.now(), NOT_TRACED);
    }
    const start = task.clock.now();
    const open = startScopeSpan(task, parent.writer.span, clean, start, parent.#contextInside());
    return new ScopeNode(task, parent, clean, start, open);
  }

  /** Remembered for the next scope: many scopes begin one after the other in the same context. */
  #contextInside(): Context {
    const active = contextApi.active();
    if (active === this.#context) return active;
    if (active !== this.#outside) {
      const onPath = currentScope.getStore() === this;
      this.#inside = contextInside(this.writer.span, active, onPath);
      this.#outside = active;
    }
    return this.#inside!;
  }

  #runToEnd(fn: (scope: Scope) => unknown, suppress: boolean): unknown {
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
    if (!suppress) throw error;
    return undefined;
  }

  #notify(message: string, attributes: Attributes | undefined): void {
    const { task } = this;
    try {
      const text = task.clean(message);
      if (this.writer.recording) {
        this.writer.notification(
          text,
          attributes === undefined ? undefined : cleanAttributes(attributes, task.clean),
        );
      }
      task.verbose?.write('message', this, messageLines(text));
    } catch (error) {
      reportOnce('notify', 'a notification could not be recorded', error);
    }
  }

  #progress(done: number, total: number | undefined): void {
    if (!this.writer.recording) return;
    this.#gate ??= new ProgressGate((state) => this.#record(() => this.writer.progress(state.done, state.total)));
    this.#gate.update(done, total);
  }

  #record(write: () => void): void {
    if (!this.writer.recording) return;
    try {
      write();
    } catch (error) {
      reportOnce('record', 'a fact could not be recorded', error);
    }
  }

  /** With the first scope inside it becomes a heading: from then on it is no job. */
  #enclose(): void {
    if (this.#heading) return;
    this.#heading = true;
    if (this.#isCounted && this.#open) this.task.jobs.running--;
  }

  /** A scope that is not recorded while its task is, as where tracing is suppressed, is no job of the record either. */
  get #isCounted(): boolean {
    return this.parent !== undefined && (this.writer.recording || !this.#taskRecords);
  }

  #countJob(outcome: Outcome, own: boolean): void {
    const { jobs } = this.task;
    if (!this.#heading) jobs.running--;
    if (outcome === 'completed' && !this.#heading) jobs.finished++;
    if (outcome === 'failed' && own) jobs.failed++;
  }

  /** Says what was thrown; as an event too unless a scope inside has told it. */
  #tell(thrown: unknown, own: boolean): Failure {
    const { task } = this;
    for (let outer = this.parent; outer !== undefined; outer = outer.parent) {
      (outer.#toldInside ??= new ToldErrors()).add(thrown);
    }
    const { name, message, stack } = describeFailure(thrown);
    const failure: Failure = {
      name: task.clean(name) || 'Error',
      message: task.clean(message),
      stack: stack === undefined ? undefined : task.clean(stack),
    };
    // The task's own error is the latest, even one that a scope has told before some other.
    if (own || this.parent === undefined) task.latest = { thrown, text: failureText(failure) };
    if (own) this.#record(() => this.writer.exception(failure));
    return failure;
  }

  #close(outcome: Outcome, failure: Failure | undefined, own: boolean, last: (() => Attributes) | undefined): void {
    const { verbose, clock } = this.task;
    if (!this.writer.recording && verbose === undefined) return;
    const time = clock.now();
    if (verbose !== undefined) this.#print(verbose, outcome, time, own ? failure : undefined);
    if (this.writer.recording) {
      this.writer.end({ outcome, heading: this.#heading, failure, own, time, last: last?.() });
    }
  }

  #print(verbose: VerboseLog, outcome: Outcome, time: number, error: Failure | undefined): void {
    const lines = outcomeLines(outcome, time - this.#start, error);
    if (this.parent === undefined) {
      if (error !== undefined) verbose.write('other', this, nameLine(this.name) + lines);
    } else if (error !== undefined || !this.#heading) verbose.write('outcome', this, lines);
  }

  /** The open scope that takes what is said to this ended one; told once where there is none. */
  #elsewhere(what: string): ScopeNode | undefined {
    const node = this.nearestOpen();
    if (node === undefined) {
      const { uuid } = this.task;
      reportOnce(`after the end of ${uuid}`, `${what}() after the end of task ${uuid} is dropped`);
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
function unrecordedScope(task: TaskRun, name: string): ScopeNode {
  reportOnce(`after the end of ${task.uuid}`, `scope "${name}" after the end of task ${task.uuid} runs unrecorded`);
  const unheard: TaskRun = { ...task, verbose: undefined, jobs: new JobCounter(), latest: undefined };
  return new ScopeNode(unheard, undefined, name, 0, NOT_TRACED);
}

function isAttributes(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function callIn<T>(context: Context | undefined, fn: (scope: ScopeNode) => T, node: ScopeNode): T {
  return context === undefined ? fn(node) : contextApi.with(context, fn, undefined, node);
}
