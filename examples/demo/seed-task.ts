import { setTimeout } from 'node:timers/promises';
import { TaskUpdater } from 'taskspan';

/** A step of the work: what took seconds in the original takes this long. */
const WORK_MS = 125;

/**
 * Runs the example that taskspan comes from: two parts, the second of which is another function that gets the updater,
 * and a job that fails while the task goes on.
 *
 * @param begin Gets the updater before anything is done with it.
 */
export async function runSeedTask(begin: (updater: TaskUpdater) => void): Promise<TaskUpdater> {
  const updater = new TaskUpdater({ taskName: 'TEST', verbose: true });
  begin(updater);

  await updater.scope('TEST - First part', async () => {
    await setTimeout(WORK_MS);
    updater.notify('Some notification related to the task');
  });

  await updater.scope('TEST - Second part', () => mySecondTask(updater));

  updater.insertFinalUpdate();
  return updater;
}

async function mySecondTask(updater: TaskUpdater): Promise<void> {
  await updater.scope('My subtask 1 in my task 2', async () => {
    await setTimeout(WORK_MS);
    updater.notify('Some notification related to the task');
  });

  await updater.scope('My subtask 2 in my task 2', async () => {
    await setTimeout(4 * WORK_MS);
    throw new ZeroDivisionError('division by zero');
  });

  await updater.scope('My subtask 3 in my task 2', async () => {
    await setTimeout(WORK_MS);
    updater.notify('Some notification related to the task');
  });
}

/** JavaScript itself divides by zero without an error. */
class ZeroDivisionError extends Error {
  override readonly name = 'ZeroDivisionError';
}
