import { DEEPEST_SCOPE, shareDone } from '../../src/progress.ts';
import type { CurrentScope } from '../../src/task-record.ts';
import { isAttempt } from './scope-state.ts';
import type { AttemptState, ScopeState, ScopeStep } from './scope-state.ts';
import { outerSpanId } from './task-fold.ts';
import type { TaskContent } from './task-fold.ts';

/** Whether a step comes after another one: by time, span id and sequence number. */
export function isLaterStep({ time, spanId, seq }: ScopeStep, before: ScopeStep | null): boolean {
  if (before === null) return true;
  if (time !== before.time) return time > before.time;
  return spanId === before.spanId ? seq > before.seq : spanId > before.spanId;
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
