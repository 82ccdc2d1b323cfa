/**
 * Jobs of BullMQ as tasks: queued when they are added, and each try an attempt. It needs a Redis.
 *
 *     node examples/queues/bullmq.ts
 */
import { once } from 'node:events';
import { Queue, Worker } from 'bullmq';
import type { Job } from 'bullmq';
import { jobUuid, queueTasks, trackJob, trackWorker } from 'taskspan/bullmq';
import { startTaskspan } from 'taskspan/collector';

const taskspan = await startTaskspan();
const connection = { host: '127.0.0.1', port: Number(process.env['REDIS_PORT'] ?? 6379) };

const queue = queueTasks(new Queue<{ to: string }>('mail', { connection }));
const job = await queue.add('Send a mail', { to: 'ada@example.com' }, { attempts: 2 });

const processor = trackJob(async ({ attemptsMade, data }: Job<{ to: string }>, _token, _signal, updater) => {
  updater.scope('Connect', () => {
    if (attemptsMade === 0) throw new Error('the mail server is not there');
  });
  updater.notify(`Sent to ${data.to}`);
});
const worker = trackWorker(new Worker<{ to: string }>('mail', processor, { connection }));

await once(worker, 'completed');
await worker.close();
await queue.close();
await taskspan.flush();
console.log((await taskspan.store.log(jobUuid(queue.name, job.id!)))?.text);
await taskspan.close();
