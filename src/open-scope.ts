import type { Attributes } from '@opentelemetry/api';
import type { Attempt, AttemptScope } from './attempt.ts';
import { notificationAttributes, attributesCut } from './attributes.ts';
import type { TaskProcessor } from './capture.ts';
import { TaskClock } from './clock.ts';
import type { Outcome } from './conventions.ts';
import type { Plan, TaskTotals } from './fact.ts';
import { describeFailure, failureText } from './failure.ts';
import type { Failure } from './failure.ts';
import { finalLine, messageLines, nameLine, outcomeLines } from './log-line.ts';
import { NOT_TRACED } from './open-span.ts';
import type { OpenSpan } from './open-span.ts';
import { ProgressGate } from './progress-gate.ts';
import { ProgressTracker } from './progress.ts';
import { reportOnce } from './report.ts';
import { SpanWriter } from './span-writer.ts';
import type { VerboseLog } from './verbose-log.ts';

/**
 * A scope that has begun, or the task itself as the root of its scopes: its facts, and its end.
 *
 * It holds no updater and no context. So a scope can be ended after its owner was garbage collected.
 */
export class OpenScope implements AttemptScope {
  readonly attempt: Attempt;
  readonly writer: SpanWriter;
  readonly parent: OpenScope | undefined;
  readonly name: string;
  older: AttemptScope | undefined;
  newer: AttemptScope | undefined;
  readonly #start: number;
  /** Whether the task itself is recorded. */
  readonly #taskRecords: boolean;
  #isOpen = true;
  #isHeading = false;
  #gate: ProgressGate | undefined;
  #tracker: ProgressTracker | undefined;
  /** The errors that scopes inside have reported. */
  #reportedInside: ReportedErrors | undefined;

  /** @param given The attributes of a task, for the root. */
  constructor(attempt: Attempt, parent: OpenScope | undefined, name: string, start: number, opened: OpenSpan, given?: Attributes) {
    this.attempt = attempt;
    this.writer = opened === NOT_TRACED ? NOT_WRITTEN : new SpanWriter(opened, start, attempt.clock, given);
    this.parent = parent;
    this.name = name;
    this.#start = start;
    this.#taskRecords = parent === undefined ? this.writer.recording : parent.#taskRecords;
    // A scope that is not recorded need not be ended from outside.
    if (this.writer.recording) attempt.opened(this);
    if (parent === undefined) {
      attempt.root = this;
      return;
    }
    parent.#enclose();
    this.tracker?.begin();
    if (this.#isCounted) attempt.jobs.running++;
    attempt.verbose?.write('other', this, nameLine(name));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether it encloses a scope of this process, so that it is no job. */
  get isHeading(): boolean {
    return this.#isHeading;
  }

  get spanId(): string {
    return this.writer.ref.spanId;
  }

  isInside(outer: OpenScope): boolean {
    for (let scope = this.parent; scope !== undefined; scope = scope.parent) if (scope === outer) return true;
    return false;
  }

  startAgain(processor: TaskProcessor): void {
    this.writer.sink?.startAgain(processor);
  }

  /** Records a message for the people who wait for the task. */
  notify(message: string, attributes?: Attributes): void {
    const { attempt } = this;
    if (!this.writer.recording && attempt.verbose === undefined) return;
    try {
      let text = attempt.clean.message(message);
      if (attributes !== undefined) text += attributesCut(attributes, attempt.clean.limits.attributes);
      if (this.writer.recording) {
        this.writer.notification(text, attributes === undefined ? undefined : notificationAttributes(attributes, attempt));
      }
      attempt.verbose?.write('message', this, messageLines(text));
    } catch (error) {
      reportOnce('notify', 'a notification could not be recorded', error);
    }
  }

  /** Records how far the scope is. Many steps make a handful of facts. */
  progress(done: number, total: number | undefined): void {
    this.tracker?.reportDone(done, total);
    if (!this.writer.recording) return;
    this.#gate ??= new ProgressGate((state) => this.record(() => this.writer.progress(state.done, state.total)));
    this.#gate.update(done, total);
  }

  /** Records what the scope is going to consist of. */
  plan(plan: Plan): void {
    this.tracker?.setPlan(plan);
    this.record(() => this.writer.plan(plan));
  }

  /** How far the scope is; kept only where code of this process follows the task's progress. */
  get tracker(): ProgressTracker | undefined {
    const { onShare, onCurrent } = this.attempt;
    if (onShare === undefined) return undefined;
    return (this.#tracker ??= new ProgressTracker(this.name, this.parent?.tracker, onShare, onCurrent));
  }

  /** Writes a fact. An error is reported, not thrown. */
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
   * @param totals What is known of the task only at its end. It is called after the failure has been recorded.
   */
  end(outcome: Outcome, failed?: { readonly thrown: unknown }, totals?: () => TaskTotals): void {
    if (!this.#isOpen) return;
    this.#gate?.close();
    this.#isOpen = false;
    this.tracker?.end(outcome);
    if (this.writer.recording) this.attempt.ended(this);
    const isOwn = failed !== undefined && this.#reportedInside?.has(failed.thrown) !== true;
    if (this.#isCounted) this.#countJob(outcome, isOwn);
    try {
      const failure = failed === undefined ? undefined : this.#reportFailure(failed.thrown, isOwn);
      this.#writeEnd(outcome, failure, isOwn, totals);
    } catch (error) {
      reportOnce('end', 'the end of a scope could not be recorded', error);
    }
  }

  /** Becomes a heading with the first scope inside: from then on it is no job. */
  #enclose(): void {
    if (this.#isHeading) return;
    this.#isHeading = true;
    if (this.#isCounted && this.#isOpen) this.attempt.jobs.running--;
  }

  /**
   * Whether the record counts it. A scope that is not recorded in a recorded task, as where tracing is suppressed, is
   * no job.
   */
  get #isCounted(): boolean {
    return this.parent !== undefined && (this.writer.recording || !this.#taskRecords);
  }

  #countJob(outcome: Outcome, isOwn: boolean): void {
    const { jobs } = this.attempt;
    if (!this.#isHeading) jobs.running--;
    if (outcome === 'completed' && !this.#isHeading) jobs.finished++;
    if (outcome === 'failed' && isOwn) jobs.failed++;
  }

  /** Describes what was thrown. Records it as an event, unless a scope inside has done so. */
  #reportFailure(thrown: unknown, isOwn: boolean): Failure {
    const { attempt } = this;
    // A scope that knows it has passed it on to all around it.
    for (let outer = this.parent; outer !== undefined && outer.#reportedInside?.has(thrown) !== true; outer = outer.parent) {
      (outer.#reportedInside ??= new ReportedErrors()).add(thrown, this.spanId);
    }
    const { name, message, stack, causes } = describeFailure(thrown);
    const failure: Failure = {
      name: attempt.clean.name(name) || 'Error',
      message: attempt.clean.message(message),
      stack: stack === undefined ? undefined : attempt.clean.stack(stack),
      causes: causes?.map((cause) => ({ name: attempt.clean.name(cause.name) || 'Error', message: attempt.clean.cause(cause.message) })),
    };
    // The task's own error is the latest one, even where a scope reported it before the error of another scope.
    if (isOwn || this.parent === undefined) {
      const spanId = isOwn ? this.spanId : (this.#reportedInside?.spanIdOf(thrown) ?? this.spanId);
      attempt.latest = { thrown, text: failureText(failure), spanId };
    }
    if (isOwn) {
      attempt.reported({ error: thrown, path: this.#path() });
      this.record(() => this.writer.exception(failure));
    }
    return failure;
  }

  /** The names of the scopes of this process down to this one, without that of the task. */
  #path(): string[] {
    if (this.parent === undefined) return [];
    const path = [this.name];
    for (let outer = this.parent; outer.parent !== undefined; outer = outer.parent) path.unshift(outer.name);
    return path;
  }

  #writeEnd(outcome: Outcome, failure: Failure | undefined, isOwn: boolean, totals: (() => TaskTotals) | undefined): void {
    const { verbose, clock } = this.attempt;
    if (!this.writer.recording && verbose === undefined) return;
    const time = clock.now();
    const known = totals?.();
    if (verbose !== undefined) this.#print(verbose, outcome, time, isOwn ? failure : undefined, known);
    if (this.writer.recording) {
      this.writer.end({ outcome, heading: this.#isHeading, failure, isOwn, time, of: this.attempt, totals: known });
    }
  }

  #print(verbose: VerboseLog, outcome: Outcome, time: number, error: Failure | undefined, totals: TaskTotals | undefined): void {
    const lines = outcomeLines(outcome, time - this.#start, error);
    if (this.parent !== undefined) {
      if (error !== undefined || !this.#isHeading) verbose.write('outcome', this, lines);
      return;
    }
    if (error !== undefined || outcome === 'cancelled') verbose.write('other', this, nameLine(this.name) + lines);
    if (totals !== undefined) verbose.write('other', this, finalLine(outcome, totals.jobs));
  }
}

/**
 * The errors that scopes inside a scope have reported, so that it does not report them again: each with the span of the
 * scope that reported it.
 */
class ReportedErrors {
  #objects: WeakMap<object, string> | undefined;
  #values: Map<unknown, string> | undefined;

  add(thrown: unknown, spanId: string): void {
    // A scope around passes the error on: the innermost one has reported it.
    if (this.has(thrown)) return;
    if (isObject(thrown)) (this.#objects ??= new WeakMap()).set(thrown, spanId);
    else (this.#values ??= new Map()).set(thrown, spanId);
  }

  has(thrown: unknown): boolean {
    return this.spanIdOf(thrown) !== undefined;
  }

  spanIdOf(thrown: unknown): string | undefined {
    return isObject(thrown) ? this.#objects?.get(thrown) : this.#values?.get(thrown);
  }
}

function isObject(value: unknown): value is object {
  return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

/** The writer of all scopes that are not traced. It writes nothing, so that one is enough. */
const NOT_WRITTEN = new SpanWriter(NOT_TRACED, 0, new TaskClock());
