/** The tasks in a Fastify application, under /jobs. */
import { getRequestListener } from '@hono/node-server';
import Fastify from 'fastify';
import { Hono } from 'hono';
import { createTasksApp, startTaskspan } from 'taskspan/collector';
import { sendInvoices } from './invoices.ts';

const taskspan = await startTaskspan();
const tasks = new Hono().route('/jobs', createTasksApp({ store: taskspan.store }));
const tasksListener = getRequestListener(tasks.fetch);

const app = Fastify();
app.get('/', async () => 'the application');
app.post('/invoices', async (_request, reply) => {
  return reply.code(202).header('Location', `/jobs/tasks/${await sendInvoices()}`).send();
});
app.register(async (jobs) => {
  // The bodies are left to the tasks.
  jobs.removeAllContentTypeParsers();
  jobs.addContentTypeParser('*', (_request, _body, done) => done(null));
  jobs.all('/jobs/*', async (request, reply) => {
    reply.hijack();
    await tasksListener(request.raw, reply.raw);
  });
});

await app.listen({ port: Number(process.env['PORT'] ?? 3000), host: '127.0.0.1' });
console.log('listening on', app.server.address());
