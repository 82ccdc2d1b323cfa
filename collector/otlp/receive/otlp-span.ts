import type { Attributes } from '@opentelemetry/api';

/** What is read of an ended span as OTLP tells it. Ids are lower-case hex, times microseconds since the epoch. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly events: readonly OtlpEvent[];
  /** Whether its status is an error, and the status's message. */
  readonly failed: boolean;
  readonly message: string;
  /** Name of the instrumentation scope. */
  readonly scopeName: string;
}

export interface OtlpEvent {
  readonly name: string;
  readonly time: number;
  readonly attributes: Attributes;
}

/** A time of a span's own, no earlier than its start and no later than its end: a wall clock may be set back in between. */
export function timeWithin({ start, end }: OtlpSpan, time: number): number {
  return Math.max(start, Math.min(time, end));
}
