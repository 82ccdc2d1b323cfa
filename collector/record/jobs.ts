import { isAttempt } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import type { TaskDraft } from './task-fold.ts';

type CountedAs = keyof AttemptState['jobs'] | undefined;

/**
 * What a scope counts as. A heading is no job unless it failed by an error of its own; what
 * the source says at the end rules over what is seen until then.
 */
export function countedAs(scope: ScopeState): CountedAs {
  if (isAttempt(scope)) return undefined;
  const { end } = scope;
  if (end === null) return scope.start !== null && !scope.encloses ? 'running' : undefined;
  if (end.outcome === 'completed') return end.heading ? undefined : 'finished';
  if (end.outcome === 'failed') return end.heading && end.error === null ? undefined : 'failed';
  return undefined;
}

/** Counts a scope that has changed anew in its attempt: as what it is now, instead of what it was before. */
export function recount(task: TaskDraft, scope: ScopeState, before: CountedAs): void {
  const after = countedAs(scope);
  task.change(scope);
  if (before === after) return;
  const attempt = task.attemptOf(scope);
  if (before !== undefined) attempt.jobs[before]--;
  if (after !== undefined) attempt.jobs[after]++;
  task.change(attempt);
}
