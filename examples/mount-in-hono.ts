/** The tasks as a part of your own Hono app, behind your own paths and middleware. */
import { Hono } from 'hono';
import { runTask } from 'taskspan';
import { createTasksApp, startTaskspan } from 'taskspan/collector';

const taskspan = await startTaskspan();

const app = new Hono();
app.get('/', (c) => c.text('the application'));
app.route('/internal', createTasksApp({ store: taskspan.store }));

const uuid = runTask('Send invoices', (updater) => {
  updater.notify('3 invoices sent');
  return updater.taskUuid;
});

await taskspan.flush();
// A request like a browser's; serve the app with `@hono/node-server` or any other server.
const response = await app.request(`http://localhost/internal/tasks/${uuid}`, { headers: { Accept: 'text/plain' } });
console.log(response.status, await response.text());

await taskspan.close();
