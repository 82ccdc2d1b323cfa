import { SpanStatusCode } from '@opentelemetry/api';
import type { Attributes, HrTime, SpanContext, SpanStatus } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import { isOutcome } from '../../src/conventions.ts';
import type { ScopeEnd, ScopeStart, SpanRef, TaskAnnounced, TaskEnd, TaskStart, ToldError } from '../../src/fact.ts';
import { microsOf } from '../../src/task-clock.ts';
import { isTaskUuid } from '../../src/task-uuid.ts';

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
}

/** Whose span it is; `undefined` for one that is neither a task, a scope nor an announcement. */
export function spanRefOf(span: StartedSpan): SpanRef | undefined {
  const { attributes } = span;
  const kind = attributes[conventions.SPAN_KIND];
  if (kind !== 'task' && kind !== 'scope' && kind !== 'announcement') return undefined;
  const taskUuid = uuidOf(attributes[conventions.TASK_UUID]);
  if (taskUuid === undefined) return undefined;
  const { traceId, spanId } = span.spanContext();
  const taskSpanId = kind === 'task' ? spanId : kind === 'scope' ? attributes[conventions.TASK_SPAN] : '';
  if (typeof taskSpanId !== 'string' || (kind === 'scope' && taskSpanId === '')) return undefined;
  return { taskUuid, traceId, spanId, taskSpanId };
}

let latestUuid: string | undefined;

/** In lower case, as tasks are asked for. Most spans are of the same task as the one before. */
function uuidOf(value: unknown): string | undefined {
  if (typeof value === 'string' && value === latestUuid) return value;
  if (!isTaskUuid(value)) return undefined;
  latestUuid = value.toLowerCase();
  return latestUuid;
}

/** The fact that an announcement's span tells. */
export function announcedFactOf(span: StartedSpan, ref: SpanRef): TaskAnnounced {
  const { attributes } = span;
  return {
    kind: 'task-announced',
    span: ref,
    seq: 0,
    time: microsOf(span.startTime),
    name: text(attributes, conventions.TASK_NAME) || span.name,
    attributes: userAttributes(attributes),
  };
}

/** The fact that a task or scope span has begun. */
export function startFactOf(span: StartedSpan, ref: SpanRef): TaskStart | ScopeStart {
  const { attributes, name } = span;
  const time = microsOf(span.startTime);
  if (ref.spanId !== ref.taskSpanId) {
    return { kind: 'scope-start', span: ref, seq: 0, time, name, parentSpanId: text(attributes, conventions.SCOPE_PARENT) };
  }
  return {
    kind: 'task-start',
    span: ref,
    seq: 0,
    time,
    name: text(attributes, conventions.TASK_NAME) || name,
    attempt: count(attributes, conventions.TASK_ATTEMPT) || 1,
    attributes: userAttributes(attributes),
    workerId: text(attributes, conventions.WORKER_ID),
    workerIntervalMs: count(attributes, conventions.WORKER_INTERVAL_MS),
    ...(attributes[conventions.WORKER_CANCELLABLE] === true && { cancellable: true }),
    sampled: (span.spanContext().traceFlags & 1) === 1,
  };
}

/** The fact that it has ended. A span that was ended by other hands than ours has failed if its status says so. */
export function endFactOf(span: EndedSpan, ref: SpanRef): TaskEnd | ScopeEnd {
  const { attributes } = span;
  const time = microsOf(span.endTime);
  const told = attributes[conventions.OUTCOME];
  const outcome = isOutcome(told) ? told : span.status.code === SpanStatusCode.ERROR ? 'failed' : 'completed';
  const seq = count(attributes, conventions.FACTS) || 1;
  const duration = time - microsOf(span.startTime);
  const error = errorOf(span);
  if (ref.spanId !== ref.taskSpanId) {
    const heading = attributes[conventions.HEADING] === true;
    return { kind: 'scope-end', span: ref, seq, time, outcome, duration, heading, error };
  }
  return {
    kind: 'task-end',
    span: ref,
    seq,
    time,
    outcome,
    duration,
    error,
    name: text(attributes, conventions.TASK_NAME) || span.name,
    exception: text(attributes, conventions.EXCEPTION),
    jobs: {
      total: count(attributes, conventions.JOBS_TOTAL),
      finished: count(attributes, conventions.JOBS_FINISHED),
      failed: count(attributes, conventions.JOBS_FAILED),
    },
  };
}

function errorOf(span: EndedSpan): ToldError | undefined {
  const name = text(span.attributes, conventions.ERROR);
  return name === '' ? undefined : { name, message: span.status.message ?? '' };
}

function userAttributes(attributes: Attributes): Attributes {
  const own: Attributes = {};
  for (const key of Object.keys(attributes)) {
    if (!key.startsWith(conventions.RESERVED_PREFIX)) own[key] = attributes[key];
  }
  return own;
}

function text(attributes: Attributes, key: string): string {
  const value = attributes[key];
  return typeof value === 'string' ? value : '';
}

function count(attributes: Attributes, key: string): number {
  const value = attributes[key];
  return typeof value === 'number' ? value : 0;
}
