/**
 * The second process of the demo: a worker that runs a task on the same store, and that is killed in the middle of it.
 * `worker-task.ts` starts it.
 */
import { runTask } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';
import { sleepAt } from './sleep.ts';
import type { WorkerOptions } from './worker-task.ts';

const CUSTOMERS = 60;
/** Here it asks to be killed. */
const LAST_CUSTOMER = 20;

const { store, taskName, taskUuid, speed } = JSON.parse(process.argv[2] ?? '') as WorkerOptions;
const sleep = sleepAt(speed, new AbortController().signal);

// Without the demo this process has nothing to do: it ends as at Ctrl-C.
process.once('disconnect', () => process.kill(process.pid, 'SIGINT'));

// A heartbeat each second: the loss is seen after three of them, not after 15 seconds as by default.
const taskspan = await startTaskspan({ store, serve: false, handleSignals: true, beatIntervalMs: Math.max(1000 / speed, 50) });

await runTask(
  taskName,
  async (updater) => {
    updater.plan({ 'Read the file': 1, 'Write customers': 30 });
    await updater.scope('Read the file', async (scope) => {
      await sleep(2, updater.signal);
      scope.notify(`${CUSTOMERS} customers`);
    });
    await updater.scope('Write customers', async (scope) => {
      for (let customer = 1; customer <= CUSTOMERS; customer++) {
        await sleep(1, updater.signal);
        scope.progress(customer, CUSTOMERS);
        if (customer % 5 === 0) scope.notify(`Wrote customer ${customer}`);
        if (customer === LAST_CUSTOMER) await killed();
      }
    });
  },
  { taskUuid },
).catch((error: Error) => {
  // Cancelled on its page, before it could be killed.
  if (error.name !== 'AbortError') throw error;
});
await taskspan.close();
process.disconnect();

async function killed(): Promise<never> {
  await taskspan.flush();
  process.send?.('kill');
  return new Promise(() => {});
}
