import { TaskUpdater } from 'taskspan';
import type { Sleep } from './sleep.ts';

/**
 * Runs the example that taskspan comes from: two parts, the second of which is another function that gets the updater,
 * and a job that fails while the task goes on. It takes 13 seconds, as it always did.
 *
 * Rejects with the error of the job that failed.
 */
export async function runSeedTask(sleep: Sleep): Promise<void> {
  const updater = new TaskUpdater({ taskName: 'TEST' });
  try {
    await updater.scope('TEST - First part', async () => {
      await sleep(1, updater.signal);
      updater.notify('Some notification related to the task');
    });
    await updater.scope('TEST - Second part', () => mySecondTask(updater, sleep));
  } finally {
    updater.insertFinalUpdate();
  }
  updater.raiseLatestException();
}

async function mySecondTask(updater: TaskUpdater, sleep: Sleep): Promise<void> {
  await updater.scope('My subtask 1 in my task 2', async () => {
    await sleep(1, updater.signal);
    updater.notify('Some notification related to the task');
  });

  await updater.scope('My subtask 2 in my task 2', async () => {
    await sleep(10, updater.signal);
    throw new ZeroDivisionError('division by zero');
  });

  await updater.scope('My subtask 3 in my task 2', async () => {
    await sleep(1, updater.signal);
    updater.notify('Some notification related to the task');
  });
}

/** JavaScript itself divides by zero without an error. */
class ZeroDivisionError extends Error {
  override readonly name = 'ZeroDivisionError';
}
