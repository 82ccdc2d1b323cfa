import { SpanStatusCode } from '@opentelemetry/api';
import type { Attributes, Span } from '@opentelemetry/api';
import { cleanAttributes } from './attributes.ts';
import type { SpanSink } from './capture.ts';
import { hrTimeOf } from './clock.ts';
import type { TaskClock } from './clock.ts';
import type { Outcome } from './conventions.ts';
import type { JobCounts, Plan, ScopeEnd, SpanRef, TaskEnd } from './fact.ts';
import type { Failure } from './failure.ts';
import { boundedAttributes } from './limits.ts';
import { SCOPE_ATTRIBUTE_COUNT } from './open-span.ts';
import type { OpenSpan } from './open-span.ts';
import { StandInSpan } from './stand-in-span.ts';
import type { Subject } from './text.ts';
import * as conventions from './conventions.ts';

/** What a span's end says beyond its outcome. */
export interface SpanEnd {
  readonly outcome: Outcome;
  readonly heading: boolean;
  /** What was thrown, where something was: the span's status. */
  readonly failure: Failure | undefined;
  /** Whether this very span reports it. */
  readonly own: boolean;
  readonly time: number;
  /** The task, whose rules clean what code has set on the span itself. */
  readonly of: Subject;
  /** Of a task span: what is known only at the end. */
  readonly totals: TaskTotals | undefined;
}

/** What is known of a whole task at its end. */
export interface TaskTotals {
  readonly name: string;
  readonly exception: string;
  readonly jobs: JobCounts;
}

/** Has the contract's names, so that a literal with others does not compile. */
type NotificationAttributes = { readonly [Name in typeof conventions.MESSAGE | typeof conventions.SEQ]: unknown };

/**
 * Writes the facts of one span. Each gets the next sequence number and the task's time, and goes with its whole
 * content to the sink, for record and log. The span gets a copy, for the trace and for collectors elsewhere.
 *
 * The sink comes first: a span may throw, and the record is whole all the same.
 */
export class SpanWriter {
  readonly span: Span;
  readonly ref: SpanRef;
  readonly sink: SpanSink | undefined;
  /** Whether anything listens; without it no method need be called. */
  readonly recording: boolean;
  readonly #clock: TaskClock;
  readonly #start: number;
  /** Whether a provider records the span. */
  readonly #traced: boolean;
  /** Of a task span: the attributes given by its options and by `setAttribute`. */
  #given: Attributes | undefined;
  /** Facts made so far; the start is one. */
  #facts = 1;

  constructor({ span, ref, sink }: OpenSpan, start: number, clock: TaskClock, given?: Attributes) {
    this.span = span;
    this.ref = ref;
    this.sink = sink;
    this.#traced = !(span instanceof StandInSpan) && span.isRecording();
    this.recording = sink !== undefined || this.#traced;
    this.#clock = clock;
    this.#start = start;
    this.#given = given;
  }

  notification(message: string, attributes: Attributes | undefined): void {
    const seq = this.#facts++;
    const time = this.#clock.now();
    this.sink?.notification(seq, time, message, attributes);
    if (!this.#traced) return;
    // Names in the literal: with computed ones a notification takes some five percent longer.
    const own = { 'taskspan.message': message, 'taskspan.seq': seq } satisfies NotificationAttributes;
    this.span.addEvent(
      conventions.NOTIFICATION_EVENT,
      // Ours first, since an event keeps 128 attributes, and last, since they are ours.
      attributes === undefined ? own : { ...own, ...attributes, ...own },
      hrTimeOf(time),
    );
  }

  progress(done: number, total: number | undefined): void {
    const { seq, time } = this.#next();
    this.sink?.progress(seq, time, done, total);
    this.#event(conventions.PROGRESS_EVENT, { [conventions.DONE]: done, ...(total !== undefined && { [conventions.TOTAL]: total }) }, seq, time);
  }

  plan(plan: Plan): void {
    const { seq, time } = this.#next();
    this.sink?.plan(seq, time, plan);
    this.#event(conventions.PLAN_EVENT, { [conventions.PLAN]: JSON.stringify(plan) }, seq, time);
  }

  result(json: string): void {
    const { seq, time } = this.#next();
    this.sink?.result(seq, time, json);
    this.#event(conventions.RESULT_EVENT, { [conventions.RESULT]: json }, seq, time);
  }

  /** Sets attributes of the task that are known only now. Of several values for a name the last counts. */
  attributes(attributes: Attributes): void {
    this.#given = { ...this.#given, ...attributes };
    const { seq, time } = this.#next();
    this.sink?.attributes(seq, time, attributes);
    this.#event(conventions.ATTRIBUTES_EVENT, { ...attributes }, seq, time);
    if (this.#traced) this.span.setAttributes(attributes);
  }

  /** How many attributes the task has by its options and by `setAttribute`, with these. */
  countAttributes(attributes: Attributes): number {
    return Object.keys({ ...this.#given, ...attributes }).length;
  }

  /** Not `recordException`: it says `ENOENT` of a `TypeError` that has this code, and drops `null`. */
  exception(failure: Failure): void {
    const { seq, time } = this.#next();
    this.sink?.exception(seq, time, failure.name, failure.message);
    const attributes = {
      [conventions.EXCEPTION_TYPE]: failure.name,
      [conventions.EXCEPTION_MESSAGE]: failure.message,
      ...(failure.stack !== undefined && { [conventions.EXCEPTION_STACKTRACE]: failure.stack }),
    };
    this.#event(conventions.EXCEPTION_EVENT, attributes, seq, time);
  }

  /** Ends the span. The fact of it follows, with what the span's attributes are then. */
  end(end: SpanEnd): void {
    const hasErrorType = end.failure !== undefined && end.own;
    let known = this.#given;
    try {
      if (this.#traced) {
        this.#close(end);
        if (end.of.clean.redacts) known = this.#redact(hasErrorType, end.of);
      }
      this.span.end(hrTimeOf(end.time));
    } finally {
      if (this.sink !== undefined) this.#writeEnd(this.sink, end, finalAttributes(this.span, known, hasErrorType, end.of));
    }
  }

  /**
   * Takes secrets out of what code has set on the span itself: it leaves the process, and collectors elsewhere make their
   * record of it. Gives these attributes, and above them those that the task was given.
   */
  #redact(hasErrorType: boolean, of: Subject): Attributes {
    const redacted: Attributes = {};
    for (const [key, value] of Object.entries(setOn(this.span, this.#given, hasErrorType) ?? {})) {
      const cleaned = cleanAttributes({ [key]: value }, of);
      this.span.setAttribute(key, Object.values(cleaned)[0] ?? '');
      Object.assign(redacted, cleaned);
    }
    return { ...redacted, ...this.#given };
  }

  /** On success the span's status stays unset, as the semantic conventions have it. */
  #close({ outcome, heading, failure, own, totals }: SpanEnd): void {
    const { span } = this;
    span.setAttribute(conventions.OUTCOME, outcome);
    span.setAttribute(conventions.FACTS, this.#facts);
    if (heading) span.setAttribute(conventions.HEADING, true);
    if (failure !== undefined) {
      if (own) {
        span.setAttribute(conventions.ERROR, failure.name);
        span.setAttribute(conventions.ERROR_TYPE, failure.name);
      }
      span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
    }
    if (totals === undefined) return;
    span.setAttributes({
      [conventions.EXCEPTION]: totals.exception,
      [conventions.JOBS_TOTAL]: totals.jobs.total,
      [conventions.JOBS_FINISHED]: totals.jobs.finished,
      [conventions.JOBS_FAILED]: totals.jobs.failed,
      // Given ones count before those that code has set on the span, in the record that a collector elsewhere makes too.
      ...this.#given,
    });
  }

  #writeEnd(sink: SpanSink, { outcome, heading, failure, own, time, totals }: SpanEnd, attributes: Attributes | undefined): void {
    const error = failure !== undefined && own ? { name: failure.name, message: failure.message } : undefined;
    const { ref: span } = this;
    const seq = this.#facts;
    const duration = time - this.#start;
    // Without a copy where there is nothing to add: that is what each scope ends with.
    if (totals === undefined) {
      const end: ScopeEnd = { kind: 'scope-end', span, seq, time, outcome, duration, error, heading };
      sink.end(attributes === undefined ? end : { ...end, attributes });
    } else {
      const end: TaskEnd = { kind: 'task-end', span, seq, time, outcome, duration, error, ...totals };
      sink.end(attributes === undefined ? end : { ...end, attributes });
    }
  }

  #next(): { seq: number; time: number } {
    return { seq: this.#facts++, time: this.#clock.now() };
  }

  #event(name: string, attributes: Attributes, seq: number, time: number): void {
    if (!this.#traced) return;
    attributes[conventions.SEQ] = seq;
    this.span.addEvent(name, attributes, hrTimeOf(time));
  }
}

/**
 * The attributes of a span at its end: those that the task was given, and below them what code, samplers and other
 * processors have set on the span, as far as it kept them. `undefined` where there are none.
 */
export function finalAttributes(span: Span, given: Attributes | undefined, hasErrorType: boolean, of: Subject): Attributes | undefined {
  const set = setOn(span, given, hasErrorType);
  if (set === undefined) return given !== undefined && Object.keys(given).length > 0 ? given : undefined;
  // Of too many the first by name count, as where the span is received.
  const kept = boundedAttributes({ ...given, ...set }, of.clean.limits.attributes);
  const others = Object.entries(kept).filter(([key]) => Object.hasOwn(set, key));
  for (const [key] of others) delete kept[key];
  return { ...kept, ...cleanAttributes(Object.fromEntries(others), of) };
}

/** What others have set on a span. Spans of an SDK, 2.x and 3.x, have their attributes to read, and so have our own. */
function setOn(span: Span, given: Attributes | undefined, hasErrorType: boolean): Attributes | undefined {
  const { attributes } = span as { attributes?: Attributes };
  if (typeof attributes !== 'object' || attributes === null) return undefined;
  const keys = Object.keys(attributes);
  // Mostly a scope has ours alone. A provider's span has them first: as many as these means that there are no others.
  const isOursAlone = keys.length === SCOPE_ATTRIBUTE_COUNT + (hasErrorType ? 2 : 0) && !(span instanceof StandInSpan);
  if (given === undefined && isOursAlone) return undefined;
  let set: [string, Attributes[string]][] | undefined;
  for (const key of keys) {
    if (key.startsWith(conventions.RESERVED_PREFIX)) continue;
    if ((given !== undefined && Object.hasOwn(given, key)) || (hasErrorType && key === conventions.ERROR_TYPE)) continue;
    (set ??= []).push([key, attributes[key]]);
  }
  return set && Object.fromEntries(set);
}
