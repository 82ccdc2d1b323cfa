import { Hono } from 'hono';
import { createTasksApp } from 'taskspan/collector';
import { taskspan } from '../../../lib/tasks';

let tasks: Promise<Hono> | undefined;

/** The tasks, under /jobs. */
async function answer(request: Request): Promise<Response> {
  const app = await (tasks ??= taskspan().then(({ store }) => new Hono().route('/jobs', createTasksApp({ store }))));
  return app.fetch(request);
}

export { answer as GET, answer as HEAD, answer as POST, answer as OPTIONS };
