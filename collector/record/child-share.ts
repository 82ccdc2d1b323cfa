import { progressOf } from './roll-up.ts';
import type { AttemptState } from './scope-state.ts';
import type { TaskFacts } from './task-fold.ts';

/** How far a child task is, for the scope of its parent task that stands for it. */
export interface ChildShare {
  readonly parentTaskUuid: string;
  /** Ids of the scope in the parent task. */
  readonly traceId: string;
  readonly spanId: string;
  /** 0 to 1. */
  readonly share: number;
}

/** What a task's attempts tell their parents: nothing where they have none, or nobody has said how far they are. */
export function childSharesOf(task: Pick<TaskFacts, 'attempts'>): ChildShare[] {
  const shares: ChildShare[] = [];
  for (const attempt of task.attempts) {
    const share = childShareOf(attempt);
    if (share !== undefined) shares.push(share);
  }
  return shares;
}

/** What one attempt tells. */
export function childShareOf(attempt: AttemptState): ChildShare | undefined {
  const { parentTaskUuid, parentScope, traceId } = attempt;
  if (parentTaskUuid === null || parentScope === null) return undefined;
  const share = progressOf(attempt);
  return share === null ? undefined : { parentTaskUuid, traceId, spanId: parentScope.spanId, share };
}

/** Those that were not told before. They only grow. */
export function grownShares(before: readonly ChildShare[], now: readonly ChildShare[]): readonly ChildShare[] {
  return now.length === 0 ? now : now.filter((one) => !before.some((other) => isSame(one, other) && other.share >= one.share));
}

function isSame(one: ChildShare, other: ChildShare): boolean {
  return one.spanId === other.spanId && one.traceId === other.traceId && one.parentTaskUuid === other.parentTaskUuid;
}
