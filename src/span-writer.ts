import { SpanStatusCode } from '@opentelemetry/api';
import type { Attributes, Span } from '@opentelemetry/api';
import { cleanAttributes, boundedAttributes } from './attributes.ts';
import type { SpanSink } from './capture.ts';
import { hrTimeOf } from './clock.ts';
import type { TaskClock } from './clock.ts';
import type { Outcome } from './conventions.ts';
import type { ErrorInfo, Plan, ScopeEnd, SpanRef, TaskEnd, TaskTotals } from './fact.ts';
import type { Failure } from './failure.ts';
import { SCOPE_ATTRIBUTE_COUNT } from './open-span.ts';
import type { OpenSpan } from './open-span.ts';
import { StandInSpan } from './stand-in-span.ts';
import type { Subject } from './text.ts';
import * as conventions from './conventions.ts';

/** What a span ends with. */
interface SpanEnd {
  readonly outcome: Outcome;
  readonly heading: boolean;
  /** What was thrown, if anything: the span's status. */
  readonly failure: Failure | undefined;
  /** Whether this very span reports the failure. */
  readonly isOwn: boolean;
  readonly time: number;
  /** The task, whose cleaner also cleans what code has set on the span itself. */
  readonly of: Subject;
  /** For a task span: what is known only at its end. */
  readonly totals: TaskTotals | undefined;
}

/** The contract's names, so that an object with other names does not compile. */
type NotificationAttributes = { readonly [Name in typeof conventions.MESSAGE | typeof conventions.SEQ]: unknown };

/**
 * Writes the facts of one span. Each fact gets the next sequence number and the task's time. The sink gets its whole
 * content, for record and log. The span gets a copy, for the trace and for collectors in other processes.
 *
 * The sink comes first: the record is complete even where a span throws.
 */
export class SpanWriter {
  readonly span: Span;
  readonly ref: SpanRef;
  readonly sink: SpanSink | undefined;
  /** Whether anything records the span. If not, no method need be called. */
  readonly recording: boolean;
  readonly #clock: TaskClock;
  readonly #start: number;
  /** Whether a provider records the span. */
  readonly #traced: boolean;
  /** For a task span: the attributes of its options and of `setAttribute`. */
  #given: Attributes | undefined;
  /** How many facts have been made; the start is one. */
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
    // Names in the literal: with computed names a notification takes some five percent longer.
    const own = { 'taskspan.message': message, 'taskspan.seq': seq } satisfies NotificationAttributes;
    this.span.addEvent(
      conventions.NOTIFICATION_EVENT,
      // Ours come first, since an event keeps 128 attributes. They come last too, so that the user's do not replace
      // them.
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

  /** Sets attributes of the task while it runs. Of several values for a name the last one counts. */
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

  /**
   * It does not use `recordException`, which names a `TypeError` with the code `ENOENT` by that code, and drops
   * `null`.
   */
  exception(failure: Failure): void {
    const { seq, time } = this.#next();
    this.sink?.exception(seq, time, failure.name, failure.message, failure.causes);
    const attributes = {
      [conventions.EXCEPTION_TYPE]: failure.name,
      [conventions.EXCEPTION_MESSAGE]: failure.message,
      ...(failure.causes !== undefined && { [conventions.ERROR_CAUSES]: JSON.stringify(failure.causes) }),
      ...(failure.stack !== undefined && { [conventions.EXCEPTION_STACKTRACE]: failure.stack }),
    };
    this.#event(conventions.EXCEPTION_EVENT, attributes, seq, time);
  }

  /** Ends the span. The fact follows, with the span's attributes at its end. */
  end(end: SpanEnd): void {
    const hasErrorType = end.failure !== undefined && end.isOwn;
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
   * Removes secrets from attributes that code has set on the span itself: a span leaves the process, and collectors in
   * other processes make their record of it. Returns these attributes, with the task's own above them.
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

  /** Sets the attributes of an end. On success the span's status stays unset, as the semantic conventions require. */
  #close({ outcome, heading, failure, isOwn, totals }: SpanEnd): void {
    const { span } = this;
    span.setAttribute(conventions.OUTCOME, outcome);
    span.setAttribute(conventions.FACTS, this.#facts);
    if (heading) span.setAttribute(conventions.HEADING, true);
    if (failure !== undefined) {
      if (isOwn) {
        span.setAttribute(conventions.ERROR, failure.name);
        span.setAttribute(conventions.ERROR_TYPE, failure.name);
      }
      span.setStatus({ code: SpanStatusCode.ERROR, message: failure.message });
    }
    if (totals === undefined) return;
    span.setAttributes({
      [conventions.EXCEPTION]: totals.exception,
      ...(totals.exceptionSpanId !== undefined && { [conventions.EXCEPTION_SPAN]: totals.exceptionSpanId }),
      [conventions.JOBS_TOTAL]: totals.jobs.total,
      [conventions.JOBS_FINISHED]: totals.jobs.finished,
      [conventions.JOBS_FAILED]: totals.jobs.failed,
      // The task's own attributes count before those that code has set on the span, also in the record of a receiver.
      ...this.#given,
    });
  }

  #writeEnd(sink: SpanSink, { outcome, heading, failure, isOwn, time, totals }: SpanEnd, attributes: Attributes | undefined): void {
    const error = failure !== undefined && isOwn ? errorOf(failure) : undefined;
    const { ref: span } = this;
    const seq = this.#facts;
    const duration = time - this.#start;
    // Most scopes have no attributes to add, and need no copy.
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

function errorOf({ name, message, causes }: Failure): ErrorInfo {
  return causes === undefined ? { name, message } : { name, message, causes };
}

/**
 * The attributes of a span at its end: the task's own, and below them the attributes that code, samplers and other
 * processors have set on the span, as far as it kept them. `undefined` where there are none.
 */
export function finalAttributes(span: Span, given: Attributes | undefined, hasErrorType: boolean, of: Subject): Attributes | undefined {
  const set = setOn(span, given, hasErrorType);
  if (set === undefined) return given !== undefined && Object.keys(given).length > 0 ? given : undefined;
  // If there are too many, the first by name count, as in a receiver of the span.
  const kept = boundedAttributes({ ...given, ...set }, of.clean.limits.attributes);
  const others = Object.entries(kept).filter(([key]) => Object.hasOwn(set, key));
  for (const [key] of others) delete kept[key];
  return { ...kept, ...cleanAttributes(Object.fromEntries(others), of) };
}

/**
 * The attributes that other code has set on a span. They can be read from spans of an SDK, 2.x and 3.x, and from
 * stand-ins.
 */
function setOn(span: Span, given: Attributes | undefined, hasErrorType: boolean): Attributes | undefined {
  const { attributes } = span as { attributes?: Attributes };
  if (typeof attributes !== 'object' || attributes === null) return undefined;
  const keys = Object.keys(attributes);
  // Most scopes have our attributes alone. They come first in a provider's span: if there are no more than ours,
  // the application has set none.
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
