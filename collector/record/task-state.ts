import { basicOutcome } from '../../src/conventions.ts';
import { DEEPEST_SCOPE, shareDone } from '../../src/progress.ts';
import type { CurrentScope, TaskState, TaskStatus } from '../../src/task-record.ts';
import { isAttempt } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { spanKey } from './span-map.ts';
import { latestAttempt, outerSpanId } from './task-fold.ts';
import type { Announced, QueueEnd, TaskContent } from './task-fold.ts';

/** Name of a task: that of the latest attempt of which a fact has it, else the announced one. */
export function taskName(task: TaskContent): string {
  return latestAttempt(task, ({ name }) => name !== '')?.name ?? task.announced.first?.name ?? '';
}

/** Name of its service: that of the latest attempt, else that of the announcement; `null` while unknown. */
export function serviceName(task: TaskContent, latest: AttemptState | undefined = latestAttempt(task)): string | null {
  return latest?.serviceName || task.announced.first?.serviceName || null;
}

/** The time of the earliest announcement or start that is known, in microseconds; `null` while none is. */
export function createdAt({ announced, attempts }: TaskContent): number | null {
  let created = announced.first?.time ?? null;
  for (const { start } of attempts) if (start !== null && (created === null || start < created)) created = start;
  return created;
}

/** State of a task by its facts alone, whatever is known of its worker: without an attempt it is queued, or its announcement has ended. */
export function stateOf(task: TaskContent, latest: AttemptState | undefined = latestAttempt(task)): TaskState {
  if (latest !== undefined) return latest.end === null ? 'running' : basicOutcome(latest.end.outcome);
  return queueEndOf(task.announced)?.outcome ?? (task.announced.last === null ? 'running' : 'queued');
}

/** How the announcement of a task ended; `undefined` while the task is queued: it was announced again after that end. */
export function queueEndOf({ last, end }: Announced): QueueEnd | undefined {
  if (end === null) return undefined;
  const isLasts = last === null || (end.traceId === last.traceId && end.spanId === last.spanId);
  return isLasts || end.time >= last.time ? end : undefined;
}

/** The seed's number for a state. */
export function statusOf(state: TaskState): TaskStatus {
  if (state === 'completed') return 1;
  return state === 'failed' || state === 'cancelled' || state === 'expired' ? 0 : 2;
}

/** Whether a task is over: then what is open in it is lost. A task whose worker has fallen silent is not. */
export function isOver(state: TaskState): boolean {
  return statusOf(state) !== 2;
}

/**
 * What an attempt is doing: the scope that has begun or reported progress last, or where that has ended the one around
 * it which has not. `null` where none is open, and after the end of the attempt.
 */
export function currentScope(task: TaskContent, attempt: AttemptState | undefined): CurrentScope | null {
  if (attempt === undefined || attempt.end !== null || attempt.latestStep === null) return null;
  const { traceId } = attempt;
  let scope: ScopeState | undefined = task.scopeAt(traceId, attempt.latestStep.spanId);
  // Scopes of a foreign sender may lie in a circle.
  for (let depth = 0; scope !== undefined && scope.end !== null && depth <= DEEPEST_SCOPE; depth++) {
    const outer = outerSpanId(scope);
    scope = outer === '' ? undefined : task.scopeAt(traceId, outer);
  }
  if (scope === undefined || scope.end !== null || isAttempt(scope)) return null;
  const { name, spanId, latestProgress } = scope;
  const { done = null, total = null } = latestProgress ?? {};
  return { name, span_id: spanId, done, total, share: done === null || total === null ? null : shareDone(done, total) };
}

/** The state of a task by its facts, and the worker that its liveness depends on: stores keep it beside the record. */
export interface RunState {
  /** Never `lost`: that is decided by listening to workers. */
  readonly state: TaskState;
  /** Key of the attempt that the record is about; `null` while none is known. */
  readonly attempt: string | null;
  /** The worker whose heartbeats show that the task is alive; `null` where none are expected, and once it has ended. */
  readonly workerId: string | null;
  /** Milliseconds between two heartbeats. */
  readonly intervalMs: number;
  /** UUID of the task of which it is a child; `null` if it is none. */
  readonly parent: string | null;
}

export function runStateOf(task: TaskContent): RunState {
  const latest = latestAttempt(task);
  const state = stateOf(task, latest);
  const attempt = latest === undefined ? null : spanKey(latest.traceId, latest.spanId);
  const beating = latest !== undefined && latest.end === null && latest.workerId !== '' && latest.workerIntervalMs > 0;
  const parent = latest?.parentTaskUuid ?? null;
  return beating
    ? { state, attempt, workerId: latest.workerId, intervalMs: latest.workerIntervalMs, parent }
    : { state, attempt, workerId: null, intervalMs: 0, parent };
}

export function isSameRunState(one: RunState, other: RunState): boolean {
  return (
    one.state === other.state &&
    one.attempt === other.attempt &&
    one.workerId === other.workerId &&
    one.intervalMs === other.intervalMs &&
    one.parent === other.parent
  );
}
