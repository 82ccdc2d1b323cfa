import { SPAN_KIND } from '../../../src/conventions.ts';
import type { Fact } from '../../../src/fact.ts';
import { BULLMQ_OPERATION, bullmqFacts } from './bullmq-spans.ts';
import { CELERY_SCOPE, celeryFacts } from './celery-spans.ts';
import type { OtlpSpan } from '../receive/otlp-span.ts';

/** Tells which facts a span of another instrumentation is; none for a span that is no task's. It never throws. */
export type SpanAdapter = (span: OtlpSpan) => readonly Fact[];

/** By the name of the instrumentation scope: whose spans become tasks without a word of ours in their code. */
export const SPAN_ADAPTERS: ReadonlyMap<string, SpanAdapter> = new Map<string, SpanAdapter>([[CELERY_SCOPE, celeryFacts]]);

/** By an attribute that all its spans have, where applications choose the scope's name. */
const ATTRIBUTE_ADAPTERS: ReadonlyMap<string, SpanAdapter> = new Map<string, SpanAdapter>([[BULLMQ_OPERATION, bullmqFacts]]);

/** The attributes by one of which a span is known as one to be read, whatever its scope is called: ours is the first. */
export const TELLING_ATTRIBUTES: readonly string[] = [SPAN_KIND, ...ATTRIBUTE_ADAPTERS.keys()];

/** Who adapts a span that is not of the contract; `undefined` for nobody's. */
export function adapterOf({ scopeName, attributes }: OtlpSpan): SpanAdapter | undefined {
  const adapter = SPAN_ADAPTERS.get(scopeName);
  if (adapter !== undefined) return adapter;
  for (const [name, one] of ATTRIBUTE_ADAPTERS) if (attributes[name] !== undefined) return one;
  return undefined;
}
