import { addToOuter, shareOf } from '../../src/progress.ts';
import type { ScopeState } from './scope-state.ts';
import type { TaskDraft } from './task-fold.ts';

/** How far a scope is: 1 when it has completed, until then as {@link shareOf} has it. */
export function progressOf(scope: ScopeState): number | null {
  return scope.end?.outcome === 'completed' ? 1 : shareOf(scope);
}

/**
 * Takes a scope's changed progress into the scopes around it. Where these lie in a circle, which only a
 * foreign sender can make, it stops when it comes by the scope that it has marked last.
 */
export function rollUp(task: TaskDraft, scope: ScopeState): void {
  let inside = scope;
  let marked = scope;
  for (let steps = 1, markAt = 2; ; steps++) {
    task.change(inside);
    const around = task.around(inside);
    if (around === undefined || !addToOuter(inside, inside.end !== null, around)) return;
    task.change(around);
    if (around.plan === null) return;
    inside = around;
    if (inside === marked) return;
    if (steps < markAt) continue;
    marked = inside;
    markAt *= 2;
  }
}
