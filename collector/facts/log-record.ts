import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import type { Fact, SpanRef } from '../../src/fact.ts';
import { countOf, textOf, unexpected } from './attributes.ts';
import { announcementEndOf, endFactOf, eventFactOf, eventOf, factsFault, isEventName, outcomeFault, startFactOf, startFault } from './fact-codec.ts';
import { EXPECTED_IDS, NO_ID, taskSpanIdOf, uuidOf } from './span-ids.ts';

/** What of an OTLP log record belongs to a fact. */
export interface LogRecord {
  readonly eventName: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Microseconds since the epoch. */
  readonly time: number;
  readonly attributes: Attributes;
  /** Whether the trace is sampled: the first bit of its flags. */
  readonly sampled: boolean;
}

/** The log record of a fact: {@link factOf} gives the fact again. */
export function logRecordOf(fact: Fact): LogRecord {
  const { traceId, spanId, taskUuid, taskSpanId } = fact.span;
  const { eventName, attributes } = eventOf(fact);
  return {
    eventName,
    traceId,
    spanId,
    time: fact.time,
    sampled: fact.kind === 'task-start' && fact.sampled,
    attributes: { [conventions.TASK_UUID]: taskUuid, ...(taskSpanId !== '' && { [conventions.TASK_SPAN]: taskSpanId }), ...attributes },
  };
}

/** The fact of a log record, or why it is invalid; `undefined` for a record that is not of the contract. `docs/wire.md` has the names. */
export function factOf(record: LogRecord): Fact | string | undefined {
  const { eventName, attributes, time } = record;
  const span = spanOf(record);
  const isBound = eventName === conventions.START_EVENT || eventName === conventions.END_EVENT;
  if (!isBound && !isEventName(eventName)) {
    return typeof span === 'string' || span.taskSpanId === '' ? undefined : eventFactOf(span, { name: eventName, attributes, time });
  }
  if (typeof span === 'string') return span;
  if (eventName === conventions.START_EVENT) return startOf(record, span);
  if (eventName === conventions.END_EVENT) return endOf(record, span);
  return span.taskSpanId === '' ? NO_MORE : eventFactOf(span, { name: eventName, attributes, time });
}

const NO_MORE = 'expected no more of an announcement than its start and end';

function startOf({ attributes, time, sampled }: LogRecord, span: SpanRef): Fact | string {
  if (!conventions.isSpanKind(attributes[conventions.SPAN_KIND])) {
    return unexpected(attributes, conventions.SPAN_KIND, `one of ${conventions.SPAN_KINDS.join(', ')}`);
  }
  const fault = span.taskSpanId === '' ? undefined : startFault(span, attributes);
  return fault ?? startFactOf(span, { name: textOf(attributes, conventions.SPAN_NAME), attributes, time, sampled });
}

function endOf({ attributes, time }: LogRecord, span: SpanRef): Fact | string | undefined {
  const end = {
    name: textOf(attributes, conventions.SPAN_NAME),
    attributes,
    time,
    duration: countOf(attributes, conventions.DURATION_US),
    failed: false,
    message: textOf(attributes, conventions.ERROR_MESSAGE),
  };
  if (span.taskSpanId === '') return announcementEndOf(span, end);
  const hasOutcome = attributes[conventions.OUTCOME] !== undefined;
  const fault = (hasOutcome ? outcomeFault(attributes) : undefined) ?? factsFault(attributes);
  return fault ?? endFactOf(span, end);
}

function spanOf({ attributes, traceId, spanId }: LogRecord): SpanRef | string {
  if (traceId === NO_ID || spanId === NO_ID) return EXPECTED_IDS;
  const taskUuid = uuidOf(attributes[conventions.TASK_UUID]);
  if (taskUuid === undefined) return unexpected(attributes, conventions.TASK_UUID, 'a UUID');
  if (attributes[conventions.SPAN_KIND] === 'announcement') return { taskUuid, traceId, spanId, taskSpanId: '' };
  const taskSpanId = taskSpanIdOf(attributes[conventions.TASK_SPAN]);
  if (taskSpanId === undefined) return unexpected(attributes, conventions.TASK_SPAN, 'a span id of 16 hex digits');
  return { taskUuid, traceId, spanId, taskSpanId };
}
