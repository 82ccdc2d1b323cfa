import { LOST } from '../../src/conventions.ts';
import { DEEPEST_SCOPE } from '../../src/progress.ts';
import { missingSeen } from './fact-sequence.ts';
import { byStart } from './scope-line.ts';
import { attributesOf, isAttempt, isCounted, progressOf } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { spanKey } from './span-map.ts';
import { latestAttempt } from './task-fold.ts';
import { errorText, outcomeOf } from './task-error.ts';
import { isoTime } from '../../src/task-record.ts';
import type { AttemptRecord, NotificationRecord, ScopeRecord } from '../../src/task-record.ts';

/**
 * The attempts of a task with their scopes inside each other, in the order of their starts.
 *
 * A scope stands directly in its attempt where its enclosing scope is unknown, and where it lies in a circle, as only a
 * foreign sender can make it. One that lies too deep stands beside the scope around it. What is open when the task has
 * finished, by the end of its latest attempt or since it is lost for good, is `lost`.
 */
export function scopeTree(
  scopes: Iterable<ScopeState>,
  notifications: ReadonlyMap<number, NotificationRecord[]>,
  isLostForGood?: boolean,
): AttemptRecord[] {
  const steps = scopeTreeSteps(scopes, notifications, isLostForGood);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** So many scopes are put into the tree in one step. */
const STEP = 200;

/** Makes a {@link scopeTree} in short steps, so that other work can be done between them. */
export function* scopeTreeSteps(
  scopes: Iterable<ScopeState>,
  notifications: ReadonlyMap<number, NotificationRecord[]>,
  isLostForGood = false,
): Generator<void, AttemptRecord[]> {
  const records = new Map<string, ScopeRecord>();
  const attempts: [AttemptState, AttemptRecord][] = [];
  const inner: ScopeState[] = [];
  let count = 0;
  for (const scope of scopes) {
    if (++count % STEP === 0) yield;
    if (isAttempt(scope) && !isCounted(scope)) continue;
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
  // Scopes are numbered about as they start, so that this takes little time.
  const sorted = inner.toSorted(byStart);
  const inside = new Map<string, ScopeState[]>();
  for (const scope of sorted) {
    if (++count % STEP === 0) yield;
    const around = spanKey(scope.traceId, scope.parentSpanId);
    const key = records.has(around) ? around : spanKey(scope.traceId, scope.taskSpanId);
    const list = inside.get(key);
    if (list === undefined) inside.set(key, [scope]);
    else list.push(scope);
  }
  const shown = new Set<ScopeState>();
  const show = (scope: ScopeState, around: ScopeRecord): void => {
    shown.add(scope);
    around.scopes.push(records.get(spanKey(scope.traceId, scope.spanId))!);
  };
  /** Puts the scopes inside a scope there, level by level: of those at the deepest level, where they stand themselves. */
  function* fill(outer: ScopeState, around: ScopeRecord, outerDepth: number): Generator<void, void> {
    let level = [{ outer, around }];
    for (let depth = outerDepth; level.length > 0; depth++) {
      const next: typeof level = [];
      for (const at of level) {
        if (++count % STEP === 0) yield;
        const key = spanKey(at.outer.traceId, at.outer.spanId);
        const into = depth < DEEPEST_SCOPE ? records.get(key)! : at.around;
        for (const scope of inside.get(key) ?? []) {
          if (++count % STEP === 0) yield;
          if (shown.has(scope)) continue;
          show(scope, into);
          next.push({ outer: scope, around: into });
        }
      }
      level = next;
    }
  }
  for (const [attempt, record] of attempts) yield* fill(attempt, record, 0);
  for (const scope of sorted) {
    if (++count % STEP === 0) yield;
    const attempt = records.get(spanKey(scope.traceId, scope.taskSpanId));
    if (shown.has(scope) || attempt === undefined) continue;
    show(scope, attempt);
    yield* fill(scope, attempt, 1);
  }
  const latest = latestAttempt({ attempts: attempts.map(([attempt]) => attempt) });
  if (isLostForGood || (latest !== undefined && latest.end !== null)) {
    for (const record of records.values()) {
      if (++count % STEP === 0) yield;
      if (record.outcome === 'running') record.outcome = LOST;
    }
  }
  return attempts
    .toSorted(([one], [other]) => one.attempt - other.attempt || byStart(one, other))
    .map(([, attempt]) => attempt);
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
    outcome: end === null ? 'running' : outcomeOf(end, error),
    heading: end?.heading ?? scope.encloses,
    progress: progressOf(scope),
    done: scope.latestProgress?.done ?? null,
    total: scope.latestProgress?.total ?? null,
    error: error === null ? null : errorText(error),
    attributes: attributesOf(scope),
    notifications,
    notification_count: scope.notifications,
    facts_missing: missingSeen(scope),
    scopes: [],
  };
}
