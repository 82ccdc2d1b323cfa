import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { startUpkeep } from '../../../collector/runtime/store-upkeep.ts';
import type { UpkeepLimits } from '../../../collector/runtime/store-upkeep.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { DAY, factsOf, NOW, uuidOf } from '../store/stored-task.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

const DAY_MS = DAY / 1000;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW / 1000 });
  return () => void vi.useRealTimers();
});

/** A store that is kept in order, on a machine whose wall time the test holds. */
class Machine {
  readonly store: TaskStore = memoryStore();
  readonly reports: string[] = [];
  /** By how much wall time is ahead of the time since the machine's start. */
  readonly #start = Date.now();
  #set = 0;

  /** Some process's collector begins to keep the store in order. */
  begin(limits: Partial<UpkeepLimits> = {}): () => Promise<void> {
    const upkeep = startUpkeep({
      retention: {},
      quietFinalMs: 0,
      queuedFinalMs: 0,
      ...limits,
      store: this.store,
      report: (message) => this.reports.push(message),
      clock: { wall: () => Date.now(), sinceStart: () => Date.now() - this.#set - this.#start },
    });
    onTestFinished(() => upkeep.stop());
    return () => upkeep.stop();
  }

  async end(number: number): Promise<void> {
    await this.store.append(factsOf(uuidOf(number), { end: 'completed' }));
  }

  /** Sets the clock, as a person or a time server does. */
  setClock(byMs: number): void {
    this.#set += byMs;
    vi.setSystemTime(Date.now() + byMs);
  }

  async numbers(): Promise<number[]> {
    return (await this.store.tasks({ limit: 100 })).tasks.map(({ uuid }) => Number(uuid.slice(-12))).toSorted((a, b) => a - b);
  }
}

test('what is due is deleted; a failure and its end are reported once', async () => {
  const machine = new Machine();
  await machine.end(1);
  let failing = false;
  const sweep = machine.store.sweep.bind(machine.store);
  vi.spyOn(machine.store, 'sweep').mockImplementation((rules) => (failing ? Promise.reject(new Error('away')) : sweep(rules)));
  const stop = machine.begin({ retention: { days: 1 } });
  await vi.advanceTimersByTimeAsync(DAY_MS - MINUTE_MS);
  expect(await machine.numbers()).toEqual([1]);
  failing = true;
  await vi.advanceTimersByTimeAsync(3 * MINUTE_MS);
  expect(machine.reports).toEqual(['old tasks could not be deleted, trying again: away']);
  failing = false;
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(await machine.numbers()).toEqual([]);
  expect(machine.reports).toEqual(['old tasks could not be deleted, trying again: away', 'old tasks are being deleted again']);
  const before = vi.getTimerCount();
  await stop();
  expect(vi.getTimerCount()).toBe(before - 1);
});

describe('nothing is deleted', () => {
  test('while the clock is wrong for some minutes, whether it is ahead or behind', async () => {
    const machine = new Machine();
    await machine.end(1);
    machine.begin({ retention: { days: 30 } });
    await vi.advanceTimersByTimeAsync(MINUTE_MS);
    machine.setClock(400 * DAY_MS);
    await vi.advanceTimersByTimeAsync(9 * MINUTE_MS);
    await machine.end(2);
    machine.setClock(-400 * DAY_MS);
    await vi.advanceTimersByTimeAsync(20 * MINUTE_MS);
    expect(await machine.numbers()).toEqual([1, 2]);
    machine.setClock(-400 * DAY_MS);
    await vi.advanceTimersByTimeAsync(5 * MINUTE_MS);
    machine.setClock(400 * DAY_MS);
    await vi.advanceTimersByTimeAsync(20 * MINUTE_MS);
    expect(await machine.numbers()).toEqual([1, 2]);
  });

  test('by a process that begins with a clock far ahead of what the store has, until the clock has been steady for ten minutes', async () => {
    const machine = new Machine();
    await machine.end(1);
    machine.setClock(40 * DAY_MS);
    machine.begin();
    await vi.advanceTimersByTimeAsync(9 * MINUTE_MS);
    expect(await machine.numbers()).toEqual([1]);
    await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
    expect(await machine.numbers()).toEqual([]);
  });
});

test('what is due is deleted at once by a process that begins, and after the machine slept', async () => {
  const machine = new Machine();
  await machine.end(1);
  await vi.advanceTimersByTimeAsync(DAY_MS);
  const stop = machine.begin({ retention: { days: 0.5 } });
  await vi.advanceTimersByTimeAsync(20);
  expect(await machine.numbers()).toEqual([]);
  await stop();
  await machine.end(2);
  machine.begin({ retention: { days: 0.5 } });
  await vi.advanceTimersByTimeAsync(1000);
  // Timers stood still; both clocks went on.
  vi.setSystemTime(Date.now() + DAY_MS);
  await vi.advanceTimersByTimeAsync(MINUTE_MS);
  expect(await machine.numbers()).toEqual([]);
});

describe('a task without heartbeats', () => {
  test('is lost for good after the time that is set without a fact, by the store\'s clock, and runs again by a fact', async () => {
    const machine = new Machine();
    const { store } = machine;
    await store.append(factsOf(uuidOf(1), { time: NOW - 300 * DAY }));
    machine.begin({ quietFinalMs: HOUR_MS });
    await vi.advanceTimersByTimeAsync(HOUR_MS - MINUTE_MS);
    expect(await store.task(uuidOf(1))).toMatchObject({ state: 'running', finished: false, heard: null });
    const { position } = await store.changes({ limit: 1 });
    await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
    const heard = '2026-01-02T03:04:05.000000Z';
    expect(await store.task(uuidOf(1))).toMatchObject({
      state: 'lost', finished: true, status: 0, heard, exception: `lost: last heard ${heard}`, end: null, version: 1,
    });
    expect((await store.changes({ after: position, limit: 9 })).uuids).toEqual([uuidOf(1)]);
    await store.append(factsOf(uuidOf(1), { time: NOW, lines: 2 }));
    expect(await store.task(uuidOf(1))).toMatchObject({ state: 'running', finished: false, exception: '', heard: null });
    await vi.advanceTimersByTimeAsync(HOUR_MS - MINUTE_MS);
    expect((await store.stored(uuidOf(1)))!.state).toBe('running');
    await store.append(factsOf(uuidOf(1), { time: NOW, lines: 2, end: 'completed' }));
    await vi.advanceTimersByTimeAsync(2 * HOUR_MS);
    expect((await store.stored(uuidOf(1)))!.state).toBe('completed');
  });

  test('is lost too where its start has never come, and then goes by the days of lost ones', async () => {
    const machine = new Machine();
    const { store } = machine;
    await store.append(factsOf(uuidOf(1)).filter(({ kind }) => kind !== 'task-start'));
    machine.begin({ quietFinalMs: HOUR_MS, retention: { days: 0, states: { lost: { days: 2 / 24 } } } });
    await vi.advanceTimersByTimeAsync(HOUR_MS + 2 * MINUTE_MS);
    expect((await store.stored(uuidOf(1)))!.state).toBe('lost');
    await vi.advanceTimersByTimeAsync(2 * HOUR_MS);
    expect(await machine.numbers()).toEqual([]);
  });

  test('stays where that is set to never, and where its worker promises heartbeats', async () => {
    const machine = new Machine();
    const { store } = machine;
    await store.append(factsOf(uuidOf(1)));
    machine.begin();
    await vi.advanceTimersByTimeAsync(2 * HOUR_MS);
    const promised = factsOf(uuidOf(2)).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact));
    await store.append(promised);
    machine.begin({ quietFinalMs: MINUTE_MS });
    await vi.advanceTimersByTimeAsync(2 * HOUR_MS);
    expect((await store.stored(uuidOf(2)))!.state).toBe('running');
    expect((await store.counts()).counts).toEqual({ running: 2 });
  });

  test('all of many are lost, a hundred at a time', async () => {
    const machine = new Machine();
    for (let number = 1; number <= 250; number++) await machine.store.append(factsOf(uuidOf(number)));
    machine.begin({ quietFinalMs: MINUTE_MS });
    await vi.advanceTimersByTimeAsync(3 * MINUTE_MS);
    expect((await machine.store.counts()).counts).toEqual({ lost: 250 });
  });
});

describe('a queued task', () => {
  const announce = async (store: TaskStore, number: number, time: number, queuedFinalMs?: number): Promise<void> => {
    const span = { taskUuid: uuidOf(number), traceId: `${number}`.repeat(32), spanId: `${number}`.repeat(16), taskSpanId: '' };
    await store.append([{ kind: 'task-announced', span, seq: 0, time, name: 'to come', attributes: {}, ...(queuedFinalMs !== undefined && { queuedFinalMs }) }]);
  };

  test('expires after the time that is set, counted from its announcement, and runs when an attempt comes after all', async () => {
    const machine = new Machine();
    const { store } = machine;
    await announce(store, 1, NOW - 7 * DAY + HOUR_MS * 1000);
    machine.begin({ queuedFinalMs: 7 * DAY_MS });
    await vi.advanceTimersByTimeAsync(HOUR_MS - MINUTE_MS);
    expect((await store.stored(uuidOf(1)))!.state).toBe('queued');
    await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
    expect(await store.task(uuidOf(1))).toMatchObject({
      state: 'expired', finished: true, status: 0, exception: 'expired: queued since 2025-12-26T04:04:05.000000Z', end: '2026-01-02T04:04:05.000000Z',
    });
    await store.append(factsOf(uuidOf(1), { time: NOW + DAY }));
    expect(await store.task(uuidOf(1))).toMatchObject({ state: 'running', finished: false, end: null });
  });

  test('expires after the time of its own announcement, or never where that is 0', async () => {
    const machine = new Machine();
    const { store } = machine;
    await announce(store, 1, NOW, 5 * MINUTE_MS);
    await announce(store, 2, NOW, 0);
    await announce(store, 3, NOW);
    machine.begin({ queuedFinalMs: HOUR_MS });
    await vi.advanceTimersByTimeAsync(6 * MINUTE_MS);
    expect((await store.counts()).counts).toEqual({ expired: 1, queued: 2 });
    await vi.advanceTimersByTimeAsync(2 * HOUR_MS);
    expect((await store.tasks({ limit: 5, filter: { states: ['queued'] } })).tasks.map(({ uuid }) => uuid)).toEqual([uuidOf(2)]);
  });

  test('stays where that is set to never', async () => {
    const machine = new Machine();
    await announce(machine.store, 1, NOW - 60 * DAY);
    machine.begin();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect((await machine.store.counts()).counts).toEqual({ queued: 1 });
  });

  test('that has an attempt does not expire', async () => {
    const machine = new Machine();
    const { store } = machine;
    await announce(store, 1, NOW - 60 * DAY);
    await announce(store, 2, NOW - 60 * DAY, 1000);
    for (const number of [1, 2]) await store.append(factsOf(uuidOf(number)));
    machine.begin({ queuedFinalMs: HOUR_MS });
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect((await store.counts()).counts).toEqual({ running: 2 });
  });
});
