import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { isSpanKind } from '../../../src/conventions.ts';
import type { Fact, SpanRef } from '../../../src/fact.ts';
import { isTaskUuid } from '../../../src/task-uuid.ts';
import { eventFactOf } from '../../facts/event-facts.ts';
import { EXPECTED_IDS, NO_ID } from '../../facts/ids.ts';
import { announcedFactOf, endFactOf, outcomeFault, startFactOf, startFault } from '../../facts/span-facts.ts';
import { spanRefOf } from '../../facts/span-ref.ts';
import { unexpected } from '../../facts/unexpected.ts';
import { adapterOf, SPAN_ADAPTERS } from '../adapters/adapters.ts';
import type { OtlpEvent, OtlpSpan } from './otlp-span.ts';
import type { Received } from './received.ts';
import { takeFact } from './take-fact.ts';

/** Whether the spans of an instrumentation scope are looked at whatever their attributes are. */
export function isAdapted(scopeName: string): boolean {
  return SPAN_ADAPTERS.has(scopeName);
}

/**
 * Takes the facts of an ended span: its start, its events with a number, its end. One that is
 * nobody's is ignored; one that claims to be a task's and can't be is rejected, and nothing of it is
 * taken. An event that can't be is left out of its span, which tells what it lacks by its numbers.
 */
export function takeSpan(span: OtlpSpan, into: Received): void {
  const { attributes, traceId, spanId } = span;
  const kind = attributes[conventions.SPAN_KIND];
  const adapter = kind === undefined ? adapterOf(span) : undefined;
  if (kind === undefined && adapter === undefined) return;
  // The end of a task that died, told by the server that knows it already.
  if (attributes[conventions.OUTCOME] === conventions.LOST) return;
  if (traceId === NO_ID || spanId === NO_ID) {
    into.reject(EXPECTED_IDS);
    return;
  }
  if (!isTime(span.start) || !isTime(span.end)) {
    into.reject(`span ${spanId}: expected a start and an end in nanoseconds since 1970`);
    return;
  }
  const before = into.facts.length;
  const isTaken = adapter === undefined ? takeTold(span, into) : takeAdapted(adapter(span), into);
  if (!isTaken) into.facts.length = before;
}

/** Takes its facts until one can't be; says whether all could. */
function takeAdapted(facts: readonly Fact[], into: Received): boolean {
  for (const fact of facts) {
    if (fact.kind === 'exception') {
      const refusal = takeFact(fact, into.facts);
      if (refusal !== undefined) leaveOut(conventions.EXCEPTION_EVENT, fact.span.spanId, refusal, into);
    } else if (!taken(fact, into)) return false;
  }
  return true;
}

function takeTold(span: OtlpSpan, into: Received): boolean {
  const { attributes, traceId, spanId } = span;
  const ref = spanRefOf(attributes, traceId, spanId);
  if (ref !== undefined) return takeFacts(span, ref, into);
  if (isSpanKind(attributes[conventions.SPAN_KIND])) into.reject(whyNoRef(attributes, spanId));
  return false;
}

function takeFacts(span: OtlpSpan, ref: SpanRef, into: Received): boolean {
  const { name, attributes, start, end, failed, message, events } = span;
  const fault = startFault(ref, attributes);
  if (fault !== undefined) {
    into.reject(`span ${ref.spanId}: ${fault}`);
    return false;
  }
  // A span that was sent was sampled.
  const told = { name, attributes, time: start, sampled: true };
  if (ref.taskSpanId === '') return taken(announcedFactOf(ref, told), into);
  // An ended span does not show which of the user's attributes it had at its start: its end has all of them.
  if (!taken({ ...startFactOf(ref, told), ...(ref.spanId === ref.taskSpanId && { attributes: {} }) }, into)) return false;
  for (const event of events) takeEvent(ref, event, into);
  const duration = Math.max(0, end - start);
  const toldEnd = endFactOf(ref, { name, attributes, time: end, duration, failed, message, events });
  if (!taken(toldEnd, into)) return false;
  const oddEnd = endFault(attributes, toldEnd.seq);
  if (oddEnd !== undefined) into.warn(`span ${ref.spanId}: ${oddEnd}`);
  return true;
}

function takeEvent(ref: SpanRef, event: OtlpEvent, into: Received): void {
  // Without a number it is for the trace alone.
  if (event.attributes[conventions.SEQ] === undefined) return;
  const fact = eventFactOf(ref, event);
  if (fact === undefined) return;
  const refusal = typeof fact === 'string' ? fact : takeFact(fact, into.facts);
  if (refusal !== undefined) leaveOut(event.name, ref.spanId, refusal, into);
}

function leaveOut(eventName: string, spanId: string, refusal: string, into: Received): void {
  into.warn(`span ${spanId}: its event ${eventName} is left out: ${refusal}`);
}

/**
 * What of an end can't be meant, which has got this number. An attribute that is as it was set at the start tells
 * nothing: other hands have ended the span.
 */
function endFault(attributes: Attributes, seq: number): string | undefined {
  const { [conventions.OUTCOME]: outcome, [conventions.FACTS]: facts } = attributes;
  const told = outcome ? outcomeFault(attributes) : undefined;
  return told ?? (facts && facts !== seq ? unexpected(attributes, conventions.FACTS, `a whole number from ${seq}`) : undefined);
}

function taken(fact: Fact, into: Received): boolean {
  const refusal = takeFact(fact, into.facts);
  if (refusal === undefined) return true;
  into.reject(`span ${fact.span.spanId}: ${refusal}`);
  return false;
}

function whyNoRef(attributes: Attributes, spanId: string): string {
  const key = isTaskUuid(attributes[conventions.TASK_UUID]) ? conventions.TASK_SPAN : conventions.TASK_UUID;
  return `span ${spanId}: ${unexpected(attributes, key, key === conventions.TASK_UUID ? 'a UUID' : 'a span id of 16 hex digits')}`;
}

function isTime(time: number): boolean {
  return Number.isSafeInteger(time) && time > 0;
}
