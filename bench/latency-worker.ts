import { setTimeout as delay } from 'node:timers/promises';
import { startTaskspan } from '../collector/index.ts';
import { TaskUpdater } from '../src/index.ts';

/** A worker that sends to the endpoint of its first argument and sends so many notifications, each with its time. */
const [endpoint = '', serverUrl = '', count = ''] = process.argv.slice(2);
const taskspan = await startTaskspan({ endpoint, serverUrl });
const updater = new TaskUpdater({ taskName: 'watched' });
process.send!(updater.taskUuid);
await new Promise((resolve) => void process.once('message', resolve));
for (let line = 0; line < Number(count); line++) {
  // In step with nothing.
  await delay(5 + ((line * 37) % 97));
  updater.notify(`sent at ${performance.timeOrigin + performance.now()}.`);
}
updater.complete();
await taskspan.close();
process.disconnect();
