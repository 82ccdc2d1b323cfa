import type { TaskRun } from './task-run.ts';
import { UnfinishedError } from './unfinished-error.ts';

const dropped = new FinalizationRegistry<TaskRun>((task) => {
  const message = 'abandoned: the updater was dropped without its final update';
  task.close({ outcome: 'failed', failed: { thrown: new UnfinishedError('TASKSPAN_ABANDONED', message) } });
});

/**
 * Ends the task as failed when nobody has its updater any more: nobody could end it then. Running
 * scopes, and code that runs in them, have it.
 */
export function endWhenDropped(updater: object, task: TaskRun): void {
  dropped.register(updater, task);
}
