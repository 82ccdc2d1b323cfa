import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import type { TasksAppOptions } from '../../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../../collector/store/sqlite/sqlite-store.ts';
import type { Fact } from '../../../../src/fact.ts';
import type { TaskStore } from '../../../../collector/store/task-store.ts';

/** What a browser sends when a person opens a page. */
export const BROWSER = { Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'Accept-Encoding': 'identity' };

/** A store in memory with the tasks of these facts. */
export async function storeWith(...facts: readonly (readonly Fact[])[]): Promise<TaskStore> {
  const store = memoryStore();
  for (const each of facts) await store.append(each);
  return store;
}

/** Opens a page as a browser does. */
export async function opened(store: TaskStore, path: string, options: Partial<TasksAppOptions> = {}): Promise<{ response: Response; html: string }> {
  const response = await createTasksApp({ store, ...options }).request(path, { headers: BROWSER });
  return { response, html: await response.text() };
}

/** The text that a page shows, without its markup. */
export function textOf(html: string): string {
  const body = html.slice(html.indexOf('<main>')).replaceAll(/<template[^]*?<\/template>/g, '');
  return body.replaceAll(/<[^>]*>/g, ' ').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&').replaceAll(/\s+/g, ' ').trim();
}
