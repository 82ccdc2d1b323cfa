import { spanKey } from './scope-state.ts';
import { stateOf } from './summary.ts';
import { latestAttempt } from './task-fold.ts';
import type { TaskFacts } from './task-fold.ts';
import type { TaskState } from './task-record.ts';

/** By what a task lives, as its facts have it: stores keep it beside the record, for lists and for what becomes of workers. */
export interface TaskLife {
  /** Never `lost`: that is for those to say who have listened. */
  readonly state: TaskState;
  /** Key of the attempt of which the record tells; `null` while none is known. */
  readonly attempt: string | null;
  /** Whose signs of life tell that the task is alive; `null` where none are to come, and once it has ended. */
  readonly workerId: string | null;
  /** Milliseconds between two of them. */
  readonly intervalMs: number;
}

export function lifeOf(task: TaskFacts): TaskLife {
  const latest = latestAttempt(task);
  const state = stateOf(task, latest);
  const attempt = latest === undefined ? null : spanKey(latest.traceId, latest.spanId);
  const beating = latest !== undefined && latest.end === null && latest.workerId !== '' && latest.workerIntervalMs > 0;
  return beating
    ? { state, attempt, workerId: latest.workerId, intervalMs: latest.workerIntervalMs }
    : { state, attempt, workerId: null, intervalMs: 0 };
}

export function isSameLife(one: TaskLife, other: TaskLife): boolean {
  return (
    one.state === other.state &&
    one.attempt === other.attempt &&
    one.workerId === other.workerId &&
    one.intervalMs === other.intervalMs
  );
}
