import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import type { Outcome } from '../../src/conventions.ts';
import type { ErrorInfo, Fact, Plan, ScopeEnd, ScopeStart, SpanRef, TaskStart, TaskTotals } from '../../src/fact.ts';
import { causesAttribute, causesIn } from './causes.ts';
import { canonicalJson } from '../../src/json-text.ts';
import { countOf, hasUserAttributes, isOrdinal, textOf, unexpected, userAttributes } from './attributes.ts';
import { boundedError, boundedInterval, boundedJson, boundedMessage, boundedName, markedAttributes, MOST_ATTEMPTS, noticeAttributes, planFault } from './bounds.ts';
import { spanIdIn, uuidOf } from './span-ids.ts';

/** The start of a span, as an SDK or a log record has it. Times are microseconds since the epoch. */
export interface SpanStart {
  readonly name: string;
  readonly attributes: Attributes;
  readonly time: number;
  /** Whether the trace is sampled. */
  readonly sampled: boolean;
}

/** An event of a span, or the log record of one. */
interface SpanEvent {
  readonly name: string;
  readonly attributes: Attributes;
  readonly time: number;
}

/** The end of a span. */
export interface SpanEnd {
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

type Kind = Fact['kind'];
type StartKind = Extract<Kind, 'task-announced' | `${string}-start`>;
type EndKind = Extract<Kind, `${string}-end`>;
type EventKind = Exclude<Kind, StartKind | EndKind>;
type FactOf<OfKind extends Kind> = Extract<Fact, { kind: OfKind }>;
type SourceOf<OfKind extends Kind> = OfKind extends StartKind ? SpanStart : OfKind extends EndKind ? SpanEnd : SpanEvent;
/** An invalid event is left out of its span, so its codec gives the reason. For starts and ends see {@link startFault} and {@link outcomeFault}. */
type ReadOf<OfKind extends Kind> = OfKind extends EventKind ? FactOf<OfKind> | string : FactOf<OfKind>;

/** All that differs on the wire between kinds of facts. What a fact means stands in `record/fold.ts` and `src/log-line.ts`. */
interface FactCodec<OfKind extends Kind> {
  /** Name of the fact's log record, and of its span event if it is one. */
  readonly eventName: string;
  /** Reads the fact; of an invalid event gives the reason why it is invalid. */
  read(span: SpanRef, seq: number, from: SourceOf<OfKind>): ReadOf<OfKind>;
  /** Writes the attributes from which {@link read} gives the fact again, but for its span and number. */
  write(fact: FactOf<OfKind>): Attributes;
  /** The fact with its contents in the bounds of `bounds.ts`, or why that can't be. */
  bound(fact: FactOf<OfKind>): FactOf<OfKind> | string;
}

/** One entry a kind of fact. A new kind is a type in `src/fact.ts`, an entry here, and what it means to the record. */
const CODECS: { readonly [OfKind in Kind]: FactCodec<OfKind> } = {
  'task-announced': {
    eventName: conventions.START_EVENT,
    read: (span, seq, { name, attributes, time }) => ({
      kind: 'task-announced',
      span,
      seq,
      time,
      name: textOf(attributes, conventions.TASK_NAME) || name,
      attributes: userAttributes(attributes),
      ...(isAmount(attributes[conventions.QUEUED_FINAL_MS]) && { queuedFinalMs: attributes[conventions.QUEUED_FINAL_MS] }),
    }),
    write: ({ name, attributes, queuedFinalMs }) => ({
      [conventions.SPAN_KIND]: 'announcement',
      [conventions.TASK_NAME]: name,
      ...(queuedFinalMs !== undefined && { [conventions.QUEUED_FINAL_MS]: queuedFinalMs }),
      ...userAttributes(attributes),
    }),
    bound: (fact) => ({ ...fact, name: boundedName(fact.name), attributes: markedAttributes(fact.attributes) }),
  },

  'announcement-end': {
    eventName: conventions.END_EVENT,
    read(span, seq, { attributes, time, message }) {
      const outcome = attributes[conventions.OUTCOME];
      const name = textOf(attributes, conventions.ERROR);
      const error = name === '' ? undefined : errorWith(name, message, causesIn(attributes));
      return { kind: 'announcement-end', span, seq, time, outcome: conventions.isAnnouncementOutcome(outcome) ? outcome : 'failed', error };
    },
    write: ({ seq, outcome, error }) => ({
      [conventions.SPAN_KIND]: 'announcement',
      [conventions.FACTS]: seq,
      [conventions.OUTCOME]: outcome,
      ...(error !== undefined && errorAttributes(error)),
    }),
    bound: (fact) => (fact.error === undefined ? fact : { ...fact, error: boundedError(fact.error) }),
  },

  'task-start': {
    eventName: conventions.START_EVENT,
    read(span, seq, { name, attributes, time, sampled }) {
      const parentTaskUuid = uuidOf(attributes[conventions.PARENT_TASK_UUID]);
      return {
        kind: 'task-start',
        span,
        seq,
        time,
        name: textOf(attributes, conventions.TASK_NAME) || name,
        attempt: countOf(attributes, conventions.TASK_ATTEMPT) || 1,
        ...runIn(attributes),
        attributes: userAttributes(attributes),
        workerId: textOf(attributes, conventions.WORKER_ID),
        workerIntervalMs: countOf(attributes, conventions.WORKER_INTERVAL_MS),
        ...(attributes[conventions.WORKER_CANCELLABLE] === true && { cancellable: true }),
        ...(parentTaskUuid !== undefined && { parentTaskUuid, ...parentScopeIn(attributes) }),
        sampled,
      };
    },
    write: (fact) => ({
      [conventions.SPAN_KIND]: 'task',
      [conventions.TASK_NAME]: fact.name,
      [conventions.TASK_ATTEMPT]: fact.attempt,
      ...(fact.run !== undefined && { [conventions.TASK_RUN]: fact.run }),
      [conventions.WORKER_ID]: fact.workerId,
      [conventions.WORKER_INTERVAL_MS]: fact.workerIntervalMs,
      [conventions.WORKER_CANCELLABLE]: fact.cancellable ?? false,
      ...(fact.parentTaskUuid !== undefined && { [conventions.PARENT_TASK_UUID]: fact.parentTaskUuid }),
      ...(fact.parentScope !== undefined && {
        [conventions.PARENT_TASK_SPAN]: fact.parentScope.taskSpanId,
        [conventions.PARENT_SCOPE]: fact.parentScope.spanId,
      }),
      ...userAttributes(fact.attributes),
    }),
    bound(fact) {
      const { parentScope, ...rest } = fact;
      if (fact.attempt > MOST_ATTEMPTS) return `expected an attempt of at most ${MOST_ATTEMPTS}, got ${fact.attempt}`;
      const taskSpanId = parentScope && spanIdIn(parentScope.taskSpanId);
      const spanId = parentScope && spanIdIn(parentScope.spanId);
      return {
        ...rest,
        name: boundedName(fact.name),
        attributes: markedAttributes(fact.attributes),
        workerId: boundedName(fact.workerId),
        workerIntervalMs: boundedInterval(fact.workerIntervalMs),
        ...(fact.run !== undefined && { run: boundedName(fact.run) }),
        ...(taskSpanId !== undefined && spanId !== undefined && { parentScope: { taskSpanId, spanId } }),
      };
    },
  },

  'scope-start': {
    eventName: conventions.START_EVENT,
    read(span, seq, { name: spanName, attributes, time }) {
      const name = textOf(attributes, conventions.SPAN_NAME) || spanName;
      const parentSpanId = textOf(attributes, conventions.SCOPE_PARENT);
      const start: ScopeStart =
        attributes[conventions.TASK_NAME] === undefined
          ? { kind: 'scope-start', span, seq, time, name, parentSpanId }
          : { kind: 'scope-start', span, seq, time, name, parentSpanId, taskName: textOf(attributes, conventions.TASK_NAME), attempt: attemptIn(attributes) };
      if (attributes[conventions.SCOPE_REMOTE] !== true) return start;
      const workerId = textOf(attributes, conventions.WORKER_ID);
      return { ...start, remote: true, ...(workerId !== '' && { workerId }) };
    },
    write: ({ name, parentSpanId, remote, workerId, taskName, attempt }) => ({
      [conventions.SPAN_KIND]: 'scope',
      [conventions.SPAN_NAME]: name,
      [conventions.SCOPE_PARENT]: parentSpanId,
      ...(taskName !== undefined && { [conventions.TASK_NAME]: taskName, [conventions.TASK_ATTEMPT]: attempt ?? 1 }),
      ...(remote === true && { [conventions.SCOPE_REMOTE]: true }),
      ...(workerId !== undefined && { [conventions.WORKER_ID]: workerId }),
    }),
    bound(fact) {
      const name = boundedName(fact.name);
      const { taskSpanId } = fact.span;
      const parentSpanId = fact.parentSpanId === taskSpanId ? taskSpanId : (spanIdIn(fact.parentSpanId) ?? taskSpanId);
      const taskName = fact.taskName && boundedName(fact.taskName);
      const workerId = fact.workerId && boundedName(fact.workerId);
      if (name === fact.name && parentSpanId === fact.parentSpanId && taskName === fact.taskName && workerId === fact.workerId) return fact;
      return { ...fact, name, parentSpanId, ...(taskName !== undefined && { taskName }), ...(workerId !== undefined && { workerId }) };
    },
  },

  notification: {
    eventName: conventions.NOTIFICATION_EVENT,
    read(span, seq, { attributes, time }) {
      const message = attributes[conventions.MESSAGE] ?? '';
      if (typeof message !== 'string') return unexpected(attributes, conventions.MESSAGE, 'a string');
      if (!hasUserAttributes(attributes)) return { kind: 'notification', span, seq, time, message };
      return { kind: 'notification', span, seq, time, message, attributes: userAttributes(attributes) };
    },
    write: ({ message, attributes }) => ({ [conventions.MESSAGE]: message, ...(attributes && userAttributes(attributes)) }),
    bound(fact) {
      const message = boundedMessage(fact.message);
      if (fact.attributes === undefined) return message === fact.message ? fact : { ...fact, message };
      const { kept, mark } = noticeAttributes(fact.attributes);
      return { ...fact, message: message + mark, attributes: kept };
    },
  },

  progress: {
    eventName: conventions.PROGRESS_EVENT,
    read(span, seq, { attributes, time }) {
      const done = attributes[conventions.DONE];
      const total = attributes[conventions.TOTAL];
      if (!isAmount(done)) return unexpected(attributes, conventions.DONE, 'a number from 0');
      if (total === undefined) return { kind: 'progress', span, seq, time, done };
      if (!isAmount(total)) return unexpected(attributes, conventions.TOTAL, 'a number from 0');
      return { kind: 'progress', span, seq, time, done, total };
    },
    write: ({ done, total }) => ({ [conventions.DONE]: done, ...(total !== undefined && { [conventions.TOTAL]: total }) }),
    bound: (fact) => fact,
  },

  plan: {
    eventName: conventions.PLAN_EVENT,
    read(span, seq, { attributes, time }) {
      const plan = planIn(parsed(textOf(attributes, conventions.PLAN)));
      if (plan === undefined) return unexpected(attributes, conventions.PLAN, 'JSON of a whole number from 1, or of weights above 0 by name');
      return { kind: 'plan', span, seq, time, plan };
    },
    write: ({ plan }) => ({ [conventions.PLAN]: JSON.stringify(plan) }),
    bound: (fact) => planFault(fact.plan) ?? fact,
  },

  result: {
    eventName: conventions.RESULT_EVENT,
    read(span, seq, { attributes, time }) {
      // It stands in the record as it is: what is no JSON would break it.
      const result = canonicalJson(textOf(attributes, conventions.RESULT));
      if (result === undefined) return unexpected(attributes, conventions.RESULT, 'JSON');
      return { kind: 'result', span, seq, time, result };
    },
    write: ({ result }) => ({ [conventions.RESULT]: result }),
    bound: (fact) => ({ ...fact, result: boundedJson(fact.result) }),
  },

  attributes: {
    eventName: conventions.ATTRIBUTES_EVENT,
    read: (span, seq, { attributes, time }) => ({ kind: 'attributes', span, seq, time, attributes: userAttributes(attributes) }),
    write: ({ attributes }) => userAttributes(attributes),
    bound: (fact) => ({ ...fact, attributes: markedAttributes(fact.attributes) }),
  },

  exception: {
    eventName: conventions.EXCEPTION_EVENT,
    read(span, seq, { attributes, time }) {
      const type = textOf(attributes, conventions.EXCEPTION_TYPE);
      const error = { kind: 'exception' as const, span, seq, time, type, message: textOf(attributes, conventions.EXCEPTION_MESSAGE) };
      const causes = causesIn(attributes);
      return causes === undefined ? error : { ...error, causes };
    },
    write: ({ type, message, causes }) => ({ [conventions.EXCEPTION_TYPE]: type, [conventions.EXCEPTION_MESSAGE]: message, ...causesAttribute(causes) }),
    bound(fact) {
      const { name: type, message, causes } = boundedError({ ...fact, name: fact.type });
      return { ...fact, type, message, ...(causes !== undefined && { causes }) };
    },
  },

  // Its event's name is its own: any name of the contract that this version does not know.
  unknown: {
    eventName: conventions.RESERVED_PREFIX,
    read: (span, seq, { name, time }) => ({ kind: 'unknown', span, seq, time, name }),
    write: () => ({}),
    bound: (fact) => fact,
  },

  'scope-end': {
    eventName: conventions.END_EVENT,
    read: (span, seq, end) => ({ kind: 'scope-end', ...readEnd(span, seq, end), heading: end.attributes[conventions.HEADING] === true }),
    write: (fact) => ({ ...endAttributes(fact), [conventions.HEADING]: fact.heading, ...(fact.attributes && userAttributes(fact.attributes)) }),
    bound: (fact) => (fact.error === undefined && fact.attributes === undefined ? fact : { ...fact, ...boundedEnd(fact) }),
  },

  'task-end': {
    eventName: conventions.END_EVENT,
    read: (span, seq, end) => ({
      kind: 'task-end',
      ...readEnd(span, seq, end),
      name: textOf(end.attributes, conventions.TASK_NAME) || end.name,
      exception: textOf(end.attributes, conventions.EXCEPTION),
      ...exceptionSpanIn(end.attributes),
      jobs: {
        total: countOf(end.attributes, conventions.JOBS_TOTAL),
        finished: countOf(end.attributes, conventions.JOBS_FINISHED),
        failed: countOf(end.attributes, conventions.JOBS_FAILED),
      },
    }),
    write: (fact) => ({
      ...endAttributes(fact),
      [conventions.TASK_NAME]: fact.name,
      [conventions.EXCEPTION]: fact.exception,
      ...(fact.exceptionSpanId !== undefined && { [conventions.EXCEPTION_SPAN]: fact.exceptionSpanId }),
      [conventions.JOBS_TOTAL]: fact.jobs.total,
      [conventions.JOBS_FINISHED]: fact.jobs.finished,
      [conventions.JOBS_FAILED]: fact.jobs.failed,
      ...(fact.attributes && userAttributes(fact.attributes)),
    }),
    bound: (fact) => ({ ...fact, ...boundedEnd(fact), name: boundedName(fact.name), exception: boundedMessage(fact.exception) }),
  },
};

/** The kinds of facts that are span events, by the names of their events. */
const EVENT_KINDS: ReadonlyMap<string, Exclude<EventKind, 'unknown'>> = new Map(
  (['notification', 'progress', 'plan', 'result', 'attributes', 'exception'] as const).map((kind) => [CODECS[kind].eventName, kind]),
);

/** Whether an event of this name is a fact of this version of the contract. */
export function isEventName(name: string): boolean {
  return EVENT_KINDS.has(name);
}

/** The fact of a span's start: an announcement, or that a task or scope has begun. */
export function startFactOf(span: SpanRef, start: SpanStart): FactOf<StartKind> {
  const kind = span.taskSpanId === '' ? 'task-announced' : span.spanId === span.taskSpanId ? 'task-start' : 'scope-start';
  return CODECS[kind].read(span, 0, start);
}

/** The fact of an event, or why it is invalid; `undefined` for an event that is not of the contract. */
export function eventFactOf(span: SpanRef, event: SpanEvent): FactOf<EventKind> | string | undefined {
  const { name, attributes } = event;
  const kind = EVENT_KINDS.get(name);
  const seq = attributes[conventions.SEQ];
  if (!isOrdinal(seq)) return kind === undefined ? undefined : unexpected(attributes, conventions.SEQ, 'a whole number from 1');
  if (kind !== undefined) return CODECS[kind].read(span, seq, event);
  return name.startsWith(conventions.RESERVED_PREFIX) ? CODECS.unknown.read(span, seq, event) : undefined;
}

/** The fact that a task or scope has ended. A span that other software has ended has failed if its status is an error. */
export function endFactOf(span: SpanRef, end: SpanEnd): FactOf<'task-end' | 'scope-end'> {
  const kind = span.spanId === span.taskSpanId ? 'task-end' : 'scope-end';
  // An end's number is greater than those of its events, also where other software has ended the span.
  const seq = Math.max(countOf(end.attributes, conventions.FACTS), 1 + greatestSeq(end.events));
  return CODECS[kind].read(span, seq, end);
}

/**
 * The fact that an announcement has ended without an attempt; `undefined` for any other end of its span, which mostly
 * ends as soon as the task is announced.
 */
export function announcementEndOf(span: SpanRef, end: SpanEnd): FactOf<'announcement-end'> | undefined {
  if (!conventions.isAnnouncementOutcome(end.attributes[conventions.OUTCOME])) return undefined;
  return CODECS['announcement-end'].read(span, countOf(end.attributes, conventions.FACTS) || 1, end);
}

/** The name and the attributes of the log record of a fact. */
export function eventOf(fact: Fact): { readonly eventName: string; readonly attributes: Attributes } {
  const codec = codecOf(fact);
  const eventName = fact.kind === 'unknown' ? fact.name : codec.eventName;
  return { eventName, attributes: { [conventions.SEQ]: fact.seq, ...codec.write(fact) } };
}

/** A received fact with its contents in bounds; the reason why it is invalid. */
export function boundedFact(fact: Fact): Fact | string {
  const { time, seq } = fact;
  if (!Number.isSafeInteger(time) || time <= 0) return 'expected a time in nanoseconds since 1970';
  if (!Number.isSafeInteger(seq) || seq < 0) return `expected a sequence number from 0, got ${seq}`;
  return codecOf(fact).bound(fact);
}

/** The codec of a fact's kind. TypeScript can't see that the two go together. */
function codecOf(fact: Fact): FactCodec<Kind> {
  return CODECS[fact.kind] as FactCodec<Kind>;
}

/** The reason why a start is invalid; `undefined` for a valid one. Of a scope no attempt is read. */
export function startFault({ spanId, taskSpanId }: SpanRef, attributes: Attributes): string | undefined {
  const isTask = spanId === taskSpanId;
  if ((attributes[conventions.SPAN_KIND] === 'task') !== isTask) {
    return unexpected(attributes, conventions.TASK_SPAN, isTask ? 'the id of another span, since this one is a scope' : "the task span's own id");
  }
  const attempt = attributes[conventions.TASK_ATTEMPT];
  if (attempt === undefined || isOrdinal(attempt) || !isTask) return undefined;
  return unexpected(attributes, conventions.TASK_ATTEMPT, 'a whole number from 1');
}

/** The reason why an outcome is invalid; `undefined` for a valid one. A later version of the contract may bring other outcomes. */
export function outcomeFault(attributes: Attributes): string | undefined {
  const outcome = textOf(attributes, conventions.OUTCOME);
  if (outcome !== '' && outcome !== conventions.LOST) return undefined;
  return unexpected(attributes, conventions.OUTCOME, `an outcome such as ${conventions.OUTCOMES.join(', ')}`);
}

/** The reason why the number of facts of an ended span, which is its end's own number, is invalid; `undefined` for a valid one. */
export function factsFault(attributes: Attributes): string | undefined {
  return isOrdinal(attributes[conventions.FACTS]) ? undefined : unexpected(attributes, conventions.FACTS, 'a whole number from 1');
}

function runIn(attributes: Attributes): Pick<TaskStart, 'run'> {
  const run = textOf(attributes, conventions.TASK_RUN);
  return run === '' ? {} : { run };
}

function exceptionSpanIn(attributes: Attributes): Pick<TaskTotals, 'exceptionSpanId'> {
  const exceptionSpanId = spanIdIn(attributes[conventions.EXCEPTION_SPAN]);
  return exceptionSpanId === undefined ? {} : { exceptionSpanId };
}

/** The number of the attempt that a scope's span has. */
function attemptIn(attributes: Attributes): number {
  return Math.min(countOf(attributes, conventions.TASK_ATTEMPT) || 1, MOST_ATTEMPTS);
}

function parentScopeIn(attributes: Attributes): Pick<TaskStart, 'parentScope'> {
  const taskSpanId = textOf(attributes, conventions.PARENT_TASK_SPAN);
  const spanId = textOf(attributes, conventions.PARENT_SCOPE);
  return taskSpanId === '' || spanId === '' ? {} : { parentScope: { taskSpanId, spanId } };
}

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function planIn(value: unknown): Plan | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 1 ? value : undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const weights = Object.entries(value);
  const isWeight = ([, weight]: [string, unknown]): boolean => isAmount(weight) && weight > 0;
  return weights.length > 0 && weights.every(isWeight) ? (value as Record<string, number>) : undefined;
}

/** What the ends of tasks and of scopes have in common. */
type End = Omit<ScopeEnd, 'kind' | 'heading'>;

function readEnd(span: SpanRef, seq: number, { attributes, time, duration, failed, message, events }: SpanEnd): End {
  const named = textOf(attributes, conventions.ERROR);
  const errorName = attributes[conventions.ERROR] === undefined ? reportedError(events) : named;
  const error = errorName === '' ? undefined : errorWith(errorName, message, causesIn(attributes) ?? causesIn(reportOf(events)));
  const own = userAttributes(attributes);
  // `error.type` is the updater's where it names the error that the span reports.
  if (named !== '' && own[conventions.ERROR_TYPE] === named) delete own[conventions.ERROR_TYPE];
  const end = { span, seq, time, outcome: outcomeIn(attributes, failed), duration, error };
  return Object.keys(own).length > 0 ? { ...end, attributes: own } : end;
}

function endAttributes({ seq, outcome, duration, error }: End): Attributes {
  return {
    [conventions.FACTS]: seq,
    [conventions.OUTCOME]: outcome,
    [conventions.DURATION_US]: duration,
    ...(error !== undefined && errorAttributes(error)),
  };
}

function errorWith(name: string, message: string, causes: ErrorInfo['causes']): ErrorInfo {
  return causes === undefined ? { name, message } : { name, message, causes };
}

function errorAttributes({ name, message, causes }: ErrorInfo): Attributes {
  return { [conventions.ERROR]: name, [conventions.ERROR_MESSAGE]: message, ...causesAttribute(causes) };
}

function boundedEnd({ error, attributes }: End): Pick<End, 'error' | 'attributes'> {
  return {
    ...(error !== undefined && { error: boundedError(error) }),
    ...(attributes !== undefined && { attributes: markedAttributes(attributes) }),
  };
}

/** Name of the error that a span reports, by its exception event: a limit may have dropped the attribute. `""` if none. */
function reportedError(events: SpanEnd['events']): string {
  return textOf(reportOf(events), conventions.EXCEPTION_TYPE);
}

/** The attributes of the exception event by which a span reports its error; none where it reports none. */
function reportOf(events: SpanEnd['events'] = []): Attributes {
  for (let at = events.length - 1; at >= 0; at--) {
    const { attributes } = events[at]!;
    if (attributes?.[conventions.EXCEPTION_TYPE] !== undefined && isOrdinal(attributes[conventions.SEQ])) return attributes;
  }
  return {};
}

function greatestSeq(events: SpanEnd['events'] = []): number {
  let greatest = 0;
  for (const { attributes } of events) if (attributes !== undefined) greatest = Math.max(greatest, countOf(attributes, conventions.SEQ));
  return greatest;
}

/** An outcome that this version does not know is judged by the span's error. */
function outcomeIn(attributes: Attributes, failed: boolean): Outcome {
  const outcome = attributes[conventions.OUTCOME];
  if (conventions.isOutcome(outcome)) return outcome;
  return failed || textOf(attributes, conventions.ERROR) !== '' ? 'failed' : 'completed';
}
