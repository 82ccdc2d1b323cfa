import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { hasCutMark } from '../../src/attributes.ts';
import type { Outcome } from '../../src/conventions.ts';
import type { ErrorCause, JobCounts, Plan, SpanRef, ErrorInfo } from '../../src/fact.ts';
import { settle } from '../../src/layered-map.ts';
import { draftOfNames, shareOf } from '../../src/progress.ts';
import type { ScopeProgress } from '../../src/progress.ts';
import { draftOfPages } from './fact-sequence.ts';
import type { SeenSeqs } from './fact-sequence.ts';

/** What is inside a scope: see `scope-counts.ts`. */
export interface InsideCounts {
  /** How many scopes, at any depth; how many of them have failed, and how many have not ended. */
  stepsInside: number;
  failedInside: number;
  runningInside: number;
}

/**
 * What the facts of one span have reported so far: a scope, or with {@link AttemptState} the task
 * span. Plain data, so that a store can keep it as it likes. Times are microseconds.
 */
export interface ScopeState extends ScopeProgress, SeenSeqs, InsideCounts {
  readonly traceId: string;
  readonly spanId: string;
  /** Span id of the attempt's task span. */
  readonly taskSpanId: string;
  /** Its number in its task, by which the journal names it; from 1 in the order of arrival. */
  readonly number: number;
  /** The number of the scope or attempt in which the tree has it; 0 for an attempt. */
  within: number;
  /** Enclosing scope or task span; `""` while unknown, and for a task span. */
  parentSpanId: string;
  /** Where the scope lies too deep, the scope in which it counts instead; else `""`. */
  hangsIn: string;
  /** `""` while unknown. */
  name: string;
  start: number | null;
  end: ScopeEndState | null;
  /** Byte of the whole log at which the lines of its end begin, where they show an error; `null` where they are not written. */
  errorOffset: number | null;
  /** Whether the scope around it is another process's. */
  remote: boolean;
  /** The worker that runs it, if it is remote and its start names the worker; else `""`. */
  partWorkerId: string;
  /** Whether a scope inside, of its own process, is known: then it is a heading and no job. */
  encloses: boolean;
  /** The latest progress fact. */
  latestProgress: { seq: number; done: number; total: number | null } | null;
  plan: { seq: number; plan: Plan } | null;
  notifications: number;
  /** The commits that hold its last notifications: offset of the commit's text, how many, offset, how many, … */
  recent: number[];
  /** The mark of `TaskDraft.change`; not for a store to keep. */
  changed?: boolean;
}

export interface ScopeEndState {
  time: number;
  seq: number;
  outcome: Outcome;
  duration: number;
  heading: boolean;
  error: ErrorInfo | null;
  /** The user's attributes of the span; absent where there are none. */
  attributes?: Attributes;
}

/** What the facts of a task span have reported, and what all scopes of its attempt add up to. */
export interface AttemptState extends ScopeState {
  isTask: true;
  attempt: number;
  /** `null` where no queue has named its run. */
  run: QueueRun | null;
  attributes: Attributes;
  /** `""` while unknown. */
  serviceName: string;
  workerId: string;
  workerIntervalMs: number;
  /** Whether the worker receives requests to cancel. */
  cancellable: boolean;
  parentTaskUuid: string | null;
  /** The scope of the parent task that stands for it. */
  parentScope: { taskSpanId: string; spanId: string } | null;
  sampled: boolean;
  /** How many facts of the attempt and its scopes are known to be missing. */
  missing: number;
  jobs: { finished: number; failed: number; running: number };
  /** The latest start or progress of a scope of the attempt. */
  latestStep: ScopeStep | null;
  /** The latest error of the attempt by time, span id and sequence number. */
  exception: ExceptionState | null;
  /** JSON text. */
  result: { seq: number; json: string } | null;
  /** The attributes that were set while it ran: of each the value with the greatest sequence number. */
  set: Readonly<Record<string, { seq: number; value: AttributeValue | undefined }>>;
  final: { exception: string; exceptionSpanId: string; jobs: JobCounts } | null;
}

/** The start of a scope, or progress that it has reported. */
export interface ScopeStep {
  readonly time: number;
  readonly spanId: string;
  readonly seq: number;
}

/** An error that a span has reported. */
interface ExceptionState extends ErrorCause {
  readonly time: number;
  readonly spanId: string;
  readonly seq: number;
  readonly causes?: readonly ErrorCause[];
}

/** Which run of a job an attempt is, by its queue, and what other reports of the run mean for it: see `queue-run.ts`. */
interface QueueRun {
  /** The same for all attempts of one run. */
  readonly id: string;
  /** Whether the queue's instrumentation reports the run, and not code of the task. */
  readonly isObserved: boolean;
  /** Whether another attempt of the run counts instead of this one. */
  readonly isReplaced: boolean;
  /** Whether the end is that of another attempt of the run. */
  readonly isEndBorrowed: boolean;
}

/** Whether an attempt counts: no other attempt of its run does. */
export function isCounted({ run }: AttemptState): boolean {
  return run?.isReplaced !== true;
}

/** The end that the attempt's own facts have reported; `null` if none. */
export function ownEnd({ run, end }: AttemptState): AttemptState['end'] {
  return run?.isEndBorrowed === true ? null : end;
}

/** Whether a state is that of a task span. */
export function isAttempt(scope: ScopeState): scope is AttemptState {
  return (scope as Partial<AttemptState>).isTask === true;
}

/** Of a scope with no scopes inside. */
export const NOTHING_INSIDE: Readonly<InsideCounts> = { stepsInside: 0, failedInside: 0, runningInside: 0 };

/** A span of which nothing is known yet. */
export function newScope(ref: SpanRef, number: number): ScopeState {
  return {
    traceId: ref.traceId,
    spanId: ref.spanId,
    taskSpanId: ref.taskSpanId,
    number,
    within: 0,
    parentSpanId: '',
    hangsIn: '',
    name: '',
    start: null,
    end: null,
    errorOffset: null,
    seen: [],
    seenPages: null,
    remote: false,
    partWorkerId: '',
    encloses: false,
    ...NOTHING_INSIDE,
    share: null,
    latestProgress: null,
    plan: null,
    insideUnits: 0,
    names: null,
    units: 0,
    notifications: 0,
    recent: [],
    changed: false,
  };
}

/** A task span of which nothing is known yet. */
export function newAttempt(traceId: string, taskSpanId: string, taskUuid: string, number: number): AttemptState {
  return {
    ...newScope({ traceId, spanId: taskSpanId, taskSpanId, taskUuid }, number),
    isTask: true,
    attempt: 0,
    run: null,
    attributes: {},
    serviceName: '',
    workerId: '',
    workerIntervalMs: 0,
    cancellable: false,
    parentTaskUuid: null,
    parentScope: null,
    sampled: false,
    missing: 1,
    jobs: { finished: 0, failed: 0, running: 0 },
    latestStep: null,
    exception: null,
    result: null,
    set: {},
    final: null,
  };
}

/** Copies a state, so that changes of the copy do not change the original, until the copy is kept: see {@link settleState}. */
export function copyOf<State extends ScopeState>(scope: State): State {
  const copy = { ...scope, seen: scope.seen.slice(), recent: scope.recent.slice(), changed: false };
  if (scope.names !== null) copy.names = draftOfNames(scope.names);
  if (scope.seenPages !== null) copy.seenPages = draftOfPages(scope.seenPages);
  if (isAttempt(copy)) copy.jobs = { ...copy.jobs };
  return copy;
}

/** Keeps a copy instead of its original. */
export function settleState({ names, seenPages }: ScopeState): void {
  if (seenPages !== null) settle(seenPages.pages);
  if (names === null) return;
  settle(names.units);
  names.isStored = true;
}

/** How far a scope is: 1 when it has completed, until then as {@link shareOf} has it. */
export function progressOf(scope: ScopeState): number | null {
  return scope.end?.outcome === 'completed' ? 1 : shareOf(scope);
}

/**
 * The attributes of a scope or attempt: those that were announced, below those of its start, below those that were set
 * while it ran, below those of its end. An end that had to leave some out has all that count. Sorted by name, so that
 * the way in which they came makes no difference.
 */
export function attributesOf(scope: ScopeState | undefined, announced: Attributes = {}): Attributes {
  const all = new Map(Object.entries(announced));
  const final = scope?.end?.attributes ?? {};
  if (scope !== undefined && isAttempt(scope) && !hasCutMark(final)) {
    for (const [key, value] of Object.entries(scope.attributes)) all.set(key, value);
    for (const [key, { value }] of Object.entries(scope.set)) all.set(key, value);
  }
  for (const [key, value] of Object.entries(final)) all.set(key, value);
  return Object.fromEntries([...all].toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
