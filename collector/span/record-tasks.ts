import type { Attributes, Context, Link, SpanKind } from '@opentelemetry/api';
import { SPAN_KIND } from '../../src/conventions.ts';

/** What is used of an SDK's `Sampler`; SDK 2.x and 3.x both fit. */
export interface SamplerLike<Result extends { decision: number } = { decision: number }> {
  shouldSample(
    context: Context,
    traceId: string,
    spanName: string,
    spanKind: SpanKind,
    attributes: Attributes,
    links: Link[],
  ): Result;
  toString(): string;
}

// OpenTelemetry's SamplingDecision: 0 drops the span, 1 records it without sampling it.
const NOT_RECORD = 0;
const RECORD = 1;

/**
 * A sampler that decides as the given one, but keeps the spans of tasks, scopes and announcements recording where it
 * drops them. They are not sampled then: exporters leave them out, the record is whole all the same.
 */
export function recordTasks<S extends SamplerLike>(sampler: S): S {
  const recording: SamplerLike = {
    shouldSample(context, traceId, spanName, spanKind, attributes, links) {
      const result = sampler.shouldSample(context, traceId, spanName, spanKind, attributes, links);
      if (result.decision !== NOT_RECORD || attributes[SPAN_KIND] === undefined) return result;
      return { ...result, decision: RECORD };
    },
    toString: () => `RecordTasks{${sampler.toString()}}`,
  };
  return recording as S;
}
