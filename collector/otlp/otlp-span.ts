import type { Attributes } from '@opentelemetry/api';

/** An ended span as OTLP tells it. Ids are lower-case hex, times microseconds since the epoch. */
export interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** `""` for a root. */
  readonly parentSpanId: string;
  readonly name: string;
  /** OTLP's number: 4 is `PRODUCER`, 5 is `CONSUMER`. */
  readonly kind: number;
  readonly start: number;
  readonly end: number;
  readonly attributes: Attributes;
  readonly events: readonly OtlpEvent[];
  readonly droppedEvents: number;
  /** Whether its status is an error, and the status's message. */
  readonly failed: boolean;
  readonly message: string;
  /** Name of the instrumentation scope. */
  readonly scopeName: string;
  /** Attributes of the resource, of all its spans the same object. */
  readonly resource: Attributes;
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
