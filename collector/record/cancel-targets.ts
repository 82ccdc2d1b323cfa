import { spanKey } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import type { TaskState } from './task-record.ts';

/**
 * The attempts that a request to cancel a task is for; or why there is none. Where a retry
 * overlaps the attempt before it, that is both of them.
 */
export function cancelTargets(
  attempts: Iterable<AttemptState>,
  { state, final }: { state: TaskState; final: boolean },
): AttemptState[] | 'queued' | 'ended' | 'not-cancellable' | 'lost' {
  if (state === 'queued') return 'queued';
  if (state === 'lost') return final ? 'ended' : 'lost';
  const open = [...attempts].filter(({ end }) => end === null);
  if (open.length === 0) return 'ended';
  const hearing = open.filter(({ cancellable }) => cancellable);
  return hearing.length === 0 ? 'not-cancellable' : hearing;
}

/** A worker that is to be told, and the span id of the task span by which it knows the attempt. */
export interface CancelTarget {
  readonly workerId: string;
  readonly spanId: string;
}

/** Whom a request for some attempts goes to: their workers. */
export function workersOf(attempts: readonly AttemptState[]): CancelTarget[] {
  return attempts.map(({ workerId, spanId }) => ({ workerId, spanId }));
}

/** And those of their open parts in other processes. */
export function workersOfParts(attempts: readonly AttemptState[], scopes: Iterable<ScopeState>): CancelTarget[] {
  const asked = new Set(attempts.map(({ traceId, spanId }) => spanKey(traceId, spanId)));
  const targets: CancelTarget[] = [];
  for (const { traceId, taskSpanId, partWorkerId, end } of scopes) {
    const isOpenPart = partWorkerId !== '' && end === null && asked.has(spanKey(traceId, taskSpanId));
    if (isOpenPart) targets.push({ workerId: partWorkerId, spanId: taskSpanId });
  }
  return targets;
}
