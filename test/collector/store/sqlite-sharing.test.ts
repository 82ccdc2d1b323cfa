import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { SqliteScopes } from '../../../collector/store/sqlite/scopes.ts';
import type { Fact } from '../../../src/fact.ts';
import { startNode } from '../../support/node-process.ts';
import type { TestProcess } from '../../support/node-process.ts';
import { batches } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { seedExample } from '../record/seed-example.ts';
import { hearing } from './cancel-contract.ts';
import { expectedAfter, uuidOf, wholeOf } from './expected-task.ts';
import { appendEach, factsOfProcess, LINES, TASK_START } from './shared-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

const APPENDING_PROCESS = fileURLToPath(new URL('./appending-process.ts', import.meta.url));

function appendingProcess(path: string, number: number): TestProcess {
  return startNode(['--disable-warning=ExperimentalWarning', APPENDING_PROCESS, path, String(number)], { cwd: process.cwd() });
}

describe('two stores on one SQLite file', () => {
  test('a request to cancel a task reads its scopes without the lock, and what begins meanwhile is asked too', async () => {
    const path = newFile();
    const [store, other] = [storeIn(path), storeIn(path)];
    const task = new ScriptedTask();
    const attempt = task.attempt();
    attempt.part('One', 'w1');
    await store.append(hearing(task.facts));
    const appended: Promise<unknown>[] = [];
    /** Lets the other store append what is said after the first time that the task's scopes are read in this way. */
    const meanwhile = (way: 'find' | 'openIn', say: () => void): void => {
      const read = SqliteScopes.prototype[way] as (...args: unknown[]) => unknown;
      const spy = vi.spyOn(SqliteScopes.prototype, way).mockImplementation(function (this: SqliteScopes, ...args: unknown[]) {
        const found = read.apply(this, args);
        spy.mockRestore();
        appended.push(other.append(hearing(task.during(say))));
        return found as never;
      });
      onTestFinished(() => spy.mockRestore());
    };
    meanwhile('find', () => {
      task.attempt({ number: 2 });
      attempt.part('Two', 'w2');
    });
    meanwhile('openIn', () => attempt.part('Three', 'w3'));
    expect(await store.cancel(UUID)).toBe('requested');
    expect(await Promise.all(appended)).toHaveLength(2);
    for (const worker of ['w1', 'w2', 'w3']) {
      expect([worker, await store.cancellations(worker, 0)]).toMatchObject([worker, [{ spanId: attempt.ref.spanId }]]);
    }
    expect(await store.cancellations('w', 0)).toMatchObject(task.attempts.map(({ ref: { spanId } }) => ({ spanId })));
  });

  test('know a task that was deleted meanwhile, and has come again, for a new one', async () => {
    const path = newFile();
    const [one, other] = [storeIn(path), storeIn(path)];
    const [before, after] = [new ScriptedTask(), new ScriptedTask()];
    before.attempt().notify('of before');
    await one.append(before.facts);
    const { facts } = after;
    after.attempt();
    const begun = facts.slice();
    after.attempts[0]!.notify('of now');
    const database = new DatabaseSync(path);
    database.exec('DELETE FROM task');
    database.close();
    await other.append(begun);
    await one.append(facts);
    expect(await wholeOf(one, UUID)).toEqual(expectedAfter([begun, facts]));
  });
});

/** Lets something happen in the middle of a read: as it reads the JSON of a row. */
async function whileReading<T>(read: () => Promise<T>, happening: () => void): Promise<T> {
  const parse = vi.spyOn(JSON, 'parse').mockImplementationOnce((text) => {
    parse.mockRestore();
    happening();
    return JSON.parse(text) as unknown;
  });
  onTestFinished(() => parse.mockRestore());
  return read();
}

describe('a read of the scopes, while another store commits in its middle,', () => {
  test('sees the whole commit or none of it', async () => {
    const path = newFile();
    const [one, other] = [storeIn(path), storeIn(path)];
    const [start, ...notifications] = factsOfProcess(2).slice(0, 4);
    await one.append([TASK_START, start!, notifications[0]!]);
    let appended: Promise<unknown> | undefined;
    const stored = await whileReading(
      () => one.scopes(UUID),
      () => {
        appended = other.append(notifications);
      },
    );
    await appended;
    expect(appended).toBeDefined();
    const [scope] = stored!.attempts[0]!.scopes;
    expect(scope!.notifications.length).toBe(scope!.notification_count);
  });
});

test('a request to cancel a task sees one state of it, whatever another store commits meanwhile', async () => {
  const path = newFile();
  const [one, other] = [storeIn(path), storeIn(path)];
  const task = new ScriptedTask();
  task.attempt();
  const first = [...task.facts];
  const next = task.during(() => void task.attempt().scope('Part'));
  await one.append(first);
  let appended: Promise<unknown> | undefined;
  const answer = await whileReading(
    () => one.cancel(UUID),
    () => {
      appended = other.append(next);
    },
  );
  await appended;
  expect(appended).toBeDefined();
  expect(answer).toBe('not-cancellable');
});

describe('another process on the same SQLite file', () => {
  test('appends to the same task at the same time, and nothing of either is lost', async () => {
    const path = newFile();
    const store = storeIn(path);
    await store.append([TASK_START]);
    const processes = [2, 3].map((number) => appendingProcess(path, number));
    await Promise.all(processes.map((process) => process.printed(/open/)));
    await appendEach(store, factsOfProcess(4));
    for (const process of processes) expect(await process.ended).toMatchObject({ code: 0, stderr: '' });
    const { version, log, tree, summary } = await wholeOf(store, UUID);
    expect(version).toBe(1 + 3 * (LINES + 2));
    expect(summary).toMatchObject({ jobs: { total: 3, finished: 3, failed: 0, running: 0 }, state: 'running' });
    for (const [at, scope] of tree[0]!.scopes.entries()) {
      const lines = Array.from({ length: LINES }, (_, line) => `process ${at + 2} line ${line}`);
      expect(log.split('\n').filter((line) => line.startsWith(`\tprocess ${at + 2} `))).toEqual(lines.map((line) => `\t${line}`));
      expect(scope.notification_count).toBe(LINES);
      expect(scope.notifications.map(({ message }) => message)).toEqual(lines.slice(-100));
    }
  }, 60_000);
});

describe('while another connection holds the lock of a SQLite file', () => {
  test('an append rejects and changes nothing, reads go on, and the same append later loses nothing', async () => {
    const path = newFile();
    const store = storeIn(path);
    const { facts } = seedExample();
    const parts = batches(facts, [8]);
    await store.append(parts[0]!);
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(store.append(parts[1]!)).rejects.toThrow(/locked/);
    expect(await wholeOf(store, UUID)).toEqual(expectedAfter([parts[0]!]));
    other.exec('ROLLBACK');
    other.close();
    for (const part of parts.slice(1)) await store.append(part);
    expect(await wholeOf(store, UUID)).toEqual(expectedAfter(parts));
  });

  test('an append waits for it without blocking the event loop', async () => {
    const path = newFile();
    await storeIn(path).open();
    const { facts } = seedExample();
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const store = storeIn(path);
    const appended = store.append(facts);
    // It is the event loop of this very thread that ends the transaction.
    setImmediate(() => other.exec('ROLLBACK'));
    await appended;
    other.close();
    expect(await wholeOf(store, UUID)).toEqual(expectedAfter([facts]));
  });

  test('what has to be stored before the next turn waits for a moment, then throws', async () => {
    const path = newFile();
    const store = storeIn(path);
    await store.open();
    const { facts } = seedExample();
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    expect(() => store.appendNow(facts)).toThrow(/locked/);
    other.exec('ROLLBACK');
    other.close();
    store.appendNow(facts);
    expect(await wholeOf(store, UUID)).toEqual(expectedAfter([facts]));
  });

  test('a store is opened all the same, and reads', async () => {
    const path = newFile();
    const { facts } = seedExample();
    await storeIn(path).append(facts);
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    expect(await wholeOf(storeIn(path), UUID)).toEqual(expectedAfter([facts]));
    other.close();
  });
});

describe('an append that fails in the middle', () => {
  test('leaves none of its tasks changed, and succeeds when tried again', async () => {
    const path = newFile();
    const store = storeIn(path);
    const [one, other] = [seedExample(uuidOf(1)).facts, seedExample(uuidOf(2)).facts];
    await store.append(one.slice(0, 6));
    const saboteur = new DatabaseSync(path);
    saboteur.exec(`CREATE TRIGGER no_second BEFORE INSERT ON task BEGIN SELECT raise(ABORT, 'no second task'); END`);
    const all: Fact[] = [...one, ...other];
    await expect(store.append(all)).rejects.toThrow(/no second task/);
    expect(await wholeOf(store, uuidOf(1))).toEqual(expectedAfter([one.slice(0, 6)]));
    expect(await store.stored(uuidOf(2))).toBeUndefined();
    saboteur.exec('DROP TRIGGER no_second');
    saboteur.close();
    await store.append(all);
    expect(await wholeOf(store, uuidOf(1))).toEqual(expectedAfter([one.slice(0, 6), one]));
    expect(await wholeOf(store, uuidOf(2))).toEqual(expectedAfter([other]));
  });
});
