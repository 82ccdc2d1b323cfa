/** A worker that is killed while it runs its job: `bullmq-worker.ts QUEUE PORT STORE`. */
import { Worker } from 'bullmq';
import { startTaskspan } from '../../../collector/index.ts';
import { trackJob } from '../../../src/bullmq/index.ts';

const [queueName = '', port, store] = process.argv.slice(2);
await startTaskspan({ store: store! });
const forever = trackJob(async (_job, _token, _signal, updater) => {
  updater.notify('Running');
  await new Promise(() => {});
});
const connection = { host: '127.0.0.1', port: Number(port) };
export const worker: Worker = new Worker(queueName, forever, { connection, lockDuration: 5000, stalledInterval: 200 });
