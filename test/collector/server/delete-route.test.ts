import { describe, expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { BACKENDS, factsOf, openSqlite, storePath, uuidOf } from '../store/stored-task.ts';
import { EventReader } from './live/event-reader.ts';

const TASK = uuidOf(1);

const app = (store: TaskStore) => createTasksApp({ store, listen: false });

async function deleted(on: ReturnType<typeof app>, path = `/tasks/${TASK}`, headers: Record<string, string> = {}): Promise<Response> {
  return on.request(path, { method: 'DELETE', headers });
}

describe.each(BACKENDS)('DELETE /tasks/:uuid of a store %s', (_, open) => {
  test('answers 204 without a body, then 404', async () => {
    const store = open();
    await store.append(factsOf(TASK, { end: 'completed' }));
    const first = await deleted(app(store));
    expect([first.status, await first.text()]).toEqual([204, '']);
    expect((await deleted(app(store))).status).toBe(404);
    expect((await app(store).request(`/tasks/${TASK}`)).status).toBe(404);
  });

  test('leaves no representation of the task to a client that has one, when it begins anew', async () => {
    const store = open();
    const on = app(store);
    const paths = [`/tasks/${TASK}`, `/tasks/${TASK}/scopes`];
    await store.append(factsOf(TASK, { end: 'completed' }));
    const known = await Promise.all(paths.map(async (path) => (await on.request(path)).headers.get('ETag')!));
    await deleted(on);
    await store.append(factsOf(TASK, { end: 'failed', time: Date.now() * 1000 + 5_000_000 }));
    const again = await Promise.all(paths.map(async (path, at) => (await on.request(path, { headers: { 'If-None-Match': known[at]! } })).status));
    expect(again).toEqual([200, 200]);
  });

  test('is a 409 for a task that has not ended, which names its state', async () => {
    const store = open();
    await store.append(factsOf(TASK));
    const answer = await deleted(app(store));
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ detail: `task ${TASK} is running: only a task that has ended can be deleted` });
    expect((await store.stored(TASK))!.state).toBe('running');
  });

  test('ends the streams of the task with `gone`, and the stream of all tasks has it', async () => {
    const store = open();
    const on = app(store);
    // One that runs again after its end: streams of an ended task have ended.
    await store.append(factsOf(TASK, { end: 'failed' }));
    const all = new EventReader(await on.request('/tasks/events'));
    await all.next();
    const { position } = await store.changes({ limit: 1 });
    await deleted(on);
    expect(await all.next()).toMatchObject({ event: 'gone', data: `{"task_uuid":"${TASK}"}` });
    const resumed = new EventReader(await on.request('/tasks/events', { headers: { 'Last-Event-ID': position } }));
    expect(await resumed.next()).toMatchObject({ event: 'gone', id: (await store.changes({ limit: 1 })).position, data: `{"task_uuid":"${TASK}"}` });
  });
});

test('a stream of a task that is open while its task ends and is deleted at once ends with `gone` or its end', async () => {
  const path = storePath();
  const [store, other] = [openSqlite(path), openSqlite(path)];
  const on = app(store);
  await store.append(factsOf(TASK));
  const events = new EventReader(await on.request(`/tasks/${TASK}/events`));
  await events.next();
  await other.append(factsOf(TASK, { end: 'completed' }));
  await other.delete(TASK);
  const rest = await events.rest();
  expect(rest.at(-1)).toMatchObject(rest.length === 1 ? { event: 'gone', data: `{"task_uuid":"${TASK}"}` } : { event: 'end' });
});

describe('who may delete', () => {
  const store = BACKENDS[0]![1]();
  const origin = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' };

  test('is guarded as a cancel is', async () => {
    await store.append(factsOf(TASK, { end: 'completed' }));
    expect((await deleted(app(store), `/tasks/${TASK}`, origin)).status).toBe(403);
    const token = createTasksApp({ store, listen: false, access: { token: 'sixteen-characters' } });
    expect((await deleted(token)).status).toBe(401);
    expect((await store.stored(TASK))!.state).toBe('completed');
  });

  test('are pages of allowedOrigins only where access is guarded, after a preflight request', async () => {
    const page = { Origin: 'https://app.example', 'Sec-Fetch-Site': 'cross-site' };
    const preflight = { ...page, 'Access-Control-Request-Method': 'DELETE' };
    const asked = async (access: { guarded?: boolean }) => {
      const on = createTasksApp({ store, listen: false, access: { allowedOrigins: ['https://app.example'], ...access } });
      const leave = await on.request(`/tasks/${TASK}`, { method: 'OPTIONS', headers: preflight });
      return [leave.headers.get('Access-Control-Allow-Methods'), (await deleted(on, `/tasks/${TASK}`, page)).status];
    };
    expect(await asked({})).toEqual([null, 403]);
    expect(await asked({ guarded: true })).toEqual(['POST,DELETE', 204]);
  });
});
