import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { resolveOptions } from '../../../collector/start-taskspan.ts';
import { resolveRetention, retentionRules } from '../../../collector/store/retention.ts';
import type { RetentionOptions } from '../../../collector/store/retention.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import type { Outcome } from '../../../src/conventions.ts';
import type { Fact } from '../../../src/fact.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { startScript } from '../runtime/script.ts';
import { BACKENDS, DAY, factsOf, NOW, openSqlite, storePath, uuidOf } from './stored-task.ts';

/** Stores commit at the time of their facts, unless a test sets another one. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW / 1000 });
  return () => void vi.useRealTimers();
});

/** The facts of a task, committed at the time of the latest one by the store's clock. */
async function append(store: TaskStore, uuid: string, options: Parameters<typeof factsOf>[1] & { time: number }): Promise<void> {
  await appendAt(store, options.time, factsOf(uuid, options));
}

async function appendAt(store: TaskStore, time: number, facts: readonly Fact[]): Promise<void> {
  vi.setSystemTime(time / 1000);
  await store.append(facts);
}

/** Sweeps until nothing is left to do; gives the number of steps. */
async function sweepAll(store: TaskStore, options: RetentionOptions, now = NOW): Promise<number> {
  const rules = retentionRules(options, now);
  for (let steps = 1; ; steps++) if ((await store.sweep(rules)) === 'done') return steps;
}

async function uuidsIn(store: TaskStore): Promise<string[]> {
  return (await store.tasks({ limit: 1000 })).tasks.map(({ uuid }) => uuid).toSorted();
}

describe.each([...BACKENDS])('tasks %s', (_, open) => {
  test('go 30 days after their latest commit, and a live task stays', async () => {
    const store = open();
    await append(store, uuidOf(1), { time: NOW - 30 * DAY - 1000, end: 'completed' });
    await append(store, uuidOf(2), { time: NOW - 30 * DAY, end: 'failed' });
    await append(store, uuidOf(3), { time: NOW - 300 * DAY });
    await sweepAll(store, {});
    expect(await uuidsIn(store)).toEqual([uuidOf(2), uuidOf(3)]);
    expect(await store.stored(uuidOf(1))).toBeUndefined();
    expect(await store.log(uuidOf(1))).toBeUndefined();
    expect(await store.scopes(uuidOf(1))).toBeUndefined();
    const app = createTasksApp({ store });
    expect((await app.request(`/tasks/${uuidOf(1)}`)).status).toBe(404);
    expect((await app.request(`/tasks/${uuidOf(1)}/scopes`)).status).toBe(404);
    expect(await (await app.request(`/tasks/${uuidOf(3)}`, { headers: { Accept: 'text/plain' } })).text()).toBe('\tline 1\n');
  });

  test('of more than the count, those with the oldest latest commits go; one heard of just now stays', async () => {
    const store = open();
    for (let n = 1; n <= 8; n++) await append(store, uuidOf(n), { time: NOW - ((n * 3) % 8) * DAY, end: 'completed' });
    await sweepAll(store, { count: 3 });
    // Ages in days: 3, 6, 1, 4, 7, 2, 5, 0.
    expect(await uuidsIn(store)).toEqual([uuidOf(3), uuidOf(6), uuidOf(8)]);
    for (let n = 11; n <= 15; n++) await append(store, uuidOf(n), { time: NOW - n * 1000, end: 'completed' });
    await sweepAll(store, { count: 3 });
    expect(await uuidsIn(store)).toEqual([8, 11, 12, 13, 14, 15].map(uuidOf));
  });

  test('are kept by state where a state has limits of its own', async () => {
    const store = open();
    const ends = ['completed', 'failed', 'cancelled'] as const;
    for (let n = 0; n < 9; n++) await append(store, uuidOf(n), { time: NOW - (40 + n) * DAY, end: ends[n % 3] });
    await sweepAll(store, { states: { failed: { days: 90 }, cancelled: { days: 0, count: 2 } } });
    expect(await uuidsIn(store)).toEqual([1, 2, 4, 5, 7].map(uuidOf));
  });

  test('that are lost for good go by when they became so, counted with all that ended; one that may come back stays', async () => {
    const store = open();
    const lose = async (number: number, final: boolean): Promise<void> => {
      const facts = factsOf(uuidOf(number), { time: NOW - 300 * DAY });
      await store.append(facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, workerId: `w${number}`, workerIntervalMs: 5000 } : fact)));
      const { beats } = (await store.workers()).find(({ id }) => id === `w${number}`)!;
      await store.silence([{ id: `w${number}`, beats, silentMs: 15_000, lost: true, final }]);
    };
    const before = Date.now() * 1000;
    await lose(1, true);
    await lose(2, false);
    vi.setSystemTime(Date.now() + 1);
    await lose(3, true);
    const after = Date.now() * 1000;
    await append(store, uuidOf(4), { time: after + DAY, end: 'completed' });
    await sweepAll(store, { states: { completed: { days: 0 } } }, before + 30 * DAY);
    expect(await uuidsIn(store)).toEqual([1, 2, 3, 4].map(uuidOf));
    await sweepAll(store, { count: 2 }, after + 2 * DAY);
    expect(await uuidsIn(store)).toEqual([2, 3, 4].map(uuidOf));
    await sweepAll(store, { days: 0, states: { lost: { days: 30 } } }, after + 30 * DAY + 1);
    expect(await uuidsIn(store)).toEqual([2, 4].map(uuidOf));
    expect((await store.stored(uuidOf(2)))!.state).toBe('lost');
  });

  test('count from the time at which they were stored: those of a sender whose clock is wrong stay as long as any', async () => {
    const store = open();
    await appendAt(store, NOW, factsOf(uuidOf(1), { time: 5_000_000, end: 'completed' }));
    await appendAt(store, NOW, factsOf(uuidOf(2), { time: NOW + 300 * DAY, end: 'completed' }));
    await sweepAll(store, { days: 1, count: 1 }, NOW + 59_000_000);
    expect(await uuidsIn(store)).toEqual([1, 2].map(uuidOf));
    await sweepAll(store, { days: 1 }, NOW + DAY + 1000);
    expect(await uuidsIn(store)).toEqual([]);
  });

  test('that come again after they were deleted are new tasks', async () => {
    const store = open();
    await append(store, uuidOf(1), { time: NOW - 40 * DAY, end: 'failed', lines: 50 });
    await sweepAll(store, {});
    await append(store, uuidOf(1), { time: NOW, lines: 1 });
    expect(await store.stored(uuidOf(1))).toMatchObject({ version: 2, state: 'running', logBytes: 8 });
    expect((await store.log(uuidOf(1)))!.text).toBe('\tline 1\n');
    expect((await store.scopes(uuidOf(1)))!.attempts[0]!.notification_count).toBe(1);
  });

  test('take what was asked of their workers with them', async () => {
    const store = open();
    const cancelled = (end?: Outcome, time = NOW - 40 * DAY): Fact[] =>
      factsOf(uuidOf(1), { time, end }).map((fact) => (fact.kind === 'task-start' ? { ...fact, cancellable: true } : fact));
    await store.append(cancelled());
    expect(await store.cancel(uuidOf(1))).toBe('requested');
    expect(await store.cancellations('w', 0)).toMatchObject([{ taskUuid: uuidOf(1) }]);
    await appendAt(store, NOW - 40 * DAY, cancelled('cancelled'));
    await sweepAll(store, {});
    expect(await store.cancellations('w', 0)).toEqual([]);
    await store.append(cancelled(undefined, NOW));
    expect(await store.cancel(uuidOf(1))).toBe('requested');
    expect(await store.cancellations('w', 0)).toMatchObject([{ taskUuid: uuidOf(1) }]);
  });

  test('on a page of a list stay where they are when others are deleted', async () => {
    const store = open();
    for (let n = 1; n <= 6; n++) await append(store, uuidOf(n), { time: n <= 2 ? NOW - 40 * DAY : NOW, end: 'completed' });
    const { next } = await store.tasks({ limit: 2 });
    await sweepAll(store, {});
    const page = await store.tasks({ limit: 2, cursor: next! });
    expect(page.tasks.map(({ uuid }) => uuid)).toEqual([uuidOf(4), uuidOf(3)]);
    await store.append(factsOf(uuidOf(7)));
    expect((await store.tasks({ limit: 1 })).tasks[0]!.uuid).toBe(uuidOf(7));
  });
});

const stored = fc.record({ days: fc.integer({ min: 0, max: 20 }), end: fc.constantFrom('completed' as const, 'failed' as const, 'cancelled' as const, undefined) });
const limits = fc.record({ days: fc.integer({ min: 0, max: 20 }), count: fc.integer({ min: 0, max: 6 }) }, { requiredKeys: [] });

test('both backends keep the same tasks, whatever the limits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(stored, { maxLength: 12 }),
      fc.record(
        { days: fc.integer({ min: 0, max: 20 }), count: fc.integer({ min: 0, max: 6 }), states: fc.record({ failed: limits, completed: limits, cancelled: limits }, { requiredKeys: [] }) },
        { requiredKeys: [] },
      ),
      async (tasks, options) => {
        const stores = [memoryStore(), openSqlite()];
        const kept = await Promise.all(
          stores.map(async (store) => {
            for (const [n, { days, end }] of tasks.entries()) {
              await append(store, uuidOf(n), { time: NOW - days * DAY - 1000 * n - 60_001_000, end });
            }
            await sweepAll(store, options);
            return uuidsIn(store);
          }),
        );
        expect(kept[1]).toEqual(kept[0]);
        for (const [n, { end }] of tasks.entries()) if (end === undefined) expect(kept[0]).toContain(uuidOf(n));
        const { count = 100_000, states = {} } = options;
        const common = tasks.filter(({ end }, n) => end !== undefined && states[end]?.count === undefined && kept[0]!.includes(uuidOf(n)));
        if (count > 0) expect(common.length).toBeLessThanOrEqual(count);
      },
    ),
    { numRuns: 60 },
  );
}, 60_000);

test('a long task goes in small steps; others read and write in between, and find all of it or nothing', async () => {
  const path = storePath();
  const store = openSqlite(path);
  const other = openSqlite(path);
  const uuid = uuidOf(1);
  const [begin, line] = factsOf(uuid, { time: NOW - 40 * DAY });
  await appendAt(store, NOW - 40 * DAY, [begin!]);
  for (let seq = 1; seq <= 4000; seq++) await store.append([{ ...line!, seq }]);
  await append(store, uuid, { time: NOW - 40 * DAY, lines: 4000, scopes: 3000, end: 'completed' });
  const rules = retentionRules({}, NOW);
  const whole = (await other.log(uuid))!.logBytes;
  expect((await other.log(uuid))!.text.length).toBe(whole);
  let steps = 0;
  for (; (await store.sweep(rules)) !== 'done'; steps++) {
    expect(await other.log(uuid)).toBeUndefined();
    expect(await other.scopes(uuid)).toBeUndefined();
    await other.append(factsOf(uuidOf(100 + steps)));
  }
  expect(steps).toBeGreaterThanOrEqual(7);
  const database = new DatabaseSync(path);
  for (const table of ['journal', 'scope_group', 'scope_index', 'child_attempt']) {
    expect(database.prepare(`SELECT count(*) AS n FROM ${table} WHERE task_id = 1`).get()).toEqual({ n: 0 });
  }
  expect(database.prepare('SELECT count(*) AS n FROM removed').get()).toEqual({ n: 0 });
  database.close();
  expect((await uuidsIn(other)).length).toBe(steps);
}, 60_000);

test('the space of what was deleted is given back to the file system', async () => {
  const path = storePath();
  const store = openSqlite(path);
  const message = 'x'.repeat(60_000);
  for (let n = 0; n < 500; n++) {
    const facts = factsOf(uuidOf(n), { time: NOW - 40 * DAY, end: 'completed' });
    await appendAt(store, NOW - 40 * DAY, facts.map((fact) => (fact.kind === 'notification' ? { ...fact, message } : fact)));
  }
  const before = new DatabaseSync(path);
  before.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  before.close();
  expect(statSync(path).size).toBeGreaterThan(30_000_000);
  await sweepAll(store, {});
  expect(statSync(path).size).toBeLessThan(6_000_000);
  expect(statSync(`${path}-wal`).size).toBe(0);
}, 60_000);

test('where nothing has to go, a sweep writes nothing and waits for no lock', async () => {
  const path = storePath();
  const store = openSqlite(path);
  await store.append(factsOf(uuidOf(1), { end: 'completed' }));
  const writing = new DatabaseSync(path);
  writing.exec('BEGIN IMMEDIATE');
  expect(await store.sweep(retentionRules({}, NOW))).toBe('done');
  writing.close();
});

test('the collector of a process deletes old tasks by itself', async () => {
  const folder = await temporaryFolder();
  const store = openSqlite(join(folder, 'taskspan.sqlite'));
  vi.useRealTimers();
  const now = Date.now() * 1000;
  vi.useFakeTimers({ toFake: ['Date'] });
  for (let n = 1; n <= 120; n++) await append(store, uuidOf(n), { time: now - 10 * DAY, end: n > 2 ? 'completed' : 'failed' });
  // The latest commit is of now: the clock did not jump.
  await append(store, uuidOf(200), { time: now });
  const script = await startScript(
    folder,
    `await startTaskspan({ retention: { states: { failed: { days: 20 } } } });
     process.stdin.resume();
     setInterval(() => undefined, 1000);`,
    { env: { TASKSPAN_RETENTION_DAYS: '7' } },
  );
  await expect.poll(() => uuidsIn(store), { timeout: 45_000 }).toEqual([1, 2, 200].map(uuidOf));
  script.kill('SIGTERM');
  expect((await script.ended).stderr).toBe('');
}, 60_000);

test('retention is on by default, set by options or the environment, and 0 or false keeps without limit', () => {
  const rules = (options: Parameters<typeof resolveOptions>[0], env: NodeJS.ProcessEnv = {}) =>
    retentionRules(resolveOptions(options, env).retention, 0).map(({ states, before, keep }) => [states.join(' '), -before / DAY, keep]);
  const all = 'completed failed cancelled expired lost';
  const minute = 60_000_000 / DAY;
  expect(rules({})).toEqual([[all, 30, 0], [all, minute, 100_000]]);
  expect(rules({}, { TASKSPAN_RETENTION_DAYS: '7', TASKSPAN_RETENTION_COUNT: '0' })).toEqual([[all, 7, 0]]);
  expect(rules({ retention: { days: 1 } }, { TASKSPAN_RETENTION_DAYS: '7' })).toEqual([[all, 1, 0], [all, minute, 100_000]]);
  expect(rules({ retention: false })).toEqual([]);
  expect(rules({ retention: { days: 0, count: 0 } })).toEqual([]);
  expect(() => resolveRetention({ days: -1 })).toThrow('retention.days: expected a number from 0 to 100000, got -1');
  expect(() => resolveRetention({ count: 1.5 })).toThrow('retention.count: expected a whole number of at least 0, got 1.5');
  expect(() => resolveRetention({ states: { running: {} } as never })).toThrow('retention.states: expected options among completed, failed, cancelled, expired, lost, got "running"');
  expect(() => resolveOptions({}, { TASKSPAN_RETENTION_DAYS: 'many' })).toThrow('TASKSPAN_RETENTION_DAYS: expected a number from 0 to 100000, got "many"');
});
