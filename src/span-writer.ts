import { SpanStatusCode } from '@opentelemetry/api';
import type { Attributes, Span } from '@opentelemetry/api';
import * as conventions from './conventions.ts';
import type { Outcome } from './conventions.ts';
import type { Plan, ToldError } from './fact.ts';
import type { Failure } from './failure.ts';
import { spanSinkOf } from './span-sink.ts';
import type { SpanSink } from './span-sink.ts';
import { hrTimeOf } from './task-clock.ts';
import type { TaskClock } from './task-clock.ts';

/** What a span's end says beyond its outcome. */
export interface SpanEnd {
  readonly outcome: Outcome;
  readonly heading: boolean;
  /** What was thrown, where something was: the span's status. */
  readonly failure: ToldError | undefined;
  /** Whether this very span reports it. */
  readonly own: boolean;
  readonly time: number;
  /** Attributes known only at the end. */
  readonly last: Attributes | undefined;
}

/** Has the contract's names, so that a literal with others does not compile. */
type NotificationAttributes = { readonly [Name in typeof conventions.MESSAGE | typeof conventions.SEQ]: unknown };

/**
 * Writes the facts of one span: each gets the next sequence number and the task's time, and goes
 * to the processor's sink and to the span as an event as it happens. The sink comes first: a
 * span may throw (a logger of `diag` that does), and the record is whole all the same.
 */
export class SpanWriter {
  readonly span: Span;
  /** Whether anything listens; without it no method need be called. */
  readonly recording: boolean;
  readonly #clock: TaskClock;
  readonly #sink: SpanSink | undefined;
  /** Facts made so far; the start is one. */
  #facts = 1;

  constructor(span: Span, clock: TaskClock) {
    this.span = span;
    this.recording = span.isRecording();
    this.#clock = clock;
    this.#sink = spanSinkOf(span);
  }

  notification(message: string, attributes: Attributes | undefined): void {
    const seq = this.#facts++;
    const time = this.#clock.now();
    this.#sink?.notification(seq, time, message, attributes);
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
    const attributes: Attributes = { [conventions.DONE]: done };
    if (total !== undefined) attributes[conventions.TOTAL] = total;
    const { seq, time } = this.#next();
    this.#sink?.progress(seq, time, done, total);
    this.#event(conventions.PROGRESS_EVENT, attributes, seq, time);
  }

  plan(plan: Plan): void {
    const { seq, time } = this.#next();
    this.#sink?.plan(seq, time, plan);
    this.#event(conventions.PLAN_EVENT, { [conventions.PLAN]: JSON.stringify(plan) }, seq, time);
  }

  result(json: string): void {
    const { seq, time } = this.#next();
    this.#sink?.result(seq, time, json);
    this.#event(conventions.RESULT_EVENT, { [conventions.RESULT]: json }, seq, time);
  }

  /** Not `recordException`: it says `ENOENT` of a `TypeError` that has this code, and drops `null`. */
  exception(failure: Failure): void {
    const attributes: Attributes = {
      [conventions.EXCEPTION_TYPE]: failure.name,
      [conventions.EXCEPTION_MESSAGE]: failure.message,
    };
    if (failure.stack !== undefined) attributes[conventions.EXCEPTION_STACKTRACE] = failure.stack;
    const { seq, time } = this.#next();
    this.#sink?.exception(seq, time, failure.name, failure.message);
    this.#event(conventions.EXCEPTION_EVENT, attributes, seq, time);
  }

  /** Ends the span. On success its status stays unset, as the semantic conventions have it. */
  end({ outcome, heading, failure, own, time, last }: SpanEnd): void {
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
    if (last !== undefined) span.setAttributes(last);
    span.end(hrTimeOf(time));
  }

  #next(): { seq: number; time: number } {
    return { seq: this.#facts++, time: this.#clock.now() };
  }

  #event(name: string, attributes: Attributes, seq: number, time: number): void {
    attributes[conventions.SEQ] = seq;
    this.span.addEvent(name, attributes, hrTimeOf(time));
  }
}
