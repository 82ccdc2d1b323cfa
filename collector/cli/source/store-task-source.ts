import { createTasksApp } from '../../server/tasks-app.ts';
import type { TaskStore } from '../../store/task-store.ts';
import { httpTaskSource } from './http-task-source.ts';
import type { TaskSource } from './task-source.ts';

/**
 * Tasks of a store: the app of a server reads it in this process, so that all is told as a server
 * tells it. Its `close()` closes the store.
 */
export function storeTaskSource(name: string, store: TaskStore): TaskSource {
  const app = createTasksApp({ store });
  return httpTaskSource({
    name,
    base: 'http://localhost',
    send: (request) => app.fetch(request),
    close: () => store.close(),
  });
}
