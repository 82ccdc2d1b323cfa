import { Hono } from 'hono';
import { runTask } from 'taskspan';
import { createTasksApp, memoryStore, startTaskspan } from 'taskspan/collector';

// A store in memory keeps the collector, and with it the server, in the task's own thread.
const taskspan = await startTaskspan({ store: memoryStore(), serve: { port: 0 } });
const app = new Hono().get('/', (c) => c.text('mine')).route('/jobs', createTasksApp({ store: taskspan.store }));

const uuid = runTask('Mounted', (updater) => {
  updater.notify('reported');
  return updater.taskUuid;
});
await taskspan.flush();

const headers = { Accept: 'text/plain, */*;q=0.5', Host: 'localhost' };
const mounted = await app.request(`http://localhost/jobs/tasks/${uuid}`, { headers });
const served = await fetch(`${taskspan.url}/tasks/${uuid}`, { headers });
const received = await fetch(`${taskspan.url}/metrics`);
const printed = {
  mounted: await mounted.text(),
  served: await served.text(),
  metrics: received.status,
  failures: taskspan.failures.map(({ message }) => message),
};
await taskspan.close();
process.stdout.write(JSON.stringify(printed));
