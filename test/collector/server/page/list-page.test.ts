import { expect, test } from 'vitest';
import { memoryStore } from '../../../../collector/index.ts';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { unavailableStore } from '../../../../collector/store/store-at.ts';
import type { TaskStore } from '../../../../collector/store/task-store.ts';
import { ScriptedTask } from '../../record/scripted-task.ts';

/** As browsers send it. */
const ACCEPT = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

/** What a browser gets at a path; it follows no redirect. */
async function open(store: TaskStore, path: string, accept = ACCEPT): Promise<{ status: number; location: string | null; type: string | null; html: string }> {
  const response = await createTasksApp({ store, index: true }).request(path, { headers: { Accept: accept } });
  return { status: response.status, location: response.headers.get('Location'), type: response.headers.get('Content-Type'), html: await response.text() };
}

/** A store with some tasks, the first by a name of the test's own. */
async function storeOf(count: number, name = 'Import customers'): Promise<TaskStore> {
  const store = memoryStore();
  for (let number = 1; number <= count; number++) {
    const task = new ScriptedTask(`01a00000-0000-7000-8000-${String(number).padStart(12, '0')}`);
    const attempt = task.attempt({ name: number === 1 ? name : `Task ${number}`, attributes: { customer: number } });
    if (number % 2 === 0) attempt.complete();
    await store.append(task.facts);
  }
  return store;
}

/** The names in the rows. */
const names = (html: string): string[] => [...html.matchAll(/class="name"[^>]*><bdi>(.*?)<\/bdi>/g)].map(([, name]) => name!);

test('a browser gets a page, and every program JSON', async () => {
  const store = await storeOf(1);
  expect(await open(store, '/tasks')).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' });
  for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.9']) {
    expect(await open(store, '/tasks', accept)).toMatchObject({ status: 200, type: 'application/json' });
  }
});

test('a link may say which it wants, and the page that it leads to does not repeat that', async () => {
  const store = await storeOf(2);
  const page = await open(store, '/tasks?as=html&state=running', '*/*');
  expect(page).toMatchObject({ status: 200, type: 'text/html; charset=utf-8' });
  expect(names(page.html)).toEqual(['Import customers']);
  expect(page.html).not.toContain('as=html');
  expect(await open(store, '/tasks?as=json')).toMatchObject({ status: 200, type: 'application/json' });
  expect(await open(store, '/tasks?as=text', '*/*')).toMatchObject({ status: 400, type: 'application/problem+json' });
});

test('no cache takes the page for the JSON at the same URL, or the other way round', async () => {
  for (const accept of [ACCEPT, '*/*']) {
    const response = await createTasksApp({ store: await storeOf(1) }).request('/tasks', { headers: { Accept: accept } });
    expect(response.headers.get('Vary')).toMatch(/^Accept\b/);
  }
});

test('/ leads to the list where the app has it', async () => {
  const store = await storeOf(0);
  expect(await open(store, '/')).toMatchObject({ status: 302, location: 'tasks' });
  expect((await createTasksApp({ store }).request('/')).status).toBe(404);
});

test('a name that would be markup stands as text', async () => {
  const { html } = await open(await storeOf(1, '"><script>alert(1)</script>'), '/tasks');
  expect(html).not.toContain('<script>alert');
  expect(names(html)).toEqual(['&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;']);
});

test('older tasks are on further pages, with the same filter', async () => {
  const store = await storeOf(5);
  let path: string | undefined = '/tasks?limit=2&state=running';
  const seen: string[] = [];
  while (path !== undefined) {
    const { html } = await open(store, path);
    seen.push(...names(html));
    const next = /<a rel="next" href="([^"]+)"/.exec(html)?.[1];
    path = next && `/${next.replaceAll('&amp;', '&')}`;
    if (path !== undefined) expect(path).toMatch(/^\/tasks\?limit=2&state=running&cursor=/);
  }
  expect(seen).toEqual(['Task 5', 'Task 3', 'Import customers']);
});

test('a form without a script leads to the short address of what it means', async () => {
  const store = await storeOf(1);
  const sent = '/tasks?state=failed&q=&name=Import*&attribute=customer%3D42&attribute=&error=+&order=&limit=';
  expect(await open(store, sent)).toMatchObject({ status: 303, location: 'tasks?state=failed&name=Import*&attribute.customer=42' });
});

test('a wrong filter is a 400 that says what is possible, and the form has it to be put right', async () => {
  const { status, html } = await open(await storeOf(1), '/tasks?state=broken');
  expect(status).toBe(400);
  expect(html).toContain('expected one of queued, running');
  expect(html).toContain('list.css');
  expect(html).not.toContain('value="broken"');
  expect(names(html)).toEqual([]);
  expect((await open(await storeOf(1), '/tasks?stat=failed')).html).toContain('&quot;stat&quot;: expected one of');
});

test('a filter that nothing fits, an empty store and the end of the list are told apart', async () => {
  const store = await storeOf(1);
  expect((await open(store, '/tasks?state=failed')).html).toContain('No task fits this filter.');
  expect((await open(await storeOf(0), '/tasks')).html).toContain('No task has been seen yet.');
});

test('a store that fails is a 503 that loads itself again, and no empty list', async () => {
  const { status, html } = await open(unavailableStore('it is away'), '/tasks');
  expect(status).toBe(503);
  expect(html).toContain('http-equiv="refresh"');
  expect(html).not.toContain('No task');
});

test('a task that is not there is a page: one that may still come looks again, any other does not', async () => {
  const store = await storeOf(0);
  const made = `${Date.now().toString(16).padStart(12, '0').replace(/^.{8}/, '$&-')}-7000-8000-000000000000`;
  const young = await open(store, `/tasks/${made}`);
  expect(young.status).toBe(404);
  expect(young.html).toMatch(/http-equiv="refresh".*This task is not here yet/s);
  const old = await open(store, '/tasks/54bf5712-b9ec-11e9-afdd-8c16454a0938');
  expect(old.status).toBe(404);
  expect(old.html).toContain('There is no such task');
  expect(old.html).not.toContain('refresh');
  expect(await open(store, '/tasks/54bf57')).toMatchObject({ status: 400, html: expect.stringContaining('This address is not right') });
  expect(await open(store, '/somewhere/else')).toMatchObject({ status: 404, html: expect.stringContaining('There is nothing here') });
});
