import { expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import type { AttemptRecord, ScopeRecord } from '../../../src/task-record.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { factsOf, uuidOf } from '../store/stored-task.ts';
import { plainStore, plainTask, UUID } from './plain-store.ts';

function scope(name: string, ...scopes: ScopeRecord[]): ScopeRecord {
  return {
    span_id: '00f067aa0ba902b7',
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    name,
    start: '2026-01-02T03:04:05.000006Z',
    end: null,
    outcome: 'running',
    heading: scopes.length > 0,
    progress: null,
    done: null,
    total: null,
    error: null,
    attributes: {},
    notifications: [{ time: '2026-01-02T03:04:05.000007Z', message: 'Some notification' }],
    notification_count: 1,
    facts_missing: 0,
    scopes,
  };
}

function attempt(number: number, ...scopes: ScopeRecord[]): AttemptRecord {
  return { ...scope('TEST', ...scopes), attempt: number };
}

test('the scopes of a task are a tree for each attempt, the first attempt first', async () => {
  const attempts = [attempt(1, scope('First part')), attempt(2, scope('First part', scope('Inner part')))];
  const app = createTasksApp({ store: plainStore(plainTask({ attempts, version: 7 })) });
  const response = await app.request(`/tasks/${UUID.toUpperCase()}/scopes`);
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('application/json');
  expect(await response.json()).toEqual({ task_uuid: UUID, version: 7, attempts });
});

test('scopes that a client has are not sent again while the task has the same version', async () => {
  const task = plainTask({ attempts: [attempt(1)] });
  const app = createTasksApp({ store: plainStore(task) });
  const tag = (await app.request(`/tasks/${UUID}/scopes`)).headers.get('ETag')!;
  const again = (): Response | Promise<Response> => app.request(`/tasks/${UUID}/scopes`, { headers: { 'If-None-Match': tag } });
  const same = await again();
  expect([same.status, same.headers.get('ETag'), await same.text()]).toEqual([304, tag, '']);
  task.version++;
  const changed = await again();
  expect(changed.status).toBe(200);
  expect(changed.headers.get('ETag')).not.toBe(tag);
  expect((await app.request(`/tasks/${UUID}`)).headers.get('ETag')).not.toBe(changed.headers.get('ETag'));
});

test('scopes of an unknown task are a 404, of an invalid UUID a 400', async () => {
  const app = createTasksApp({ store: plainStore() });
  expect((await app.request(`/tasks/${UUID}/scopes`)).status).toBe(404);
  expect((await app.request('/tasks/import/scopes')).status).toBe(400);
});

test('scopes of a task that is lost for good are lost, and sent again to a client that has them as running', async () => {
  const store = memoryStore();
  await store.append(factsOf(uuidOf(1), { scopes: 1 }).filter(({ kind }) => kind !== 'scope-end').map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact)));
  const app = createTasksApp({ store, listen: false });
  const ask = async (tag: string): Promise<Response> => app.request(`/tasks/${uuidOf(1)}/scopes`, { headers: { 'If-None-Match': tag } });
  const outcomes = async (answer: Response): Promise<string[]> =>
    ((await answer.json()) as { attempts: AttemptRecord[] }).attempts.flatMap(({ outcome, scopes }) => [outcome, ...scopes.map((inner) => inner.outcome)]);
  const running = await ask('"none"');
  expect(await outcomes(running)).toEqual(['running', 'running']);
  const [worker] = await store.workers();
  await store.silence([{ id: worker!.id, beats: worker!.beats, silentMs: 700_000, lost: true, final: true }]);
  const lost = await ask(running.headers.get('ETag')!);
  expect([lost.status, await outcomes(lost)]).toEqual([200, ['lost', 'lost']]);
  expect((await ask(lost.headers.get('ETag')!)).status).toBe(304);
  expect(await store.task(uuidOf(1))).toMatchObject({ jobs: { total: 0, running: 0 } });
});
