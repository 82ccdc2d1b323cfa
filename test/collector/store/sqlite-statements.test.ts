import { DatabaseSync, StatementSync } from 'node:sqlite';
import { expect, onTestFinished, test, vi } from 'vitest';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { Fact } from '../../../src/fact.ts';
import type { Beat } from '../../../collector/store/task-store.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { uuidOf } from './expected-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

/** Counts the statements that are run from now on. */
function countStatements(): () => number {
  const spies = (['run', 'get', 'all'] as const).map((method) => vi.spyOn(StatementSync.prototype, method));
  onTestFinished(() => spies.forEach((spy) => spy.mockRestore()));
  return () => spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
}

test('heartbeats of 1,500 new workers are two statements each, and a few more', async () => {
  const store = memoryStore();
  await store.open();
  const beats = Array.from({ length: 1500 }, (_, number): Beat => ({
    workerId: `worker ${number}`, host: 'host', pid: number, intervalMs: 5000, time: 1_767_323_045_000_000 + number, busySince: null,
  }));
  const statements = countStatements();
  await store.beat(beats);
  expect(statements()).toBeLessThanOrEqual(2 * 1500 + 10);
});

test('workers with the same resource keep it once, until the last of them is forgotten', async () => {
  const path = newFile();
  const store = storeIn(path);
  const beats = (numbers: readonly number[], days: number, resource: string): Beat[] =>
    numbers.map((number) => ({
      workerId: `worker ${number}`, host: 'host', pid: number, intervalMs: 5000, time: 1_767_323_045_000_000 + days * 86_400_000_000, busySince: null, resource,
    }));
  await store.beat(beats([1, 2, 3], 0, '{"service.name":"one"}'));
  await store.beat(beats([2, 4], 1, '{"service.name":"other"}'));
  using file = new DatabaseSync(path);
  const kept = (): unknown[] => file.prepare('SELECT id, json FROM worker LEFT JOIN resource ON hash = resource ORDER BY id').all().map((row) => Object.values(row));
  const [one, other] = ['{"service.name":"one"}', '{"service.name":"other"}'];
  expect(kept()).toEqual([['worker 1', one], ['worker 2', other], ['worker 3', one], ['worker 4', other]]);
  const count = (): unknown => file.prepare('SELECT count(*) AS count FROM resource').get()!['count'];
  expect(count()).toBe(2);
  await store.beat(beats([5], 1.5, other));
  expect(kept()).toEqual([['worker 2', other], ['worker 4', other], ['worker 5', other]]);
  expect(count()).toBe(1);
});

test('one more line of a task takes about as many statements, whatever the task has', async () => {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  const store = memoryStore();
  await store.append(task.facts);
  const costs: number[] = [];
  const statements = countStatements();
  const line = async (): Promise<void> => {
    const before = statements();
    await store.append(task.during(() => attempt.notify('line')));
    costs.push(statements() - before);
  };
  await line();
  await store.append(task.during(() => attempt.plan(Object.fromEntries(Array.from({ length: 1000 }, (_, file) => [`file ${file}`, 1])))));
  await line();
  for (let from = 0; from < 1000; from += 500) {
    await store.append(task.during(() => {
      for (let file = from; file < from + 500; file++) attempt.scope(`file ${file}`).complete();
    }));
  }
  await line();
  expect(Math.max(...costs)).toBeLessThanOrEqual(costs[0]! + 2);
});

test('scopes as lines, and the changed ones, take about as many statements however many scopes the task has', async () => {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  const failing = attempt.scope('fails');
  failing.scope('inside').fail({ name: 'Error', message: 'no' });
  const store = memoryStore();
  await store.append(task.facts);
  const statements = countStatements();
  const costs: number[][] = [];
  for (const count of [1000, 9000]) {
    await store.append(task.during(() => {
      for (let at = 0; at < count; at++) attempt.scope('step').complete();
    }));
    await store.append(task.during(() => failing.notify('one more')));
    const { version } = (await store.stored(task.uuid))!;
    const before = statements();
    expect((await store.scopesOf(task.uuid, { limit: 50 }))!.scopes[0]).toMatchObject({ steps: attempt.scopes.length, failed: 1 });
    const between = statements();
    expect((await store.scopeChanges(task.uuid, version - 1))!.scopes.map(({ name }) => name)).toEqual(['fails']);
    costs.push([between - before, statements() - between]);
  }
  const [[few, fewChanged], [many, manyChanged]] = costs as [[number, number], [number, number]];
  expect(many).toBeLessThanOrEqual(few + 5);
  expect(many).toBeLessThan(200);
  expect(manyChanged).toBeLessThanOrEqual(fewChanged + 2);
});

test('long results are let go of: a task whose result is no longer in memory is read again', async () => {
  const store = memoryStore();
  const lines = new Map<number, () => Fact[]>();
  // 60 results of a million characters: more than stays in memory.
  for (let number = 0; number < 60; number++) {
    const task = new ScriptedTask(uuidOf(number));
    const attempt = task.attempt();
    attempt.result(JSON.stringify('x'.repeat(1_000_000)));
    await store.append(task.facts);
    lines.set(number, () => task.during(() => attempt.notify('line')));
  }
  const statements = countStatements();
  const costOf = async (number: number): Promise<number> => {
    const before = statements();
    await store.append(lines.get(number)!());
    return statements() - before;
  };
  const recent = await costOf(59);
  expect(await costOf(0)).toBeGreaterThan(recent);
  expect(await costOf(0)).toBe(recent);
}, 60_000);
