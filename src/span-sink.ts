import type { Attributes } from '@opentelemetry/api';
import type { Plan } from './fact.ts';

/**
 * Where a task or scope span's facts go as they happen.
 *
 * A span processor leaves one on the span in `onStart` under {@link SPAN_SINK}: the span's own
 * events are no source for a log, since the SDK keeps the last 128 of them. Starts and ends are
 * the processor's to see. Times are microseconds since the epoch; no method may throw.
 */
export interface SpanSink {
  notification(seq: number, time: number, message: string, attributes: Attributes | undefined): void;
  progress(seq: number, time: number, done: number, total: number | undefined): void;
  plan(seq: number, time: number, plan: Plan): void;
  exception(seq: number, time: number, type: string, message: string): void;
  /** `result` is JSON text. */
  result(seq: number, time: number, result: string): void;
}

/** The property of a span that holds its {@link SpanSink}. */
export const SPAN_SINK: unique symbol = Symbol.for('taskspan.span-sink') as never;

/** The sink that a processor left on a span, if any. */
export function spanSinkOf(span: object): SpanSink | undefined {
  return (span as { [SPAN_SINK]?: SpanSink })[SPAN_SINK];
}
