import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { openSqlite, storePath } from '../store/stored-task.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

test('/readyz is 200 while the store can be read and written', async () => {
  const response = await createTasksApp({ store: memoryStore() }).request('/readyz');
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'ready' });
});

test('/readyz is 503 while another process holds the store\'s lock, and 200 again a second after', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const path = storePath();
  const app = createTasksApp({ store: openSqlite(path) });
  expect((await app.request('/readyz')).status).toBe(200);
  const other = new DatabaseSync(path);
  other.exec('BEGIN IMMEDIATE');
  vi.advanceTimersByTime(1000);
  const asked = app.request('/readyz');
  const hurry = setInterval(() => vi.advanceTimersByTime(100), 5);
  const refused = await asked;
  clearInterval(hurry);
  expect(refused.status).toBe(503);
  expect(refused.headers.get('Content-Type')).toBe('application/problem+json');
  expect(refused.headers.get('Retry-After')).toBe('1');
  expect((await app.request('/healthz')).status).toBe(200);
  other.close();
  vi.advanceTimersByTime(1000);
  expect((await app.request('/readyz')).status).toBe(200);
});

test('/readyz is 503 for a store that can not be opened', async () => {
  expect((await createTasksApp({ store: sqliteStore('/nowhere/tasks.sqlite') }).request('/readyz')).status).toBe(503);
});

test('however many requests for /readyz there are, the store is used once a second', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const appends = vi.fn(() => Promise.resolve());
  const store: TaskStore = Object.create(memoryStore(), { tasks: { value: () => Promise.resolve({ tasks: [] }) }, append: { value: appends } });
  const app = createTasksApp({ store });
  for (const times of [1, 2]) {
    await Promise.all(Array.from({ length: 50 }, async () => app.request('/readyz')));
    vi.advanceTimersByTime(999);
    await app.request('/readyz');
    expect(appends).toHaveBeenCalledTimes(times);
    vi.advanceTimersByTime(1);
  }
});

test('/readyz and /metrics obey the rules of access, and /metrics is there only with something to measure', async () => {
  const metrics = { watchers: { inc: () => undefined, dec: () => undefined }, contentType: 'text/plain', text: () => Promise.resolve('figures') };
  const app = createTasksApp({ store: memoryStore(), metrics });
  for (const path of ['/readyz', '/metrics']) {
    expect((await app.request(path, { headers: { Host: 'evil.example' } })).status).toBe(403);
    expect((await app.request(path, { method: 'POST' })).status).toBe(405);
    expect((await app.request(path)).status).toBe(200);
  }
  expect((await createTasksApp({ store: memoryStore() }).request('/metrics')).status).toBe(404);
});
