/** The tasks in a server of `node:http`, under /jobs. */
import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { createTasksApp, startTaskspan } from 'taskspan/collector';
import { sendInvoices } from './invoices.ts';

const taskspan = await startTaskspan();
const tasks = new Hono().route('/jobs', createTasksApp({ store: taskspan.store }));
const tasksListener = getRequestListener(tasks.fetch);

const server = createServer((request, response) => {
  if (request.url?.startsWith('/jobs/')) {
    void tasksListener(request, response);
  } else if (request.method === 'POST' && request.url === '/invoices') {
    void sendInvoices().then((taskUuid) => response.writeHead(202, { Location: `/jobs/tasks/${taskUuid}` }).end());
  } else {
    response.end('the application');
  }
});
server.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  console.log('listening on', server.address());
});
