import type { AttemptState } from './scope-state.ts';
import type { TaskState } from './task-record.ts';

/**
 * The attempts that a request to cancel a task goes to; or why there is none. Where a retry
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
