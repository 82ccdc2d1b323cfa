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

/**
 * Writes the facts of one span: each gets the next sequence number and the task's time, and goes
 * to the span as an event and to the processor's sink as it happens.
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
    const own = { [conventions.MESSAGE]: message, [conventions.SEQ]: seq };
    this.span.addEvent(
      conventions.NOTIFICATION_EVENT,
      attributes === undefined ? own : { ...attributes, ...own },
      hrTimeOf(time),
    );
    this.#sink?.notification(seq, time, message, attributes);
  }

  progress(done: number, total: number | undefined): void {
    const attributes: Attributes = { [conventions.DONE]: done };
    if (total !== undefined) attributes[conventions.TOTAL] = total;
    const { seq, time } = this.#event(conventions.PROGRESS_EVENT, attributes);
    this.#sink?.progress(seq, time, done, total);
  }

  plan(plan: Plan): void {
    const { seq, time } = this.#event(conventions.PLAN_EVENT, { [conventions.PLAN]: JSON.stringify(plan) });
    this.#sink?.plan(seq, time, plan);
  }

  result(json: string): void {
    const { seq, time } = this.#event(conventions.RESULT_EVENT, { [conventions.RESULT]: json });
    this.#sink?.result(seq, time, json);
  }

  /** Not `recordException`: it says `ENOENT` of a `TypeError` that has this code, and drops `null`. */
  exception(failure: Failure): void {
    const attributes: Attributes = {
      [conventions.EXCEPTION_TYPE]: failure.name,
      [conventions.EXCEPTION_MESSAGE]: failure.message,
    };
    if (failure.stack !== undefined) attributes[conventions.EXCEPTION_STACKTRACE] = failure.stack;
    const { seq, time } = this.#event(conventions.EXCEPTION_EVENT, attributes);
    this.#sink?.exception(seq, time, failure.name, failure.message);
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

  #event(name: string, attributes: Attributes): { seq: number; time: number } {
    const seq = this.#facts++;
    const time = this.#clock.now();
    attributes[conventions.SEQ] = seq;
    this.span.addEvent(name, attributes, hrTimeOf(time));
    return { seq, time };
  }
}
