import { progressOf } from './roll-up.ts';
import type { AttemptState } from './scope-state.ts';
import type { TaskFold } from './task-fold.ts';
import type { TaskCommit } from './commit.ts';

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
export function childSharesOf(task: TaskFold): ChildShare[] {
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

/**
 * Takes what has grown into the parent tasks, and what grows there into theirs.
 *
 * @param commit Commits shares to a task, if it is known and they bring it anything new.
 */
export function tellParents(
  shares: readonly ChildShare[],
  commit: (uuid: string, shares: readonly ChildShare[]) => TaskCommit | undefined,
): void {
  let telling = shares;
  for (let depth = 0; telling.length > 0 && depth < DEEPEST; depth++) {
    const parents = Map.groupBy(telling, ({ parentTaskUuid }) => parentTaskUuid);
    telling = [...parents].flatMap(([uuid, own]) => commit(uuid, own)?.childShares ?? []);
  }
}

/** No tasks nest so deep: what seems to is a circle, which only a foreign sender can make. */
const DEEPEST = 100;
