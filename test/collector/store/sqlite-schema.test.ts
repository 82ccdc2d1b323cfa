import { DatabaseSync } from 'node:sqlite';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { APPLICATION_ID, migrate } from '../../../collector/store/sqlite/schema.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { cases } from '../record/arbitrary-task.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';
import { DAY, factsOf, NOW, uuidOf } from './stored-task.ts';

const FIRST = 'CREATE TABLE thing (name TEXT); INSERT INTO thing VALUES (\'one\')';
const SECOND = 'ALTER TABLE thing ADD COLUMN size INTEGER; UPDATE thing SET size = 7';

/** Takes a database in a file to the steps that a version of taskspan knows. */
function opened(path: string, steps: readonly string[]): DatabaseSync {
  const database = new DatabaseSync(path);
  migrate(database, path, steps);
  return database;
}

test('a file gets the steps that it has not had yet, each once', () => {
  const path = newFile();
  opened(path, [FIRST]).close();
  opened(path, [FIRST, SECOND]).close();
  const database = opened(path, [FIRST, SECOND]);
  expect(database.prepare('SELECT * FROM thing').all()).toEqual([{ name: 'one', size: 7 }]);
  expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 2 });
  database.close();
});

test('a step that fails leaves the file as it was', () => {
  const path = newFile();
  opened(path, [FIRST]).close();
  const database = new DatabaseSync(path);
  expect(() => migrate(database, path, [FIRST, `${SECOND}; SELECT 1 FROM nowhere`])).toThrow(/nowhere/);
  expect(database.prepare('SELECT * FROM thing').all()).toEqual([{ name: 'one' }]);
  expect(database.prepare('PRAGMA user_version').get()).toEqual({ user_version: 1 });
  database.close();
});

test('a file that has had more steps than this version knows is refused', () => {
  const path = newFile();
  opened(path, [FIRST, SECOND]).close();
  const database = new DatabaseSync(path);
  expect(() => migrate(database, path, [FIRST])).toThrow(expect.objectContaining({ code: 'NEWER_SCHEMA' }));
  expect(database.prepare('SELECT * FROM thing').all()).toEqual([{ name: 'one', size: 7 }]);
  database.close();
});

test.each([0x7473706e, 0x74737031, 0x74737032, 0x74737033])('a file of a development version is refused, which names the reason: mark %i', async (mark) => {
  const path = newFile();
  const database = new DatabaseSync(path);
  database.exec(`CREATE TABLE task (id INTEGER PRIMARY KEY); PRAGMA application_id = ${mark}; PRAGMA user_version = 1`);
  database.close();
  await expect(storeIn(path).open()).rejects.toMatchObject({
    code: 'FOREIGN', message: `${path} was written by a development version of taskspan, before its first release; taskspan leaves it alone`,
  });
});

test('a file has its mark, and an id of its own', async () => {
  const ids = new Set<string>();
  for (const path of [newFile(), newFile()]) {
    await storeIn(path).open();
    const database = new DatabaseSync(path, { readOnly: true });
    expect(database.prepare('PRAGMA application_id').get()).toEqual({ application_id: APPLICATION_ID });
    ids.add((database.prepare('SELECT id FROM store').get() as { id: string }).id);
    database.close();
  }
  expect(ids.size).toBe(2);
});

test('a task has when it was created by its facts, and when the store has committed it last by its own clock', async () => {
  const path = newFile();
  const store = storeIn(path);
  const before = Date.now() * 1000;
  await store.append(factsOf(uuidOf(1), { time: NOW }));
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare('SELECT created, updated, stored, service_name FROM task').get() as Record<string, number>;
  expect(row).toMatchObject({ created: NOW - 10, updated: NOW - 5, service_name: '' });
  expect(row['stored']).toBeGreaterThanOrEqual(before);
  database.close();
});

test('the counters are those of the tasks, whatever happens to them', async () => {
  const path = newFile();
  const store = storeIn(path);
  const beating = (uuid: string, worker: string): ReturnType<typeof factsOf> =>
    factsOf(uuid, { time: NOW - 40 * DAY }).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerId: worker, workerIntervalMs: 5000 } : fact));
  const database = new DatabaseSync(path);
  const counted = async (): Promise<unknown> => {
    const rows = database.prepare('SELECT state, count(*) AS count FROM task GROUP BY state').all() as { state: string; count: number }[];
    expect((await store.counts()).counts).toEqual(Object.fromEntries(rows.map(({ state, count }) => [state, count])));
    return (await store.counts()).counts;
  };
  const silence = async (id: string, final: boolean): Promise<void> => {
    const { beats } = (await store.workers()).find((worker) => worker.id === id)!;
    await store.silence([{ id, beats, silentMs: 700_000, lost: true, final }]);
  };
  await store.append([...beating(uuidOf(1), 'one'), ...beating(uuidOf(2), 'two'), ...factsOf(uuidOf(3), { time: NOW - 40 * DAY, end: 'failed' })]);
  expect(await counted()).toEqual({ running: 2, failed: 1 });
  await silence('one', false);
  await silence('two', true);
  expect(await counted()).toEqual({ lost: 2, failed: 1 });
  await store.beat([{ workerId: 'one', host: 'here', pid: 1, intervalMs: 5000, time: NOW, busySince: null }]);
  expect(await counted()).toEqual({ running: 1, lost: 1, failed: 1 });
  await store.append(factsOf(uuidOf(1), { time: NOW, end: 'completed' }));
  expect(await counted()).toEqual({ completed: 1, lost: 1, failed: 1 });
  while ((await store.sweep([{ states: ['failed'], before: Infinity, keep: 0 }])) === 'more');
  expect(await counted()).toEqual({ completed: 1, lost: 1 });
  database.close();
});

/** What happens to a store of tasks of three workers. */
const HAPPENINGS = ['announce', 'start', 'end', 'again', 'fall silent', 'lost for good', 'beat', 'sweep', 'refused', 'reopen'] as const;

test('the counters are those of the tasks after any happenings, of two stores on one file', async () => {
  const path = newFile();
  const stores = [storeIn(path), storeIn(path)];
  await stores[0]!.open();
  const database = new DatabaseSync(path);
  onTestFinished(() => database.close());
  const ofTasks = database.prepare(
    `SELECT iif(lost_at IS NULL, state, 'lost for good') AS state, count(*) AS count FROM task GROUP BY 1 ORDER BY 1`,
  );
  const counters = database.prepare('SELECT state, count FROM state_count WHERE count <> 0 ORDER BY state');
  let tasks = new Map<number, ScriptedTask>();
  let run = 0;
  const happen = async (store: TaskStore, what: (typeof HAPPENINGS)[number], number: number): Promise<void> => {
    const id = `worker-${number % 3}`;
    const task = tasks.get(number) ?? new ScriptedTask(uuidOf(10 * run + number));
    tasks.set(number, task);
    const append = async (call: () => void): Promise<void> => {
      await store.append(task.during(call).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerId: id, workerIntervalMs: 5000 } : fact)));
    };
    const silence = async (final: boolean): Promise<void> => {
      const worker = (await store.workers()).find((one) => one.id === id);
      if (worker !== undefined) await store.silence([{ id, beats: worker.beats, silentMs: 700_000, lost: true, final }]);
    };
    switch (what) {
      case 'announce':
        return append(() => task.announce('work'));
      case 'start':
      case 'again':
        return append(() => task.attempt());
      case 'end':
        return append(() => task.attempts.at(-1)?.open && task.attempts.at(-1)!.complete());
      case 'fall silent':
        return silence(false);
      case 'lost for good':
        return silence(true);
      case 'beat':
        return store.beat([{ workerId: id, host: 'here', pid: 1, intervalMs: 5000, time: NOW, busySince: null }]);
      case 'sweep':
        await store.sweep([{ states: ['completed', 'lost'], before: Infinity, keep: 2 }]);
        return undefined;
      case 'refused': {
        const other = new ScriptedTask(uuidOf(10 * run + 9));
        other.attempt();
        const ends = task.during(() => task.attempts.at(-1)?.open && task.attempts.at(-1)!.complete());
        const refused = other.facts.map((fact) => ({ ...fact, time: NaN }));
        return expect(store.append([...ends, ...refused])).rejects.toMatchObject({ code: 'REFUSED' });
      }
      case 'reopen':
        await stores[0]!.close();
        stores[0] = storeIn(path);
    }
  };
  const step = fc.tuple(fc.constantFrom(...HAPPENINGS), fc.nat(5), fc.nat(1));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30, size: 'max' }), async (steps) => {
      tasks = new Map();
      run++;
      for (const [what, number, at] of steps) {
        await happen(stores[at]!, what, number);
        expect([what, ...counters.all()]).toEqual([what, ...ofTasks.all()]);
      }
    }),
    cases(60),
  );
});
