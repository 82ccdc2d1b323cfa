import type { ToldError } from '../../src/fact.ts';
import type { Outcome } from '../../src/conventions.ts';
import { isAttempt, namesOnly, NO_NAMES, spanKey } from '../record/scope-state.ts';
import type { AttemptState, ScopeEndState, ScopeState } from '../record/scope-state.ts';

/** A row of the table `scope`, without the task's id. */
export interface ScopeRow {
  trace_id: string;
  span_id: string;
  task_span_id: string;
  number: number;
  parent_span_id: string;
  name: string;
  start: number | null;
  end: number | null;
  outcome: string | null;
  heading: number | null;
  error: string | null;
  end_seq: number | null;
  duration: number | null;
  encloses: number;
  share: number | null;
  progress: string | null;
  plan: string | null;
  inside_units: number;
  inside_by_name: string | null;
  units: number;
  seen: string;
  notifications: number;
  recent: string | null;
  attempt: string | null;
  remote: number;
  child_of: string | null;
}

/** The columns of a scope that tells no more than its name, lines and end: all others have their defaults. */
export const PLAIN_COLUMNS: readonly (keyof ScopeRow)[] = [
  'trace_id',
  'span_id',
  'task_span_id',
  'number',
  'parent_span_id',
  'name',
  'start',
  'end',
  'outcome',
  'heading',
  'end_seq',
  'duration',
  'encloses',
  'inside_units',
  'units',
  'seen',
  'notifications',
  'recent',
];

/** The columns in the order of {@link scopeValues}. */
export const SCOPE_COLUMNS: readonly (keyof ScopeRow)[] = [
  ...PLAIN_COLUMNS,
  'error',
  'share',
  'progress',
  'plan',
  'inside_by_name',
  'attempt',
  'remote',
  'child_of',
];

/** The values of {@link PLAIN_COLUMNS}, where that is all, or of {@link SCOPE_COLUMNS}. */
export function scopeValues(scope: ScopeState): (string | number | null)[] {
  const { end } = scope;
  const plain = [
    scope.traceId,
    scope.spanId,
    scope.taskSpanId,
    scope.number,
    scope.parentSpanId,
    textOfName(scope.name),
    scope.start,
    end?.time ?? null,
    end?.outcome ?? null,
    end === null ? null : Number(end.heading),
    end?.seq ?? null,
    end?.duration ?? null,
    Number(scope.encloses),
    scope.insideUnits,
    scope.units,
    JSON.stringify(scope.seen),
    scope.notifications,
    scope.recent.length === 0 ? null : JSON.stringify(scope.recent),
  ];
  if (isPlain(scope)) return plain;
  return [
    ...plain,
    jsonOrNull(end?.error ?? null),
    scope.share,
    jsonOrNull(scope.latestProgress),
    jsonOrNull(scope.plan),
    scope.plan === null ? null : JSON.stringify(scope.insideByName),
    isAttempt(scope) ? attemptJson(scope) : null,
    Number(scope.remote),
    isAttempt(scope) ? childOf(scope) : null,
  ];
}

function isPlain(scope: ScopeState): boolean {
  const { end, share, latestProgress, plan, remote } = scope;
  return !isAttempt(scope) && (end?.error ?? null) === null && share === null && latestProgress === null && plan === null && !remote;
}

/** By what the children of a scope are found. */
export function childOfKey(parentTaskUuid: string, traceId: string, spanId: string): string {
  return `${parentTaskUuid}-${spanKey(traceId, spanId)}`;
}

function childOf({ parentTaskUuid, parentScope, traceId }: AttemptState): string | null {
  return parentTaskUuid === null || parentScope === null ? null : childOfKey(parentTaskUuid, traceId, parentScope.spanId);
}

export function scopeOfRow(row: ScopeRow): ScopeState {
  const scope: ScopeState = {
    traceId: row.trace_id,
    spanId: row.span_id,
    taskSpanId: row.task_span_id,
    number: row.number,
    parentSpanId: row.parent_span_id,
    name: nameOfText(row.name),
    start: row.start,
    end: endOfRow(row),
    seen: JSON.parse(row.seen) as number[],
    remote: row.remote === 1,
    encloses: row.encloses === 1,
    share: row.share,
    latestProgress: parseOrNull(row.progress) as ScopeState['latestProgress'],
    plan: parseOrNull(row.plan) as ScopeState['plan'],
    insideUnits: row.inside_units,
    insideByName: row.inside_by_name === null ? NO_NAMES : namesOnly(JSON.parse(row.inside_by_name) as Record<string, number>),
    units: row.units,
    notifications: row.notifications,
    recent: (parseOrNull(row.recent) as number[] | null) ?? [],
  };
  if (row.attempt === null) return scope;
  const attempt: AttemptState = { ...scope, missing: 0, parentScope: null, ...(JSON.parse(row.attempt) as AttemptOnly), isTask: true };
  return attempt;
}

type AttemptOnly = Omit<AttemptState, keyof ScopeState | 'isTask' | LaterField> & Partial<Pick<AttemptState, LaterField>>;

/** Rows of earlier versions do not have them. */
type LaterField = 'missing' | 'parentScope';

function attemptJson(state: AttemptState): string {
  const { attempt, attributes, workerId, workerIntervalMs, cancellable, parentTaskUuid, parentScope, sampled, missing, jobs, exception, result, final } =
    state;
  const only: AttemptOnly = {
    attempt,
    attributes,
    workerId,
    workerIntervalMs,
    cancellable,
    parentTaskUuid,
    ...(parentScope !== null && { parentScope }),
    sampled,
    missing,
    jobs,
    exception,
    result,
    final,
  };
  return JSON.stringify(only);
}

function endOfRow(row: ScopeRow): ScopeEndState | null {
  if (row.end === null) return null;
  return {
    time: row.end,
    seq: row.end_seq ?? 0,
    outcome: row.outcome as Outcome,
    duration: row.duration ?? 0,
    heading: row.heading === 1,
    error: parseOrNull(row.error) as ToldError | null,
  };
}

/** Node 22 reads a text only up to its first NUL: a name that has one is kept as JSON, and so is one that looks like it. */
function textOfName(name: string): string {
  return name.includes('\0') || name.startsWith('"') ? JSON.stringify(name) : name;
}

function nameOfText(text: string): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}

function parseOrNull(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}
