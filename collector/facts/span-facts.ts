import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import { isOutcome, OUTCOMES } from '../../src/conventions.ts';
import type { Outcome } from '../../src/conventions.ts';
import type { ScopeEnd, ScopeStart, SpanRef, TaskAnnounced, TaskEnd, TaskStart, ErrorInfo } from '../../src/fact.ts';
import { countOf, isOrdinal, textOf, userAttributes } from './attributes.ts';
import { uuidOf } from './span-ref.ts';
import { unexpected } from './unexpected.ts';

/** What a span tells with its start, or the log record of it. Times are microseconds since the epoch. */
export interface ToldStart {
  readonly name: string;
  readonly attributes: Attributes;
  readonly time: number;
  /** Whether the trace is sampled. */
  readonly sampled: boolean;
}

/** What it tells with its end. */
export interface ToldEnd {
  /** Name of the span. */
  readonly name: string;
  readonly attributes: Attributes;
  readonly time: number;
  /** Microseconds from start to end. */
  readonly duration: number;
  /** Whether its status is an error, and the status's message. */
  readonly failed: boolean;
  readonly message: string;
  /** Its events; a log record has none. */
  readonly events?: readonly { readonly attributes?: Attributes }[];
}

/** The fact that an announcement tells. */
export function announcedFactOf(ref: SpanRef, { name, attributes, time }: ToldStart): TaskAnnounced {
  return {
    kind: 'task-announced',
    span: ref,
    seq: 0,
    time,
    name: textOf(attributes, conventions.TASK_NAME) || name,
    attributes: userAttributes(attributes),
  };
}

/** The fact that a task or scope span has begun. */
export function startFactOf(ref: SpanRef, { name, attributes, time, sampled }: ToldStart): TaskStart | ScopeStart {
  if (ref.spanId !== ref.taskSpanId) {
    const parentSpanId = textOf(attributes, conventions.SCOPE_PARENT);
    const start: ScopeStart = { kind: 'scope-start', span: ref, seq: 0, time, name: textOf(attributes, conventions.SPAN_NAME) || name, parentSpanId };
    if (attributes[conventions.SCOPE_REMOTE] !== true) return start;
    const workerId = textOf(attributes, conventions.WORKER_ID);
    return { ...start, remote: true, ...(workerId !== '' && { workerId }) };
  }
  const parentTaskUuid = uuidOf(attributes[conventions.PARENT_TASK_UUID]);
  return {
    kind: 'task-start',
    span: ref,
    seq: 0,
    time,
    name: textOf(attributes, conventions.TASK_NAME) || name,
    attempt: countOf(attributes, conventions.TASK_ATTEMPT) || 1,
    attributes: userAttributes(attributes),
    workerId: textOf(attributes, conventions.WORKER_ID),
    workerIntervalMs: countOf(attributes, conventions.WORKER_INTERVAL_MS),
    ...(attributes[conventions.WORKER_CANCELLABLE] === true && { cancellable: true }),
    ...(parentTaskUuid !== undefined && { parentTaskUuid, ...parentScopeOf(attributes) }),
    sampled,
  };
}

/** Why a start can't be meant; `undefined` if it can. Of a scope no attempt is read. */
export function startFault({ spanId, taskSpanId }: SpanRef, attributes: Attributes): string | undefined {
  const isTask = spanId === taskSpanId;
  if ((attributes[conventions.SPAN_KIND] === 'task') !== isTask) {
    return unexpected(attributes, conventions.TASK_SPAN, isTask ? 'the id of another span, since this one is a scope' : "the task span's own id");
  }
  const attempt = attributes[conventions.TASK_ATTEMPT];
  if (attempt === undefined || isOrdinal(attempt) || !isTask) return undefined;
  return unexpected(attributes, conventions.TASK_ATTEMPT, 'a whole number from 1');
}

function parentScopeOf(attributes: Attributes): Pick<TaskStart, 'parentScope'> {
  const taskSpanId = textOf(attributes, conventions.PARENT_TASK_SPAN);
  const spanId = textOf(attributes, conventions.PARENT_SCOPE);
  return taskSpanId === '' || spanId === '' ? {} : { parentScope: { taskSpanId, spanId } };
}

/** The fact that it has ended. A span that was ended by other hands than ours has failed if its status says so. */
export function endFactOf(ref: SpanRef, { name, attributes, time, duration, failed, message, events }: ToldEnd): TaskEnd | ScopeEnd {
  const outcome = outcomeOf(attributes, failed);
  const seq = Math.max(countOf(attributes, conventions.FACTS), 1 + greatestSeq(events));
  const errorName = attributes[conventions.ERROR] === undefined ? reportedError(events) : textOf(attributes, conventions.ERROR);
  const error: ErrorInfo | undefined = errorName === '' ? undefined : { name: errorName, message };
  const own = endAttributesOf(attributes);
  const rest = { span: ref, seq, time, outcome, duration, error, ...(Object.keys(own).length > 0 && { attributes: own }) };
  if (ref.spanId !== ref.taskSpanId) return { kind: 'scope-end', ...rest, heading: attributes[conventions.HEADING] === true };
  return {
    kind: 'task-end',
    ...rest,
    name: textOf(attributes, conventions.TASK_NAME) || name,
    exception: textOf(attributes, conventions.EXCEPTION),
    jobs: {
      total: countOf(attributes, conventions.JOBS_TOTAL),
      finished: countOf(attributes, conventions.JOBS_FINISHED),
      failed: countOf(attributes, conventions.JOBS_FAILED),
    },
  };
}

/** The user's attributes of a span at its end. `error.type` is the updater's where it names the error that the span reports. */
function endAttributesOf(attributes: Attributes): Attributes {
  const own = userAttributes(attributes);
  const error = textOf(attributes, conventions.ERROR);
  if (error !== '' && own[conventions.ERROR_TYPE] === error) delete own[conventions.ERROR_TYPE];
  return own;
}

/** Name of the error that a span reports, by its exception event: a limit may have dropped the attribute. `""` if none. */
function reportedError(events: ToldEnd['events'] = []): string {
  const own = events.findLast(({ attributes = {} }) => isOrdinal(attributes[conventions.SEQ]) && attributes[conventions.EXCEPTION_TYPE] !== undefined);
  return textOf(own?.attributes ?? {}, conventions.EXCEPTION_TYPE);
}

/** The end's number is greater: of a span that was ended by other hands than ours too. */
function greatestSeq(events: ToldEnd['events'] = []): number {
  let greatest = 0;
  for (const { attributes } of events) if (attributes !== undefined) greatest = Math.max(greatest, countOf(attributes, conventions.SEQ));
  return greatest;
}

/** An outcome that this version does not know is judged by the span's error. */
function outcomeOf(attributes: Attributes, failed: boolean): Outcome {
  const outcome = attributes[conventions.OUTCOME];
  if (isOutcome(outcome)) return outcome;
  const later = typeof outcome === 'string' && Object.hasOwn(conventions.LATER_OUTCOMES, outcome) ? conventions.LATER_OUTCOMES[outcome] : undefined;
  return later ?? (failed || textOf(attributes, conventions.ERROR) !== '' ? 'failed' : 'completed');
}

/** Why an outcome is invalid; `undefined` if it is not. A later version of the contract may bring others than ours. */
export function outcomeFault(attributes: Attributes): string | undefined {
  const outcome = textOf(attributes, conventions.OUTCOME);
  if (outcome !== '' && outcome !== conventions.LOST) return undefined;
  return unexpected(attributes, conventions.OUTCOME, `an outcome such as ${OUTCOMES.join(', ')}`);
}

/** The same of how many facts its span has made, which is its own number. */
export function factsFault(attributes: Attributes): string | undefined {
  return isOrdinal(attributes[conventions.FACTS]) ? undefined : unexpected(attributes, conventions.FACTS, 'a whole number from 1');
}
