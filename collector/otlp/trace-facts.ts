import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import type { Fact } from '../../src/fact.ts';
import { isTaskUuid } from '../../src/task-uuid.ts';
import { eventFactOf } from '../contract/event-facts.ts';
import { announcedFactOf, endFactOf, startFactOf } from '../contract/span-facts.ts';
import { spanRefOf } from '../contract/span-ref.ts';
import { adapterOf, SPAN_ADAPTERS } from './adapters.ts';
import { NO_ID } from './ids.ts';
import type { OtlpSpan } from './otlp-span.ts';
import type { Received } from './received.ts';
import { takeFact } from './take-fact.ts';

/** Whether the spans of an instrumentation scope are looked at whatever their attributes are. */
export function isAdapted(scopeName: string): boolean {
  return SPAN_ADAPTERS.has(scopeName);
}

/**
 * Takes the facts of an ended span: its start, its events with a number, its end. One that is
 * nobody's is ignored; one that claims to be a task's and can't be is rejected.
 */
export function takeSpan(span: OtlpSpan, into: Received): void {
  const { attributes, traceId, spanId } = span;
  const kind = attributes[conventions.SPAN_KIND];
  const adapter = kind === undefined ? adapterOf(span) : undefined;
  if (kind === undefined && adapter === undefined) return;
  // The end of a task that died, told by the server that knows it already.
  if (attributes[conventions.OUTCOME] === 'lost') return;
  if (traceId === NO_ID || spanId === NO_ID) {
    into.reject('expected a trace id of 16 bytes and a span id of 8, not all zeros');
    return;
  }
  if (!isTime(span.start) || !isTime(span.end)) {
    into.reject(`span ${spanId}: expected a start and an end in nanoseconds since 1970`);
    return;
  }
  if (adapter !== undefined) {
    for (const fact of adapter(span)) if (!taken(fact, into)) return;
    return;
  }
  const ref = spanRefOf(attributes, traceId, spanId);
  if (ref === undefined) {
    if (kind === 'task' || kind === 'scope' || kind === 'announcement') into.reject(whyNoRef(attributes, spanId));
    return;
  }
  const { name, start, end, failed, message } = span;
  // A span that was sent was sampled.
  const told = { name, attributes: startAttributes(attributes), time: start, sampled: true };
  if (ref.taskSpanId === '') {
    taken(announcedFactOf(ref, told), into);
    return;
  }
  if (!taken(startFactOf(ref, told), into)) return;
  for (const event of span.events) {
    const fact = eventFactOf(ref, event);
    if (fact !== undefined && !taken(fact, into)) return;
  }
  const duration = Math.max(0, end - start);
  taken(endFactOf(ref, { name, attributes, time: end, duration, failed, message }), into);
}

/** `error.type` comes with a span's end: in process its start has no such attribute. */
function startAttributes(attributes: Attributes): Attributes {
  if (attributes[conventions.ERROR] === undefined || attributes[conventions.ERROR_TYPE] === undefined) return attributes;
  const { [conventions.ERROR_TYPE]: _, ...others } = attributes;
  return others;
}

function taken(fact: Fact, into: Received): boolean {
  const refusal = takeFact(fact, into.facts);
  if (refusal === undefined) return true;
  into.reject(`span ${fact.span.spanId}: ${refusal}`);
  return false;
}

function whyNoRef(attributes: Attributes, spanId: string): string {
  const uuid = attributes[conventions.TASK_UUID];
  if (!isTaskUuid(uuid)) return `span ${spanId}: expected ${conventions.TASK_UUID} to be a UUID, got ${shown(uuid)}`;
  return `span ${spanId}: expected ${conventions.TASK_SPAN} to be a span id, got ${shown(attributes[conventions.TASK_SPAN])}`;
}

function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value).slice(0, 100);
}

function isTime(time: number): boolean {
  return Number.isSafeInteger(time) && time > 0;
}
