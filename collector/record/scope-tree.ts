import { isoTime } from './iso-time.ts';
import { progressOf } from './roll-up.ts';
import { isAttempt, spanKey } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { missingIn } from './seq-set.ts';
import type { AttemptRecord, NotificationRecord, ScopeRecord } from './task-record.ts';

/**
 * The attempts of a task with their scopes inside each other, in the order of their starts.
 *
 * A scope whose enclosing one is unknown stands directly in its attempt.
 */
export function scopeTree(
  scopes: Iterable<ScopeState>,
  notifications: ReadonlyMap<number, NotificationRecord[]>,
): AttemptRecord[] {
  const records = new Map<string, ScopeRecord>();
  const attempts: [AttemptState, AttemptRecord][] = [];
  const inner: ScopeState[] = [];
  for (const scope of scopes) {
    const record = scopeRecord(scope, notifications.get(scope.number) ?? []);
    if (isAttempt(scope)) {
      const attempt: AttemptRecord = { ...record, attempt: scope.attempt };
      attempts.push([scope, attempt]);
      records.set(spanKey(scope.traceId, scope.spanId), attempt);
    } else {
      inner.push(scope);
      records.set(spanKey(scope.traceId, scope.spanId), record);
    }
  }
  inner.sort(byStart);
  for (const scope of inner) {
    const record = records.get(spanKey(scope.traceId, scope.spanId))!;
    const around =
      records.get(spanKey(scope.traceId, scope.parentSpanId)) ??
      records.get(spanKey(scope.traceId, scope.taskSpanId));
    around?.scopes.push(record);
  }
  return attempts
    .toSorted(([one], [other]) => one.attempt - other.attempt || byStart(one, other))
    .map(([, attempt]) => attempt);
}

/** Where starts are one or unknown the span id decides: the tree does not depend on the order of arrival. */
function byStart(one: ScopeState, other: ScopeState): number {
  const start = one.start ?? Infinity;
  const otherStart = other.start ?? Infinity;
  if (start !== otherStart) return start - otherStart;
  return one.spanId < other.spanId ? -1 : 1;
}

function scopeRecord(scope: ScopeState, notifications: NotificationRecord[]): ScopeRecord {
  const { end } = scope;
  const error = end?.error ?? null;
  return {
    span_id: scope.spanId,
    trace_id: scope.traceId,
    name: scope.name,
    start: scope.start === null ? null : isoTime(scope.start),
    end: end === null ? null : isoTime(end.time),
    outcome: end === null ? 'running' : end.outcome,
    heading: end?.heading ?? scope.encloses,
    progress: progressOf(scope),
    done: scope.latestProgress?.done ?? null,
    total: scope.latestProgress?.total ?? null,
    error: error === null ? null : error.message === '' ? error.name : `${error.name}: ${error.message}`,
    notifications,
    notification_count: scope.notifications,
    facts_missing: missingIn(scope.seen),
    scopes: [],
  };
}
