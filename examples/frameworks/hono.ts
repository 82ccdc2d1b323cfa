/** The tasks in a Hono application, under /jobs. */
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { createTasksApp, startTaskspan } from 'taskspan/collector';
import { sendInvoices } from './invoices.ts';

const taskspan = await startTaskspan();

const app = new Hono();
app.get('/', (c) => c.text('the application'));
app.post('/invoices', async (c) => {
  return c.body(null, 202, { Location: `/jobs/tasks/${await sendInvoices()}` });
});
app.route('/jobs', createTasksApp({ store: taskspan.store }));

serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 3000), hostname: '127.0.0.1' }, (address) => {
  console.log('listening on', address);
});
