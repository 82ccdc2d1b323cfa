import { addToOuter, shareOf } from '../../src/progress.ts';
import type { ScopeState, AttemptState } from './scope-state.ts';
import { isAttempt } from './scope-state.ts';
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

type CountedAs = keyof AttemptState['jobs'] | undefined;

/**
 * What a scope counts as. A heading is no job unless it failed by an error of its own; what
 * the source reports at the end rules over what is seen until then.
 */
export function countedAs(scope: ScopeState): CountedAs {
  if (isAttempt(scope)) return undefined;
  const { end } = scope;
  if (end === null) return scope.start !== null && !scope.encloses ? 'running' : undefined;
  if (end.outcome === 'completed') return end.heading ? undefined : 'finished';
  if (end.outcome === 'failed') return end.heading && end.error === null ? undefined : 'failed';
  return undefined;
}

/** Corrects how a scope that has changed counts in its attempt: as what it is now, instead of what it was before. */
export function recount(task: TaskDraft, scope: ScopeState, before: CountedAs): void {
  const after = countedAs(scope);
  task.change(scope);
  if (before === after) return;
  const attempt = task.attemptOf(scope);
  if (before !== undefined) attempt.jobs[before]--;
  if (after !== undefined) attempt.jobs[after]++;
  task.change(attempt);
}
