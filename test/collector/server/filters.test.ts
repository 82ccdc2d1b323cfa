import { describe, expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskSummary } from '../../../src/task-record.ts';
import { factsOf, plainTasks } from '../store/plain-tasks.ts';
import type { PlainTask } from '../store/plain-tasks.ts';

describe('GET /tasks with a filter', () => {
  const filled = async (): Promise<ReturnType<typeof createTasksApp>> => {
    const store = memoryStore();
    const all = plainTasks(20).map((task, at): PlainTask => ({
      ...task, isQueued: false, isSilent: false, name: at % 2 === 0 ? 'Import' : 'Export', attributes: { 'order.id': at % 5, tenant: ['acme', 'globex'] },
      end: task.start + 1_000_000, outcome: at < 6 ? 'failed' : 'completed', error: at < 6 ? { name: 'Error', message: 'quota exceeded', causes: [] } : null,
    }));
    await store.append(all.flatMap(factsOf));
    return createTasksApp({ store });
  };
  const namesAt = async (app: Awaited<ReturnType<typeof filled>>, path: string): Promise<string[]> => {
    const { tasks: found } = (await (await app.request(path)).json()) as { tasks: TaskSummary[] };
    return found.map(({ task_name: name, attributes }) => `${name} ${String(attributes['order.id'])}`);
  };

  test('lists the tasks that fit all of it, of which each may want one of several values', async () => {
    const app = await filled();
    expect(await namesAt(app, '/tasks?name=imp*&attribute.order.id=4&attribute.order.id=0&attribute.tenant=globex&order=oldest')).toEqual(['Import 0', 'Import 4', 'Import 0', 'Import 4']);
    expect(await namesAt(app, '/tasks?error=quota&q=export')).toEqual(['Export 0', 'Export 3', 'Export 1']);
  });

  test('keeps filter and order in the link to the next page', async () => {
    const app = await filled();
    const seen: string[] = [];
    let url: string | undefined = 'http://localhost/tasks?limit=3&name=imp*&name=none&state=completed,failed&attribute.tenant=acme&q=im&order=oldest';
    while (url !== undefined) {
      const response: Response = await app.request(url);
      seen.push(...((await response.json()) as { tasks: TaskSummary[] }).tasks.map(({ attributes }) => String(attributes['order.id'])));
      const link = response.headers.get('Link')?.match(/^<(\?[^>]+)>; rel="next"$/)?.[1];
      url = link === undefined ? undefined : new URL(link, url).href;
    }
    expect(seen).toEqual(['0', '2', '4', '1', '3', '0', '2', '4', '1', '3']);
  });

  test('is counted by /tasks/counts', async () => {
    const app = await filled();
    const counts = async (query: string): Promise<unknown> => (await app.request(`/tasks/counts${query}`)).json();
    expect(await counts('')).toEqual({ counts: { failed: 6, completed: 14 }, capped: [] });
    expect(await counts('?state=failed,lost')).toEqual({ counts: { failed: 6 }, capped: [] });
    expect(await counts('?name=import&attribute.tenant=acme')).toEqual({ counts: { failed: 3, completed: 7 }, capped: [] });
  });
});
