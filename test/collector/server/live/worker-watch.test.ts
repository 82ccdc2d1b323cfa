import { expect, onTestFinished, test, vi } from 'vitest';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { markListened } from '../../../../collector/store/heartbeat.ts';
import { bootTime } from '../../../../collector/store/measured-silence.ts';
import { memoryStore } from '../../../../collector/store/sqlite/sqlite-store.ts';
import type { Fact } from '../../../../src/fact.ts';
import { UUID } from '../plain-store.ts';

vi.mock('../../../../collector/timers.ts', () => import('../../../support/global-timers.ts'));

const span = { taskUuid: UUID, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'b'.repeat(16) };
const start: Fact = {
  span, time: 1_767_323_045_000_000, kind: 'task-start', seq: 0, name: 'TEST', attempt: 1, attributes: {}, workerId: 'dead',
  workerIntervalMs: 1000, sampled: true,
};

/** An app on a store whose one worker is dead, in a time of the test's own. */
async function deadWorker() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const store = memoryStore();
  await store.append([start]);
  const app = createTasksApp({ store });
  const state = async (): Promise<unknown> => {
    const record: unknown = JSON.parse(await (await app.request(`/tasks/${UUID}`)).text());
    return (record as { state: unknown }).state;
  };
  return { store, app, state };
}

test('where no collector runs, an app that is asked for tasks watches the workers itself', async () => {
  const { state } = await deadWorker();
  expect(await state()).toBe('running');
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await state()).toBe('lost');
});

test.runIf(bootTime() !== undefined)('its first answer has as lost what a worker of this machine left an hour ago, without any collector', async () => {
  const { state, store } = await deadWorker();
  const { boot, ms } = bootTime()!;
  await store.beat([{
    workerId: 'dead', host: 'here', pid: 1, intervalMs: 1000, time: 1_767_323_045_000_000, busySince: null, written: { boot, ms: ms - 3_600_000 },
  }]);
  const first = state();
  await vi.advanceTimersByTimeAsync(1000);
  expect(await first).toBe('lost');
  expect((await store.stored(UUID))!.liveness).toMatchObject({ final: true });
  expect(await state()).toBe('lost');
});

test.runIf(bootTime() !== undefined)('loses no task for good before the time that the environment gives it', async () => {
  vi.stubEnv('TASKSPAN_LOST_FINAL_MS', '7200000');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { state, store } = await deadWorker();
  const { boot, ms } = bootTime()!;
  await store.beat([{
    workerId: 'dead', host: 'here', pid: 1, intervalMs: 1000, time: 1_767_323_045_000_000, busySince: null, written: { boot, ms: ms - 3_600_000 },
  }]);
  const first = state();
  await vi.advanceTimersByTimeAsync(1000);
  expect(await first).toBe('lost');
  expect((await store.stored(UUID))!.liveness).toMatchObject({ final: false });
});

test('an app that is not asked for tasks watches no workers', async () => {
  const { app, store } = await deadWorker();
  await app.request('/healthz');
  expect(vi.getTimerCount()).toBe(0);
  await app.request('/tasks');
  expect(vi.getTimerCount()).toBe(2);
  await vi.advanceTimersByTimeAsync(180_000);
  expect(vi.getTimerCount()).toBe(0);
  expect((await store.stored(UUID))!.state).toBe('lost');
});

test('an app with an open stream watches the workers for as long as the stream is open', async () => {
  const { app, store } = await deadWorker();
  const beat = (time: number) => ({ workerId: 'dead', host: 'here', pid: 1, intervalMs: 1000, time: 1_767_323_045_000_000 + time, busySince: null });
  const stream = await app.request(`/tasks/${UUID}/events`);
  for (let second = 1; second <= 300; second++) {
    await store.beat([beat(second * 1_000_000)]);
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect((await store.stored(UUID))!.state).toBe('running');
  await vi.advanceTimersByTimeAsync(10_000);
  expect((await store.stored(UUID))!.state).toBe('lost');
  await stream.body!.cancel();
  await vi.advanceTimersByTimeAsync(180_000);
  expect(vi.getTimerCount()).toBe(0);
});

test('a store that fails for a while is watched on while a stream is open', async () => {
  const { app, store } = await deadWorker();
  const stream = await app.request(`/tasks/${UUID}/events`);
  const workers = store.workers.bind(store);
  store.workers = () => Promise.reject(new Error('locked'));
  await vi.advanceTimersByTimeAsync(300_000);
  store.workers = workers;
  await vi.advanceTimersByTimeAsync(20_000);
  expect((await store.stored(UUID))!.state).toBe('lost');
  await stream.body!.cancel();
});

test('where a collector in this process watches the workers, the app does not', async () => {
  const { app, store } = await deadWorker();
  markListened(store);
  await app.request('/tasks');
  expect(vi.getTimerCount()).toBe(0);
});

test('a store that fails is read no more, until the app is asked again', async () => {
  const { app, store } = await deadWorker();
  store.workers = () => Promise.reject(new Error('closed'));
  await app.request('/tasks');
  await vi.advanceTimersByTimeAsync(1000);
  expect(vi.getTimerCount()).toBe(0);
});
