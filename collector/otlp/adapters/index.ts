import { SPAN_KIND } from '../../../src/conventions.ts';
import type { Fact } from '../../../src/fact.ts';
import type { OtlpSpan } from '../receive/received.ts';
import { BULLMQ_OPERATION, bullmqFacts } from './bullmq.ts';
import { CELERY_SCOPE, celeryFacts } from './celery.ts';

/** Gives the facts of a span that another instrumentation made; none for a span that is not of a task. It never throws. */
type SpanAdapter = (span: OtlpSpan) => readonly Fact[];

/** The instrumentations with a fixed scope name, by that name. */
const SCOPE_ADAPTERS: ReadonlyMap<string, SpanAdapter> = new Map([[CELERY_SCOPE, celeryFacts]]);

/** The instrumentations whose scope name the application chooses, by an attribute that all their spans have. */
const ATTRIBUTE_ADAPTERS: ReadonlyMap<string, SpanAdapter> = new Map([[BULLMQ_OPERATION, bullmqFacts]]);

/** A span with one of these attributes is read, whatever its scope is called. The first one is the contract's own. */
export const MARKER_ATTRIBUTES: readonly string[] = [SPAN_KIND, ...ATTRIBUTE_ADAPTERS.keys()];

/** Whether all spans of an instrumentation scope are read, whatever their attributes are. */
export function isAdaptedScope(scopeName: string): boolean {
  return SCOPE_ADAPTERS.has(scopeName);
}

/** The adapter for a span that does not follow the contract; `undefined` for a span that is not of a task. */
export function adapterOf({ scopeName, attributes }: OtlpSpan): SpanAdapter | undefined {
  const adapter = SCOPE_ADAPTERS.get(scopeName);
  if (adapter !== undefined) return adapter;
  for (const [name, byAttribute] of ATTRIBUTE_ADAPTERS) if (attributes[name] !== undefined) return byAttribute;
  return undefined;
}
