/** The tasks in an Express application, under /jobs. */
import { getRequestListener } from '@hono/node-server';
import express from 'express';
import { Hono } from 'hono';
import { createTasksApp, startTaskspan } from 'taskspan/collector';
import { sendInvoices } from './invoices.ts';

const taskspan = await startTaskspan();
const tasks = new Hono().route('/jobs', createTasksApp({ store: taskspan.store }));
const tasksListener = getRequestListener(tasks.fetch);

const app = express();
app.use(express.json());
app.get('/', (_request, response) => {
  response.send('the application');
});
app.post('/invoices', async (_request, response) => {
  response.status(202).location(`/jobs/tasks/${await sendInvoices()}`).end();
});
// Not by `app.use('/jobs', …)`, which would take `/jobs` off the path.
app.all(/^\/jobs\//, (request, response) => tasksListener(request, response));

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  console.log('listening on', server.address());
});
