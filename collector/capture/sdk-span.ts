import { SpanStatusCode } from '@opentelemetry/api';
import type { Attributes, HrTime, SpanContext, SpanStatus } from '@opentelemetry/api';
import { microsOf } from '../../src/clock.ts';
import type { ToldEnd, ToldStart } from '../facts/span-facts.ts';

/** What of an SDK's span is read here; SDK 2.x and 3.x both have it. */
export interface StartedSpan {
  readonly name: string;
  readonly attributes: Attributes;
  readonly startTime: HrTime;
  spanContext(): SpanContext;
}

export interface EndedSpan extends StartedSpan {
  readonly endTime: HrTime;
  readonly status: SpanStatus;
  readonly events: readonly { readonly attributes?: Attributes }[];
}

/** What an SDK's span tells with its start. */
export function toldStart(span: StartedSpan): ToldStart {
  const { name, attributes } = span;
  return { name, attributes, time: microsOf(span.startTime), sampled: (span.spanContext().traceFlags & 1) === 1 };
}

/** What an SDK's span tells with its end. */
export function toldEnd({ name, attributes, startTime, endTime, status, events }: EndedSpan): ToldEnd {
  const time = microsOf(endTime);
  const failed = status.code === SpanStatusCode.ERROR;
  return { name, attributes, time, duration: time - microsOf(startTime), failed, message: status.message ?? '', events };
}
