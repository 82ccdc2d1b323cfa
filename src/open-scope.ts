import type { Attributes } from '@opentelemetry/api';
import type { Attempt } from './attempt.ts';
import { TaskClock } from './clock.ts';
import type { Outcome } from './conventions.ts';
import type { Plan } from './fact.ts';
import { describeFailure, failureText } from './failure.ts';
import type { Failure } from './failure.ts';
import { attributesCut } from './limits.ts';
import { messageLines, nameLine, outcomeLines } from './log-line.ts';
import { NOT_TRACED } from './open-span.ts';
import type { OpenSpan } from './open-span.ts';
import { ProgressGate } from './progress-gate.ts';
import { ProgressTracker } from './progress.ts';
import { reportOnce } from './report.ts';
import { SpanWriter } from './span-writer.ts';
import type { TaskTotals } from './span-writer.ts';
import { notificationAttributes } from './text.ts';
import type { VerboseLog } from './verbose-log.ts';

/**
 * A scope as far as it takes to end it, or the task itself as the root of its scopes.
 *
 * It holds no updater and no context: whoever ends a scope that its owner has forgotten has this.
 */
export class OpenScope {
  readonly task: Attempt;
  readonly writer: SpanWriter;
  readonly parent: OpenScope | undefined;
  readonly name: string;
  /** The scopes opened before and after it of those that are open. */
  older: OpenScope | undefined;
  newer: OpenScope | undefined;
  readonly #start: number;
  /** Whether the task itself is recorded. */
  readonly #taskRecords: boolean;
  #open = true;
  #heading = false;
  #gate: ProgressGate | undefined;
  #toldInside: ReportedErrors | undefined;
  #tracker: ProgressTracker | undefined;

  /** @param given Of a task itself: its attributes. */
  constructor(task: Attempt, parent: OpenScope | undefined, name: string, start: number, opened: OpenSpan, given?: Attributes) {
    this.task = task;
    this.writer = opened === NOT_TRACED ? NOT_WRITTEN : new SpanWriter(opened, start, task.clock, given);
    this.parent = parent;
    this.name = name;
    this.#start = start;
    this.#taskRecords = parent === undefined ? this.writer.recording : parent.#taskRecords;
    // What is not recorded needs nobody to end it.
    if (this.writer.recording) task.opened(this);
    if (parent === undefined) {
      task.root = this;
      return;
    }
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

  isInside(outer: OpenScope): boolean {
    for (let scope = this.parent; scope !== undefined; scope = scope.parent) if (scope === outer) return true;
    return false;
  }

  /** Tells those who wait for the task. */
  notify(message: string, attributes: Attributes | undefined): void {
    const { task } = this;
    if (!this.writer.recording && task.verbose === undefined) return;
    try {
      let text = task.clean.message(message);
      if (attributes !== undefined) text += attributesCut(attributes, task.clean.limits.attributes);
      if (this.writer.recording) {
        this.writer.notification(text, attributes === undefined ? undefined : notificationAttributes(attributes, task));
      }
      task.verbose?.write('message', this, messageLines(text));
    } catch (error) {
      reportOnce('notify', 'a notification could not be recorded', error);
    }
  }

  /** Takes how far it is; many steps make a handful of facts. */
  progress(done: number, total: number | undefined): void {
    this.tracker?.reportDone(done, total);
    if (!this.writer.recording) return;
    this.#gate ??= new ProgressGate((state) => this.record(() => this.writer.progress(state.done, state.total)));
    this.#gate.update(done, total);
  }

  /** Takes what it is going to consist of. */
  plan(plan: Plan): void {
    this.tracker?.setPlan(plan);
    this.record(() => this.writer.plan(plan));
  }

  /** How far it is; kept only where somebody watches. */
  get tracker(): ProgressTracker | undefined {
    const { watcher } = this.task;
    if (watcher === undefined) return undefined;
    return (this.#tracker ??= new ProgressTracker(this.name, this.parent?.tracker, watcher));
  }

  /** Writes a fact; a trouble with it is told, not thrown. */
  record(write: () => void): void {
    if (!this.writer.recording) return;
    try {
      write();
    } catch (error) {
      reportOnce('record', 'a fact could not be recorded', error);
    }
  }

  /**
   * Ends the scope and its span. Without effect if it has ended.
   *
   * @param failed What was thrown, where something was.
   * @param last What is known only at the end, asked for after the failure has been reported.
   */
  end(outcome: Outcome, failed?: { readonly thrown: unknown }, last?: () => TaskTotals): void {
    if (!this.#open) return;
    this.#gate?.close();
    this.#open = false;
    this.tracker?.end(outcome);
    if (this.writer.recording) this.task.ended(this);
    const own = failed !== undefined && this.#toldInside?.has(failed.thrown) !== true;
    if (this.#isCounted) this.#countJob(outcome, own);
    try {
      const failure = failed === undefined ? undefined : this.#tell(failed.thrown, own);
      this.#close(outcome, failure, own, last);
    } catch (error) {
      reportOnce('end', 'the end of a scope could not be recorded', error);
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
      (outer.#toldInside ??= new ReportedErrors()).add(thrown);
    }
    const { name, message, stack } = describeFailure(thrown);
    const failure: Failure = {
      name: task.clean.name(name) || 'Error',
      message: task.clean.message(message),
      stack: stack === undefined ? undefined : task.clean.stack(stack),
    };
    // The task's own error is the latest, even one that a scope has told before some other.
    if (own || this.parent === undefined) task.latest = { thrown, text: failureText(failure) };
    if (own) this.record(() => this.writer.exception(failure));
    return failure;
  }

  #close(outcome: Outcome, failure: Failure | undefined, own: boolean, last: (() => TaskTotals) | undefined): void {
    const { task } = this;
    const { verbose, clock } = task;
    if (!this.writer.recording && verbose === undefined) return;
    const time = clock.now();
    if (verbose !== undefined) this.#print(verbose, outcome, time, own ? failure : undefined);
    if (this.writer.recording) {
      this.writer.end({ outcome, heading: this.#heading, failure, own, time, of: task, totals: last?.() });
    }
  }

  #print(verbose: VerboseLog, outcome: Outcome, time: number, error: Failure | undefined): void {
    const lines = outcomeLines(outcome, time - this.#start, error);
    if (this.parent === undefined) {
      const told = error !== undefined || outcome === 'cancelled';
      if (told) verbose.write('other', this, nameLine(this.name) + lines);
    } else if (error !== undefined || !this.#heading) verbose.write('outcome', this, lines);
  }
}

/** The writer of all that is not traced: it writes nothing, so that one is enough. */
const NOT_WRITTEN = new SpanWriter(NOT_TRACED, 0, new TaskClock());

/** The errors that scopes inside a scope have told, so that it does not tell them as its own. */
export class ReportedErrors {
  #objects: WeakSet<object> | undefined;
  #values: Set<unknown> | undefined;

  add(thrown: unknown): void {
    if (isObject(thrown)) (this.#objects ??= new WeakSet()).add(thrown);
    else (this.#values ??= new Set()).add(thrown);
  }

  has(thrown: unknown): boolean {
    return isObject(thrown) ? (this.#objects?.has(thrown) ?? false) : (this.#values?.has(thrown) ?? false);
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}
