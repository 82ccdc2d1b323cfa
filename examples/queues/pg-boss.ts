/**
 * Your own queue in thirty lines, shown with pg-boss on PostgreSQL: a job is a task from when it is
 * sent, each try of it an attempt, and a task that is cancelled is a job that is not tried again.
 *
 *     DATABASE_URL=postgres://localhost/postgres node examples/queues/pg-boss.ts
 */
import { once } from 'node:events';
import { PgBoss } from 'pg-boss';
import type { SendOptions } from 'pg-boss';
import { announceTask, runTask } from 'taskspan';
import type { TaskUpdater } from 'taskspan';
import { startTaskspan } from 'taskspan/collector';

const taskspan = await startTaskspan();
const boss = new PgBoss(process.env['DATABASE_URL'] ?? 'postgres://localhost/postgres');
boss.on('error', console.error);

// The thirty lines: the process that sends a job announces its task, the worker runs the task.

async function send(queue: string, data: object, options?: SendOptions): Promise<string | null> {
  const id = await boss.send(queue, data, options);
  if (id !== null) void announceTask({ taskName: queue, taskUuid: id, attributes: { queue } });
  return id;
}

type Processor<Data> = (data: Data, updater: TaskUpdater<false>) => Promise<void>;

async function work<Data>(queue: string, fn: Processor<Data>): Promise<void> {
  await boss.work<Data, void, { includeMetadata: true; pollingIntervalSeconds: number }>(
    queue,
    { includeMetadata: true, pollingIntervalSeconds: 0.5 },
    async ([job]) => {
      if (job === undefined) return;
      const { id: taskUuid, retryCount, data } = job;
      const run = async (updater: TaskUpdater<false>): Promise<void> => {
        try {
          await fn(data, updater);
        } catch (error) {
          if (updater.signal.aborted) await boss.cancel(queue, taskUuid);
          throw error;
        }
      };
      await runTask(queue, run, { taskUuid, attempt: retryCount + 1, attributes: { queue } });
    },
  );
}

// An application of it.

await boss.start();
await boss.createQueue('send-mail');
const id = await send('send-mail', { to: 'ada@example.com' }, { retryLimit: 2 });

const sent = new EventTarget();
let isReachable = false;
await work<{ to: string }>('send-mail', async ({ to }, updater) => {
  updater.scope('Connect', () => {
    if (isReachable) return;
    isReachable = true;
    throw new Error('the mail server is not there');
  });
  updater.notify(`Sent to ${to}`);
  sent.dispatchEvent(new Event('mail'));
});

await once(sent, 'mail');
await boss.stop();
await taskspan.flush();
console.log((await taskspan.store.log(id!))?.text);
await taskspan.close();
