import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { isSpanKind } from '../../../src/conventions.ts';
import type { Fact, SpanRef } from '../../../src/fact.ts';
import { isTaskUuid } from '../../../src/task-uuid.ts';
import { countOf, textOf, unexpected } from '../../facts/attributes.ts';
import { boundedInterval, boundedName, LONGEST_INTERVAL_MS, textOfValue } from '../../facts/bounds.ts';
import { announcementEndOf, boundedFact, endFactOf, eventFactOf, outcomeFault, startFactOf, startFault } from '../../facts/fact-codec.ts';
import { factOf } from '../../facts/log-record.ts';
import type { LogRecord } from '../../facts/log-record.ts';
import { EXPECTED_IDS, NO_ID, spanRefOf } from '../../facts/span-ids.ts';
import { resourceJson } from '../../store/heartbeat.ts';
import { BULLMQ_OPERATION, bullmqFacts } from '../adapters/bullmq.ts';
import { CELERY_SCOPE, celeryFacts } from '../adapters/celery.ts';
import type { AnyValue } from './any-value.ts';
import { NO_FACTS } from './otlp-items.ts';
import type { ItemFacts, OtlpEvent, OtlpSpan } from './otlp-items.ts';

/** Gives the facts of a span that another instrumentation made; none for a span that is not of a task. It never throws. */
type SpanAdapter = (span: OtlpSpan) => readonly Fact[];

/** The instrumentations with a fixed scope name, by that name. */
const SCOPE_ADAPTERS: ReadonlyMap<string, SpanAdapter> = new Map([[CELERY_SCOPE, celeryFacts]]);

/** The instrumentations whose scope name the application chooses, by an attribute that all their spans have. */
const ATTRIBUTE_ADAPTERS: ReadonlyMap<string, SpanAdapter> = new Map([[BULLMQ_OPERATION, bullmqFacts]]);

/** A span with one of these attributes is read, whatever its scope is called. The first one is the contract's own. */
export const MARKER_ATTRIBUTES: readonly string[] = [conventions.SPAN_KIND, ...ATTRIBUTE_ADAPTERS.keys()];

/** Whether all spans of an instrumentation scope are read, whatever their attributes are. */
export function isAdaptedScope(scopeName: string): boolean {
  return SCOPE_ADAPTERS.has(scopeName);
}

/**
 * Gives the facts of an ended span: its start, its numbered events, its end. A span that is not of a task has none. A
 * span that claims to be of a task and is invalid is rejected whole. An invalid event is left out of its span; the
 * record shows by the missing number that something is missing.
 */
export function spanFacts(span: OtlpSpan, resource: () => Attributes): ItemFacts {
  const { attributes, traceId, spanId, start, end } = span;
  const adapter = attributes[conventions.SPAN_KIND] === undefined ? adapterOf(span) : undefined;
  if (attributes[conventions.SPAN_KIND] === undefined && adapter === undefined) return NO_FACTS;
  // The server itself sent this end of a lost task, and knows it already.
  if (attributes[conventions.OUTCOME] === conventions.LOST) return NO_FACTS;
  if (traceId === NO_ID || spanId === NO_ID) return { rejected: EXPECTED_IDS };
  if (!isTime(start) || !isTime(end)) return rejected(spanId, 'expected a start and an end in nanoseconds since 1970');
  const timed = end < start ? { ...span, end: start } : span;
  const given = ofService(adapter === undefined ? contractFacts(timed) : adaptedFacts(adapter(timed)), resource);
  if (given.facts === undefined || given.warning !== undefined) return given;
  const warning = end < start ? `its end is ${inMicros(start - end)} before its start, and counts as at its start` : timeWarning(given.facts);
  return warning === undefined ? given : { ...given, warning: `span ${spanId}: ${warning}` };
}

function inMicros(micros: number): string {
  return `${micros.toLocaleString('en-US')} µs`;
}

/** No task ran before the year 2000: a clock that starts in 1970, or times that are no nanoseconds. */
const EARLIEST = Date.UTC(2000) * 1000;
/** A clock that is ahead by more is wrong. */
const AHEAD_MS = 24 * 60 * 60 * 1000;

/** Describes a time that can't be right, though facts with it are kept; `undefined` where there is none. */
function timeWarning(facts: readonly Fact[]): string | undefined {
  const latest = (Date.now() + AHEAD_MS) * 1000;
  for (const { time } of facts) if (time < EARLIEST || time > latest) return oddTime(time);
  return undefined;
}

function oddTime(time: number): string {
  return `expected a time in nanoseconds since 1970 by a clock that is right, got ${new Date(time / 1000).toISOString()}; it is kept`;
}

/** The same facts, with the service's name in the start or announcement that comes first. */
function ofService(items: ItemFacts, resource: () => Attributes): ItemFacts {
  const { facts = [] } = items;
  const first = facts[0];
  if (first?.kind !== 'task-start' && first?.kind !== 'task-announced') return items;
  const serviceName = conventions.serviceNameIn(resource());
  return serviceName === undefined ? items : { ...items, facts: facts.with(0, { ...first, serviceName: boundedName(serviceName) }) };
}

/** The adapter for a span that does not follow the contract; `undefined` for a span that is not of a task. */
function adapterOf({ scopeName, attributes }: OtlpSpan): SpanAdapter | undefined {
  const adapter = SCOPE_ADAPTERS.get(scopeName);
  if (adapter !== undefined) return adapter;
  for (const [name, byAttribute] of ATTRIBUTE_ADAPTERS) if (attributes[name] !== undefined) return byAttribute;
  return undefined;
}

/** The facts that an adapter gives for a span of another instrumentation, in bounds. */
function adaptedFacts(given: readonly Fact[]): ItemFacts {
  const facts: Fact[] = [];
  let warning: string | undefined;
  for (const fact of given) {
    const { spanId } = fact.span;
    const bounded = boundedFact(fact);
    if (typeof bounded !== 'string') facts.push(bounded);
    else if (fact.kind === 'exception') warning ??= leftOut(spanId, conventions.EXCEPTION_EVENT, bounded);
    else return rejected(spanId, bounded);
  }
  return { facts, areAdapted: true, warning };
}

/** The facts of a span that follows the contract. */
function contractFacts(span: OtlpSpan): ItemFacts {
  const { traceId, spanId, name, attributes, start, end, failed, message, events } = span;
  const ref = spanRefOf(attributes, traceId, spanId);
  if (ref === undefined) return isSpanKind(attributes[conventions.SPAN_KIND]) ? rejected(spanId, whyNoRef(attributes)) : NO_FACTS;
  const fault = startFault(ref, attributes);
  if (fault !== undefined) return rejected(spanId, fault);

  // A span that was sent was sampled.
  const startOfSpan = { name, attributes, time: start, sampled: true };
  const first = boundedFact(withoutAttributes(startFactOf(ref, startOfSpan)));
  if (typeof first === 'string') return rejected(spanId, first);
  if (ref.taskSpanId === '') return { facts: [first, ...announcementEnds(ref, span)] };

  const facts: Fact[] = [first];
  let warning: string | undefined;
  for (const event of events) {
    const fact = eventFact(ref, event);
    if (typeof fact === 'string') warning ??= leftOut(spanId, event.name, fact);
    else if (fact !== undefined) facts.push(fact);
  }

  const last = boundedFact(endFactOf(ref, { name, attributes, time: end, duration: end - start, failed, message, events }));
  if (typeof last === 'string') return rejected(spanId, last);
  facts.push(last);
  if (warning === undefined) {
    const oddEnd = endFault(attributes, last.seq);
    if (oddEnd !== undefined) warning = `span ${spanId}: ${oddEnd}`;
  }
  return { facts, warning };
}

/** The end of an announcement: only a span that names its outcome has one, since any announcement's span ends at once. */
function announcementEnds(ref: SpanRef, { name, attributes, end, failed, message }: OtlpSpan): Fact[] {
  const fact = announcementEndOf(ref, { name, attributes, time: end, duration: 0, failed, message });
  const ended = fact && boundedFact(fact);
  return ended === undefined || typeof ended === 'string' ? [] : [ended];
}

/** An ended span does not show which of the user's attributes it had at its start: its end has all of them. */
function withoutAttributes(start: ReturnType<typeof startFactOf>): Fact {
  return start.kind === 'task-start' ? { ...start, attributes: {} } : start;
}

/** The fact of an event, or why it is invalid; `undefined` for an event of the trace alone, which has no number. */
function eventFact(ref: SpanRef, event: OtlpEvent): Fact | string | undefined {
  if (event.attributes[conventions.SEQ] === undefined) return undefined;
  const fact = eventFactOf(ref, event);
  return fact === undefined || typeof fact === 'string' ? fact : boundedFact(fact);
}

/**
 * Describes what is invalid in a span's end; `undefined` if nothing is. `seq` is the sequence number of the end's fact.
 * Absent and empty attributes are valid: other software has ended the span, and they are as they were set at the start.
 */
function endFault(attributes: Attributes, seq: number): string | undefined {
  const { [conventions.OUTCOME]: outcome, [conventions.FACTS]: facts } = attributes;
  const fault = outcome ? outcomeFault(attributes) : undefined;
  return fault ?? (facts && facts !== seq ? unexpected(attributes, conventions.FACTS, `a whole number from ${seq}`) : undefined);
}

function whyNoRef(attributes: Attributes): string {
  return isTaskUuid(attributes[conventions.TASK_UUID])
    ? unexpected(attributes, conventions.TASK_SPAN, 'a span id of 16 hex digits')
    : unexpected(attributes, conventions.TASK_UUID, 'a UUID');
}

function rejected(spanId: string, reason: string): ItemFacts {
  return { rejected: `span ${spanId}: ${reason}` };
}

function leftOut(spanId: string, eventName: string, reason: string): string {
  return `span ${spanId}: its event ${eventName} is left out: ${reason}`;
}

function isTime(time: number): boolean {
  return Number.isSafeInteger(time) && time > 0;
}

/** Whether a log record of this event name can be a fact or a heartbeat. */
export function isFactEvent(eventName: string): boolean {
  return eventName === conventions.EXCEPTION_EVENT || eventName.startsWith(conventions.RESERVED_PREFIX);
}

/**
 * Gives the fact or the heartbeat of a log record; nothing for a log record of other software. Its body is its message
 * where no attribute is.
 */
export function logRecordFacts(record: LogRecord, resource: () => Attributes, body: AnyValue = null): ItemFacts {
  const { eventName, spanId, attributes } = record;
  if (eventName === conventions.BEAT_EVENT) return heartbeatOf(record, resource());
  if (!isFactEvent(eventName) || attributes[conventions.TASK_UUID] === undefined) return NO_FACTS;
  const fact = factOf(body === null ? record : withMessage(record, body));
  if (fact === undefined) return NO_FACTS;
  const bounded = typeof fact === 'string' ? fact : boundedFact(fact);
  const title = `${eventName}${spanId === NO_ID ? '' : ` of span ${spanId}`}`;
  if (typeof bounded === 'string') return { rejected: `${title}: ${bounded}` };
  const facts = [bounded];
  const warning = intervalWarning(attributes) ?? timeWarning(facts);
  return ofService(warning === undefined ? { facts } : { facts, warning: `${title}: ${warning}` }, resource);
}

/** Describes a heartbeat interval that is longer than a worker may promise. */
function intervalWarning(attributes: Attributes): string | undefined {
  if (countOf(attributes, conventions.WORKER_INTERVAL_MS) <= LONGEST_INTERVAL_MS) return undefined;
  return unexpected(attributes, conventions.WORKER_INTERVAL_MS, `at most ${LONGEST_INTERVAL_MS}, which it counts as`);
}

/** The record with its body as the message, where it has no other. */
function withMessage(record: LogRecord, body: AnyValue): LogRecord {
  const { eventName, attributes } = record;
  const name = MESSAGES[eventName];
  if (name === undefined || (attributes[name] ?? null) !== null) return record;
  return { ...record, attributes: { ...attributes, [name]: textOfValue(body) } };
}

/** The attributes that are messages, by the events that have one. */
const MESSAGES: Readonly<Record<string, string>> = {
  [conventions.NOTIFICATION_EVENT]: conventions.MESSAGE,
  [conventions.EXCEPTION_EVENT]: conventions.EXCEPTION_MESSAGE,
};

const resourceTexts = new WeakMap<Attributes, string>();

function jsonOf(resource: Attributes): string {
  let text = resourceTexts.get(resource);
  if (text === undefined) resourceTexts.set(resource, (text = resourceJson(resource)));
  return text;
}

function heartbeatOf({ attributes, time }: LogRecord, resource: Attributes): ItemFacts {
  const workerId = boundedName(textOf(attributes, conventions.WORKER_ID));
  const intervalMs = boundedInterval(countOf(attributes, conventions.WORKER_INTERVAL_MS));
  if (workerId === '' || intervalMs === 0 || !Number.isSafeInteger(time) || time <= 0) {
    return { rejected: `${conventions.BEAT_EVENT}: expected a time, ${conventions.WORKER_ID} and ${conventions.WORKER_INTERVAL_MS}` };
  }
  const busyMs = attributes[conventions.WORKER_BUSY_MS] === undefined ? undefined : countOf(attributes, conventions.WORKER_BUSY_MS);
  // The resource may have very many attributes, and come with very many heartbeats: they have one text.
  const host = boundedName(textOf(attributes[HOST] === undefined ? resource : attributes, HOST));
  const pid = countOf(attributes[PID] === undefined ? resource : attributes, PID);
  const warning = intervalWarning(attributes);
  return {
    heartbeat: { workerId, host, pid, intervalMs, time, busyMs, resource: jsonOf(resource) },
    ...(warning !== undefined && { warning: `${conventions.BEAT_EVENT}: ${warning}` }),
  };
}

const HOST = 'host.name';
const PID = 'process.pid';
