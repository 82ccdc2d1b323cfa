import type { TaskSummary } from '../../record/task-record.ts';

/**
 * Up to when a task is known to have run, in milliseconds since the epoch: to its end, else to now;
 * lost, to its worker's last sign of life.
 */
export function knownEnd({ state, end, heard, updated }: TaskSummary, now: number): number {
  if (end !== null) return Date.parse(end);
  return state === 'lost' ? Date.parse(heard ?? updated) : now;
}
