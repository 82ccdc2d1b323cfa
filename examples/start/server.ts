import { setTimeout } from 'node:timers/promises';
import { serve } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { startTask } from 'taskspan';
import type { TaskUpdater } from 'taskspan';
import { createTasksApp, startTaskspan } from 'taskspan/collector';

const taskspan = await startTaskspan(); // keeps tasks in ./taskspan.sqlite

const app = new Hono();
app.post('/imports', async (c) => {
  const { taskUuid } = await startTask('Import customers', importCustomers);
  return c.body(null, 202, { Location: `/jobs/tasks/${taskUuid}` });
});
app.route('/jobs', createTasksApp({ store: taskspan.store })); // each task as JSON, page and stream
app.use(serveStatic({ root: process.argv[2] ?? 'web' })); // the front end

const port = Number(process.env['PORT'] ?? 3000);
serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, (address) => console.log(`http://127.0.0.1:${address.port}`));

async function importCustomers(updater: TaskUpdater<false>): Promise<void> {
  updater.plan({ 'Read file': 1, 'Write rows': 9 }); // the steps, with their weights
  const rows = await updater.scope('Read file', async () => {
    await setTimeout(500);
    return Array.from({ length: 60 }, (_, row) => row + 1);
  });
  await updater.scope('Write rows', async (scope) => {
    for (const row of scope.each(rows)) { // reports the progress, and stops when the task is cancelled
      await setTimeout(100);
      if (row % 20 === 0) scope.notify(`${row} rows are written`);
    }
  });
}
