import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import { isSpanKind, SPAN_KINDS } from '../../src/conventions.ts';
import type { Fact, SpanRef } from '../../src/fact.ts';
import { countOf, textOf, userAttributes } from './attributes.ts';
import { eventFactOf, isEventName } from './event-facts.ts';
import { EXPECTED_IDS, NO_ID } from './ids.ts';
import { announcedFactOf, endFactOf, factsFault, outcomeFault, startFactOf, startFault } from './span-facts.ts';
import { taskSpanIdOf, uuidOf } from './span-ref.ts';
import { unexpected } from './unexpected.ts';

/** What of an OTLP log record tells a fact. */
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

/** The fact that a log record tells, or why it can't be meant; `undefined` for one of other names. `docs/wire.md` has them. */
export function factOf(record: LogRecord): Fact | string | undefined {
  const { eventName, attributes, time, sampled } = record;
  const ref = refOf(record);
  if (!isFactName(eventName)) return typeof ref === 'string' || ref.taskSpanId === '' ? undefined : eventFactOf(ref, { name: eventName, attributes, time });
  if (typeof ref === 'string') return ref;
  if (ref.taskSpanId === '' && eventName !== conventions.START_EVENT) {
    // A later version of the contract ends announcements.
    return eventName === conventions.END_EVENT ? undefined : 'expected no more of an announcement than its start and end';
  }
  const name = textOf(attributes, conventions.SPAN_NAME);
  switch (eventName) {
    case conventions.START_EVENT: {
      if (!isSpanKind(attributes[conventions.SPAN_KIND])) return unexpected(attributes, conventions.SPAN_KIND, `one of ${SPAN_KINDS.join(', ')}`);
      const start = { name, attributes, time, sampled };
      return ref.taskSpanId === '' ? announcedFactOf(ref, start) : (startFault(ref, attributes) ?? startFactOf(ref, start));
    }
    case conventions.END_EVENT: {
      const hasOutcome = attributes[conventions.OUTCOME] !== undefined;
      const fault = (hasOutcome ? outcomeFault(attributes) : undefined) ?? factsFault(attributes);
      if (fault !== undefined) return fault;
      const duration = countOf(attributes, conventions.DURATION_US);
      const message = textOf(attributes, conventions.ERROR_MESSAGE);
      return endFactOf(ref, { name, attributes, time, duration, failed: false, message });
    }
    default:
      return eventFactOf(ref, { name: eventName, attributes, time });
  }
}

function isFactName(eventName: string): boolean {
  return eventName === conventions.START_EVENT || eventName === conventions.END_EVENT || isEventName(eventName);
}

function refOf({ attributes, traceId, spanId }: LogRecord): SpanRef | string {
  if (traceId === NO_ID || spanId === NO_ID) return EXPECTED_IDS;
  const taskUuid = uuidOf(attributes[conventions.TASK_UUID]);
  if (taskUuid === undefined) return unexpected(attributes, conventions.TASK_UUID, 'a UUID');
  if (attributes[conventions.SPAN_KIND] === 'announcement') return { taskUuid, traceId, spanId, taskSpanId: '' };
  const taskSpanId = taskSpanIdOf(attributes[conventions.TASK_SPAN]);
  if (taskSpanId === undefined) return unexpected(attributes, conventions.TASK_SPAN, 'a span id of 16 hex digits');
  return { taskUuid, traceId, spanId, taskSpanId };
}

/** The log record that tells a fact: {@link factOf} gives the fact again. */
export function logRecordOf(fact: Fact): LogRecord {
  const { traceId, spanId, taskUuid, taskSpanId } = fact.span;
  const told = eventOf(fact);
  const attributes: Attributes = { [conventions.TASK_UUID]: taskUuid };
  if (taskSpanId !== '') attributes[conventions.TASK_SPAN] = taskSpanId;
  // Of the contract's names ours count: they are laid over the user's.
  const sampled = fact.kind === 'task-start' && fact.sampled;
  return { ...told, traceId, spanId, time: fact.time, attributes: { ...attributes, ...told.attributes }, sampled };
}

interface Told {
  readonly eventName: string;
  readonly attributes: Attributes;
}

function eventOf(fact: Fact): Told {
  const { seq } = fact;
  const seqOnly = { [conventions.SEQ]: seq };
  switch (fact.kind) {
    case 'task-announced':
      return {
        eventName: conventions.START_EVENT,
        attributes: { ...seqOnly, [conventions.SPAN_KIND]: 'announcement', [conventions.TASK_NAME]: fact.name, ...userAttributes(fact.attributes) },
      };
    case 'task-start':
      return {
        eventName: conventions.START_EVENT,
        attributes: {
          ...seqOnly,
          [conventions.SPAN_KIND]: 'task',
          [conventions.TASK_NAME]: fact.name,
          [conventions.TASK_ATTEMPT]: fact.attempt,
          [conventions.WORKER_ID]: fact.workerId,
          [conventions.WORKER_INTERVAL_MS]: fact.workerIntervalMs,
          [conventions.WORKER_CANCELLABLE]: fact.cancellable ?? false,
          ...(fact.parentTaskUuid !== undefined && { [conventions.PARENT_TASK_UUID]: fact.parentTaskUuid }),
          ...(fact.parentScope !== undefined && {
            [conventions.PARENT_TASK_SPAN]: fact.parentScope.taskSpanId,
            [conventions.PARENT_SCOPE]: fact.parentScope.spanId,
          }),
          ...userAttributes(fact.attributes),
        },
      };
    case 'scope-start':
      return {
        eventName: conventions.START_EVENT,
        attributes: {
          ...seqOnly,
          [conventions.SPAN_KIND]: 'scope',
          [conventions.SPAN_NAME]: fact.name,
          [conventions.SCOPE_PARENT]: fact.parentSpanId,
          ...(fact.remote === true && { [conventions.SCOPE_REMOTE]: true }),
          ...(fact.workerId !== undefined && { [conventions.WORKER_ID]: fact.workerId }),
        },
      };
    case 'scope-end':
      return {
        eventName: conventions.END_EVENT,
        attributes: { ...endAttributes(fact), [conventions.HEADING]: fact.heading, ...(fact.attributes && userAttributes(fact.attributes)) },
      };
    case 'task-end':
      return {
        eventName: conventions.END_EVENT,
        attributes: {
          ...endAttributes(fact),
          [conventions.TASK_NAME]: fact.name,
          [conventions.EXCEPTION]: fact.exception,
          [conventions.JOBS_TOTAL]: fact.jobs.total,
          [conventions.JOBS_FINISHED]: fact.jobs.finished,
          [conventions.JOBS_FAILED]: fact.jobs.failed,
          ...(fact.attributes && userAttributes(fact.attributes)),
        },
      };
    case 'notification':
      return {
        eventName: conventions.NOTIFICATION_EVENT,
        attributes: { ...seqOnly, [conventions.MESSAGE]: fact.message, ...(fact.attributes && userAttributes(fact.attributes)) },
      };
    case 'progress':
      return {
        eventName: conventions.PROGRESS_EVENT,
        attributes: {
          ...seqOnly,
          [conventions.DONE]: fact.done,
          ...(fact.total !== undefined && { [conventions.TOTAL]: fact.total }),
        },
      };
    case 'plan':
      return { eventName: conventions.PLAN_EVENT, attributes: { ...seqOnly, [conventions.PLAN]: JSON.stringify(fact.plan) } };
    case 'result':
      return { eventName: conventions.RESULT_EVENT, attributes: { ...seqOnly, [conventions.RESULT]: fact.result } };
    case 'unknown':
      return { eventName: fact.name, attributes: seqOnly };
    case 'attributes':
      return { eventName: conventions.ATTRIBUTES_EVENT, attributes: { ...seqOnly, ...userAttributes(fact.attributes) } };
    default:
      return {
        eventName: conventions.EXCEPTION_EVENT,
        attributes: {
          ...seqOnly,
          [conventions.EXCEPTION_TYPE]: fact.type,
          [conventions.EXCEPTION_MESSAGE]: fact.message,
        },
      };
  }
}

function endAttributes({ seq, outcome, duration, error }: Extract<Fact, { kind: 'scope-end' | 'task-end' }>): Attributes {
  return {
    [conventions.SEQ]: seq,
    [conventions.FACTS]: seq,
    [conventions.OUTCOME]: outcome,
    [conventions.DURATION_US]: duration,
    ...(error !== undefined && { [conventions.ERROR]: error.name, [conventions.ERROR_MESSAGE]: error.message }),
  };
}
