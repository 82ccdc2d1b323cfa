import type { Fact } from '../../src/fact.ts';
import { BULLMQ_OPERATION, bullmqFacts } from './bullmq-spans.ts';
import { CELERY_SCOPE, celeryFacts } from './celery-spans.ts';
import type { OtlpSpan } from './otlp-span.ts';

/** Tells which facts a span of another instrumentation is; none for a span that is no task's. It never throws. */
export type SpanAdapter = (span: OtlpSpan) => readonly Fact[];

/** By the name of the instrumentation scope: whose spans become tasks without a word of ours in their code. */
export const SPAN_ADAPTERS: ReadonlyMap<string, SpanAdapter> = new Map<string, SpanAdapter>([[CELERY_SCOPE, celeryFacts]]);

/** By an attribute that all its spans have, where applications choose the scope's name. */
export const ATTRIBUTE_ADAPTERS: ReadonlyMap<string, SpanAdapter> = new Map<string, SpanAdapter>([[BULLMQ_OPERATION, bullmqFacts]]);
