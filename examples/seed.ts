/**
 * The example from which taskspan began: one updater, handed from function to function. A job fails,
 * the task goes on with the next one, and the caller gets the error at the end.
 */
import { setTimeout } from 'node:timers/promises';
import { TaskUpdater } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

const taskspan = await startTaskspan(); // records and logs go to ./taskspan.sqlite
try {
  await myTask1();
} catch (error) {
  console.log(`The caller gets ${String(error)}`);
} finally {
  await taskspan.close();
}

async function myTask1(): Promise<void> {
  const updater = new TaskUpdater({ taskName: 'TEST', verbose: true });

  await updater.scope('TEST - First part', async () => {
    await setTimeout(10);
    updater.notify('Some notification related to the task');
  });

  await updater.scope('TEST - Second part', () => myTask2(updater));

  updater.raiseLatestException(); // or insertFinalUpdate(), which does not throw
}

async function myTask2(updater: TaskUpdater): Promise<void> {
  await updater.scope('My subtask 1 in my task 2', async () => {
    await setTimeout(10);
    updater.notify('Some notification related to the task');
  });

  await updater.scope('My subtask 2 in my task 2', async () => {
    await setTimeout(10);
    throw new RangeError('division by zero');
  });

  await updater.scope('My subtask 3 in my task 2', async () => {
    await setTimeout(10);
    updater.notify('Some notification related to the task');
  });
}
