import type { Attributes } from '@opentelemetry/api';
import { isoTime } from '../../../src/task-record.ts';
import type { CurrentScope } from '../../../src/task-record.ts';
import { basicOutcome } from '../../../src/conventions.ts';
import type { AnnouncementEnd, ErrorCause, ErrorInfo, ExceptionFact, Fact, ProgressFact, ScopeEnd, ScopeStart, TaskAnnounced, TaskEnd, TaskStart } from '../../../src/fact.ts';
import { failureText } from '../../../src/failure.ts';

/** The record of a set of facts, found by reading all of them each time. */
export interface ExpectedRecord {
  state: string;
  task_name: string;
  attributes: Attributes;
  attempt: number;
  trace_id: string | null;
  start: number | null;
  end: number | null;
  exception: string;
  jobs: { total: number; finished: number; failed: number; running: number };
  progress: number | null;
  current: CurrentScope | null;
  result: unknown;
  outcome: string | null;
  error: ExpectedError | null;
  exception_causes: string[];
  service_name: string | null;
  facts_missing: number;
  created: number | null;
  updated: number;
}

interface ExpectedError {
  name: string;
  message: string;
  causes: readonly ErrorCause[];
  path: string[];
  span_id: string;
}

/** The record of a set of facts in which each fact has one content, by the letter of DESIGN 6. */
export function recordOf(facts: readonly Fact[]): ExpectedRecord {
  const latest = latestAttempt(facts);
  const own = facts.filter(({ span }) => span.traceId === latest?.traceId && span.taskSpanId === latest.taskSpanId);
  const ofTask = own.filter(({ span }) => span.spanId === span.taskSpanId);
  const start = firstOf<TaskStart>(ofTask, 'task-start');
  const end = firstOf<TaskEnd>(ofTask, 'task-end');
  const announced = firstAnnounced(facts);
  const set = ofTask.flatMap((fact) => (fact.kind === 'attributes' ? [fact] : [])).toSorted((one, other) => one.seq - other.seq).map(({ attributes }) => attributes);
  const result = ofTask.findLast((fact) => fact.kind === 'result');
  const queueEnd = latest === undefined ? queueEndOf(facts) : undefined;
  const error = latest === undefined ? queueErrorOf(queueEnd) : errorOf(own, latest.taskSpanId, end);
  const timedOut = end?.outcome === 'failed' && error?.name === 'TimeoutError';
  return {
    state: queueEnd?.outcome ?? (end && basicOutcome(end.outcome)) ?? (latest === undefined ? 'queued' : 'running'),
    task_name: (start ?? latestStart(facts) ?? latestEnd(facts) ?? announced)?.name ?? '',
    attributes: Object.assign({}, announced?.attributes, start?.attributes, ...set, end?.attributes) as Attributes,
    attempt: start?.attempt ?? 0,
    trace_id: latest?.traceId ?? null,
    start: start?.time ?? null,
    end: end === undefined ? (queueEnd?.time ?? null) : Math.max(end.time, start?.time ?? 0),
    exception: queueEnd === undefined ? (end?.exception ?? latestException(own)) : queueException(facts, queueEnd),
    jobs: end === undefined && queueEnd === undefined ? jobsOf(own) : withoutRunning(jobsOf(own)),
    progress: latest === undefined ? null : progressOf(own, latest.taskSpanId),
    current: latest === undefined || end !== undefined ? null : currentOf(own),
    result: result === undefined ? null : JSON.parse(result.result),
    outcome: queueEnd?.outcome ?? (timedOut ? 'timed_out' : end?.outcome) ?? null,
    error,
    exception_causes: (error?.causes ?? []).map(({ name, message }) => (message === '' ? name : `${name}: ${message}`)),
    service_name: start?.serviceName ?? announced?.serviceName ?? null,
    facts_missing: latest === undefined ? 0 : missingOf(own, latest.taskSpanId),
    created: facts.reduce<number | null>(earlier, null),
    updated: Math.max(0, ...facts.map(({ time }) => time)),
  };
}

/** One span of a set of facts. */
export interface ScopeTold {
  name: string;
  parent: string;
  start: number | null;
  end: number | null;
  outcome: string;
  heading: boolean;
  progress: number | null;
  done: number | null;
  total: number | null;
  error: string | null;
  notification_count: number;
  facts_missing: number;
}

/** The span of this id in a set of facts, a scope's or an attempt's. */
export function scopeOf(facts: readonly Fact[], spanId: string): ScopeTold {
  const own = facts.filter(({ span }) => span.spanId === spanId);
  const start = own.find((fact) => fact.kind === 'scope-start' || fact.kind === 'task-start');
  const end = own.find((fact) => fact.kind === 'scope-end' || fact.kind === 'task-end');
  const error = end?.error;
  const progress = own.filter((fact) => fact.kind === 'progress').toSorted((one, other) => one.seq - other.seq).at(-1);
  const encloses = end?.kind === 'task-end' || enclosesAny(facts, spanId);
  return {
    // The end of a task has its name too.
    name: start?.name ?? (end?.kind === 'task-end' ? end.name : ''),
    parent: start?.kind === 'scope-start' ? start.parentSpanId : '',
    start: start?.time ?? null,
    end: end?.time ?? null,
    outcome: end?.outcome === 'failed' && error?.name === 'TimeoutError' ? 'timed_out' : (end?.outcome ?? 'running'),
    heading: end?.kind === 'scope-end' ? end.heading : encloses,
    progress: progressOf(facts, spanId),
    done: progress?.done ?? null,
    total: progress?.total ?? null,
    error: error === undefined ? null : error.message === '' ? error.name : `${error.name}: ${error.message}`,
    notification_count: own.filter(({ kind }) => kind === 'notification').length,
    facts_missing: missingAmong(own),
  };
}

/** The scope that has begun or reported progress last, or the nearest one around it that has not ended. */
function currentOf(own: readonly Fact[]): CurrentScope | null {
  const last = own
    .filter(({ kind, span }) => (kind === 'scope-start' || kind === 'progress') && span.spanId !== span.taskSpanId)
    .toSorted((one, other) => one.time - other.time || order(one.span.spanId, other.span.spanId) || one.seq - other.seq)
    .at(-1);
  let spanId = last?.span.spanId;
  while (own.some(({ kind, span }) => kind === 'scope-end' && span.spanId === spanId)) spanId = scopeOf(own, spanId!).parent;
  if (spanId === undefined || spanId === '' || spanId === last!.span.taskSpanId) return null;
  const { name, done, total } = scopeOf(own, spanId);
  return { name, span_id: spanId, done, total, share: total === null ? null : Math.min(1, total === 0 ? 1 : done! / total) };
}

/** Of each span that is known, all numbers below its greatest that are missing. */
function missingOf(facts: readonly Fact[], taskSpanId: string): number {
  const spans = new Set([taskSpanId]);
  for (const fact of facts) {
    spans.add(fact.span.spanId);
    if (fact.kind === 'scope-start' && fact.parentSpanId !== '') spans.add(fact.parentSpanId);
  }
  let missing = 0;
  for (const spanId of spans) {
    missing += missingAmong(facts.filter(({ span }) => span.spanId === spanId));
  }
  return missing;
}

/** The same of the facts of one span; of a span without any, its start. */
function missingAmong(own: readonly Fact[]): number {
  const seen = new Set(own.map(({ seq }) => seq));
  return seen.size === 0 ? 1 : Math.max(...seen) + 1 - seen.size;
}

function latestAttempt(facts: readonly Fact[]): Fact['span'] | undefined {
  const starts = new Map<string, TaskStart>();
  for (const fact of facts) if (fact.kind === 'task-start') starts.set(fact.span.traceId + fact.span.spanId, fact);
  const rank = ({ traceId, taskSpanId }: Fact['span']): [number, number, string] => {
    const start = starts.get(traceId + taskSpanId);
    return [start?.attempt ?? 0, start?.time ?? -1, taskSpanId];
  };
  return facts
    .filter(({ span }) => span.taskSpanId !== '')
    .map(({ span }) => span)
    .toSorted((one, other) => {
      const [a, b] = [rank(one), rank(other)];
      return b[0] - a[0] || b[1] - a[1] || order(b[2], a[2]);
    })[0];
}

function firstAnnounced(facts: readonly Fact[]): TaskAnnounced | undefined {
  return facts
    .filter((fact): fact is TaskAnnounced => fact.kind === 'task-announced')
    .toSorted((one, other) => one.time - other.time || order(one.span.traceId + one.span.spanId, other.span.traceId + other.span.spanId))[0];
}

/** The error that the attempt's end names by its span, or by its text; before that the latest one. */
function errorOf(own: readonly Fact[], taskSpanId: string, end: TaskEnd | undefined): ExpectedError | null {
  const latest = latestExceptionOf(own);
  if (end === undefined) return latest === undefined ? null : errorOfSpan(own, latest.span.spanId, { ...latest, name: latest.type });
  if (end.exception === '') return null;
  const isLatest = latest !== undefined && latestException(own) === end.exception;
  const isOwn = end.error !== undefined && failureText(end.error) === end.exception;
  const spanId = end.exceptionSpanId ?? (!isOwn && isLatest ? latest.span.spanId : taskSpanId);
  const ended = own.find((fact) => (fact.kind === 'scope-end' || fact.kind === 'task-end') && fact.span.spanId === spanId) as ScopeEnd | TaskEnd | undefined;
  const reported = latest?.span.spanId === spanId ? { ...latest, name: latest.type } : undefined;
  return errorOfSpan(own, spanId, ended?.error ?? reported ?? { name: 'Error', message: end.exception });
}

function errorOfSpan(own: readonly Fact[], spanId: string, { name, message, causes = [] }: ErrorInfo): ExpectedError {
  const path: string[] = [];
  let start = own.find((fact): fact is ScopeStart => fact.kind === 'scope-start' && fact.span.spanId === spanId);
  // A scope of which no fact has come is known by those inside it.
  const isScope = own.some(
    (fact) => spanId !== fact.span.taskSpanId && (fact.span.spanId === spanId || (fact.kind === 'scope-start' && fact.parentSpanId === spanId)),
  );
  if (start === undefined && isScope) path.push('');
  while (start !== undefined) {
    path.unshift(start.name);
    const { parentSpanId } = start;
    const around = own.find((fact): fact is ScopeStart => fact.kind === 'scope-start' && fact.span.spanId === parentSpanId);
    if (around === undefined && parentSpanId !== start.span.taskSpanId) path.unshift('');
    start = around;
  }
  return { name, message, causes, path, span_id: spanId };
}

function queueErrorOf(end: AnnouncementEnd | undefined): ExpectedError | null {
  if (end?.error === undefined || end.outcome === 'expired') return null;
  const { name, message, causes = [] } = end.error;
  return { name, message, causes, path: [], span_id: end.span.spanId };
}

/** The latest end of an announcement, unless the task was announced again after it. */
function queueEndOf(facts: readonly Fact[]): AnnouncementEnd | undefined {
  const end = facts.filter((fact): fact is AnnouncementEnd => fact.kind === 'announcement-end').toSorted(byTimeAndIds).at(-1);
  const last = lastAnnounced(facts);
  const isAgain = last !== undefined && end !== undefined && last.time > end.time && last.span.spanId !== end.span.spanId;
  return isAgain ? undefined : end;
}

function queueException(facts: readonly Fact[], { outcome, error }: AnnouncementEnd): string {
  if (outcome !== 'expired') return error === undefined ? '' : failureText(error);
  const last = lastAnnounced(facts);
  return last === undefined ? 'expired' : `expired: queued since ${isoTime(last.time)}`;
}

function lastAnnounced(facts: readonly Fact[]): Fact | undefined {
  return facts.filter(({ kind }) => kind === 'task-announced').toSorted(byTimeAndIds).at(-1);
}

function byTimeAndIds(one: Fact, other: Fact): number {
  return one.time - other.time || order(one.span.traceId + one.span.spanId, other.span.traceId + other.span.spanId);
}

/** The start of the greatest attempt by number, time and span id. */
function latestStart(facts: readonly Fact[]): TaskStart | undefined {
  return facts
    .filter((fact): fact is TaskStart => fact.kind === 'task-start')
    .toSorted((one, other) => other.attempt - one.attempt || other.time - one.time || order(other.span.spanId, one.span.spanId))[0];
}

/** The end of the greatest attempt by its span id, which alone is known of one without a start. */
function latestEnd(facts: readonly Fact[]): TaskEnd | undefined {
  return facts
    .filter((fact): fact is TaskEnd => fact.kind === 'task-end')
    .toSorted((one, other) => order(other.span.spanId, one.span.spanId))[0];
}

function earlier(time: number | null, fact: Fact): number | null {
  if (fact.kind !== 'task-announced' && fact.kind !== 'task-start') return time;
  return Math.min(time ?? Infinity, fact.time);
}

function latestExceptionOf(facts: readonly Fact[]): ExceptionFact | undefined {
  return facts
    .filter((fact): fact is ExceptionFact => fact.kind === 'exception')
    .toSorted((one, other) => one.time - other.time || order(one.span.spanId, other.span.spanId) || one.seq - other.seq)
    .at(-1);
}

function latestException(facts: readonly Fact[]): string {
  const latest = latestExceptionOf(facts);
  return latest === undefined ? '' : failureText({ name: latest.type, message: latest.message });
}

/** No job runs in a task that has finished. */
function withoutRunning({ finished, failed }: ExpectedRecord['jobs']): ExpectedRecord['jobs'] {
  return { total: finished + failed, finished, failed, running: 0 };
}

function jobsOf(facts: readonly Fact[]): ExpectedRecord['jobs'] {
  const jobs = { total: 0, finished: 0, failed: 0, running: 0 };
  for (const [spanId, own] of scopesOf(facts)) {
    const end = firstOf<ScopeEnd>(own, 'scope-end');
    const begun = own.some(({ kind }) => kind === 'scope-start');
    const encloses = enclosesAny(facts, spanId);
    if (end === undefined) jobs.running += begun && !encloses ? 1 : 0;
    else if (end.outcome === 'completed') jobs.finished += end.heading ? 0 : 1;
    else if (basicOutcome(end.outcome) === 'failed') jobs.failed += end.heading && end.error === undefined ? 0 : 1;
  }
  jobs.total = jobs.finished + jobs.failed + jobs.running;
  return jobs;
}

const UNITS = 1_000_000_000;

function progressOf(facts: readonly Fact[], spanId: string): number | null {
  const own = facts.filter(({ span }) => span.spanId === spanId);
  const end = own.find((fact) => fact.kind === 'scope-end' || fact.kind === 'task-end');
  if (end?.outcome === 'completed') return 1;
  const shares = own
    .filter((fact): fact is ProgressFact => fact.kind === 'progress')
    .flatMap(({ done, total }) => (total === undefined ? [] : [total === 0 ? 1 : Math.min(1, done / total)]));
  const plan = own.find((fact) => fact.kind === 'plan')?.plan;
  if (plan !== undefined) shares.push(plannedShare(facts, spanId, plan));
  return shares.length === 0 ? null : Math.max(...shares);
}

function plannedShare(facts: readonly Fact[], spanId: string, plan: number | Readonly<Record<string, number>>): number {
  const inside = childrenOf(facts, spanId).map((start) => ({ name: start.name, units: unitsOf(facts, start.span.spanId) }));
  if (typeof plan === 'number') return Math.min(1, inside.reduce((sum, { units }) => sum + units, 0) / (plan * UNITS));
  let done = 0n;
  let all = 0n;
  for (const [name, weight] of Object.entries(plan)) {
    // Exact for weights of any size that `arbitraryTask` has.
    const exact = BigInt(weight * 2 ** 60);
    all += exact * BigInt(UNITS);
    done += exact * BigInt(Math.max(0, ...inside.filter((scope) => scope.name === name).map(({ units }) => units)));
  }
  return Number((done << 64n) / all) / 2 ** 64;
}

/** What has ended is over, however it ended. */
function unitsOf(facts: readonly Fact[], spanId: string): number {
  const ended = facts.some(({ kind, span }) => kind === 'scope-end' && span.spanId === spanId);
  return ended ? UNITS : Math.floor((progressOf(facts, spanId) ?? 0) * UNITS);
}

function childrenOf(facts: readonly Fact[], spanId: string): ScopeStart[] {
  return facts.filter((fact): fact is ScopeStart => fact.kind === 'scope-start' && fact.parentSpanId === spanId);
}

/** Only a scope of the same process makes the one around it a heading. */
function enclosesAny(facts: readonly Fact[], spanId: string): boolean {
  return childrenOf(facts, spanId).some(({ remote }) => remote !== true);
}

function scopesOf(facts: readonly Fact[]): Map<string, Fact[]> {
  return Map.groupBy(facts.filter(({ span }) => span.spanId !== span.taskSpanId), ({ span }) => span.spanId);
}

function firstOf<Kind extends Fact>(facts: readonly Fact[], kind: Kind['kind']): Kind | undefined {
  return facts.find((fact) => fact.kind === kind) as Kind | undefined;
}

function order(one: string, other: string): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
