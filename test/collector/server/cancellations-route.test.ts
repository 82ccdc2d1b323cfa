import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createTasksApp, memoryStore, sqliteStore } from '../../../collector/index.ts';
import type { TaskStore } from '../../../collector/index.ts';
import { serveTasks } from '../../../collector/server/serve-tasks.ts';
import type { Fact } from '../../../src/fact.ts';
import { heldClock } from '../../support/held-clock.ts';
import { temporaryFolder } from '../../support/node-process.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
const PATH = '/workers/w/cancellations';

const start: Fact = {
  kind: 'task-start', span: { taskUuid: UUID, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'b'.repeat(16) }, seq: 0,
  time: 1_767_323_045_000_000, name: 'TEST', attempt: 1, attributes: {}, workerId: 'w', workerIntervalMs: 0, cancellable: true, sampled: true,
};

async function runningTask(store: TaskStore = memoryStore()): Promise<TaskStore> {
  await store.append([start]);
  return store;
}

test('a worker gets the tasks that it is asked to cancel, and after a number only new ones', async () => {
  const store = await runningTask();
  const app = createTasksApp({ store });
  expect(await (await app.request(PATH)).json()).toEqual({ cancellations: [] });
  await app.request(`/tasks/${UUID}/cancel`, { method: 'POST' });
  const response = await app.request(PATH);
  expect(response.headers.get('Cache-Control')).toBe('no-store');
  const { cancellations } = (await response.json()) as { cancellations: { number: number }[] };
  expect(cancellations).toEqual([{ number: expect.any(Number), task_uuid: UUID, span_id: 'b'.repeat(16), by: null, reason: null }]);
  expect(await (await app.request(`${PATH}?after=${cancellations[0]!.number}`)).json()).toEqual({ cancellations: [] });
  expect(await (await app.request('/workers/another/cancellations')).json()).toEqual({ cancellations: [] });
});

test('a waiting request is answered as soon as a cancellation is stored, also by another process', async () => {
  const path = join(await temporaryFolder(), 'tasks.sqlite');
  const [here, elsewhere] = [await runningTask(sqliteStore(path)), sqliteStore(path)];
  onTestFinished(async () => void (await Promise.all([here.close(), elsewhere.close()])));
  const answer = createTasksApp({ store: here }).request(`${PATH}?wait=30`);
  await elsewhere.cancel(UUID);
  // The test would time out before the wait does.
  expect(await (await answer).json()).toMatchObject({ cancellations: [{ task_uuid: UUID }] });
});

test('a waiting request is answered with nothing after its time', async () => {
  const app = createTasksApp({ store: await runningTask() });
  const clock = heldClock();
  let status: number | undefined;
  const answer = Promise.resolve(app.request(`${PATH}?wait=1`)).then((response) => {
    ({ status } = response);
    return response.json();
  });
  await clock.pass(999);
  expect(status).toBeUndefined();
  await clock.pass(1);
  expect(await answer).toEqual({ cancellations: [] });
});

test('a waiting request whose worker has disconnected lets its server close, and reads no closed store', async () => {
  const store = await runningTask();
  const calls: number[] = [];
  const cancellations = store.cancellations.bind(store);
  store.cancellations = (...args) => {
    calls.push(1);
    return cancellations(...args);
  };
  const clock = heldClock();
  const server = await serveTasks({ app: createTasksApp({ store }), port: 0 });
  const asking = fetch(`${server.url}${PATH}?wait=30`).catch(() => 'cut off');
  await expect.poll(() => calls.length).toBeGreaterThan(0);
  const closing = server.close();
  await clock.pass(5000);
  await closing;
  expect(await asking).toBe('cut off');
  const asked = calls.length;
  await clock.pass(30_000);
  expect(calls).toHaveLength(asked);
});

describe('it is refused', () => {
  test.each([
    ['?after=x', 400, 'after: expected the number of a cancellation or 0, got "x"'],
    ['?after=-1', 400, 'after: expected the number of a cancellation or 0, got "-1"'],
    ['?wait=31', 400, 'wait: expected whole seconds from 0 to 30, got "31"'],
    ['?wait=1.5', 400, 'wait: expected whole seconds from 0 to 30, got "1.5"'],
  ])('%s', async (query, status, detail) => {
    const response = await createTasksApp({ store: memoryStore() }).request(PATH + query);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ detail });
  });

  test('to other methods, and to a foreign page', async () => {
    const app = createTasksApp({ store: memoryStore() });
    expect((await app.request(PATH, { method: 'POST' })).status).toBe(405);
    expect((await app.request(PATH, { headers: { Origin: 'https://evil.example' } })).status).toBe(403);
  });
});
