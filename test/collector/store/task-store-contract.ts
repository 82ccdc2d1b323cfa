import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import type { Fact } from '../../../src/fact.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { anyDelivery, arbitraryTask, batches, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { SEED_LOG, seedExample } from '../record/seed-example.ts';
import { describeAttempts } from './attempts-contract.ts';
import { describeCancellations } from './cancel-contract.ts';
import { describeChanges } from './changes-contract.ts';
import { describeChildren } from './children-contract.ts';
import { describeDeletion } from './deletion-contract.ts';
import { expectedAfter, ofTask, uuidOf, wholeOf } from './expected-task.ts';
import { describeFilters } from './filters-contract.ts';
import { describeLeases } from './leases-contract.ts';
import { describeLogs } from './log-contract.ts';
import { describeScopeLines } from './scope-lines-contract.ts';
import { describeScopes } from './scopes-contract.ts';
import { describeTaskList } from './task-list-contract.ts';

/** Gives a store with these appends done, closed after the test. */
export type StoreWith = (...appends: (readonly Fact[])[]) => Promise<TaskStore>;

/**
 * What every {@link TaskStore} promises.
 *
 * @param newStore Gives a store that is empty. The contract closes it.
 */
export function describeTaskStore(name: string, newStore: () => TaskStore): void {
  const storeWith: StoreWith = async (...appends) => {
    const store = newStore();
    onTestFinished(() => store.close().catch(() => undefined));
    for (const facts of appends) await store.append(facts);
    return store;
  };

  describe(`${name}: a task`, () => {
    test('that is unknown is undefined, with its log and its scopes', async () => {
      const store = await storeWith(seedExample(uuidOf(1)).facts);
      const reads = [store.task(UUID), store.stored(UUID), store.log(UUID), store.scopes(UUID)];
      expect(await Promise.all(reads)).toEqual([undefined, undefined, undefined, undefined]);
    });

    test('is kept as its facts report it, the seed\'s example first of all', async () => {
      const { facts } = seedExample();
      const store = await storeWith(facts);
      const task = (await store.stored(UUID))!;
      expect(task).toMatchObject({ uuid: UUID, state: 'failed', version: 1, logBytes: Buffer.byteLength(SEED_LOG) });
      expect(JSON.parse(task.summary)).toMatchObject({
        task_name: 'TEST', task_uuid: UUID, exception: 'division by zero', finished: true, status: 0,
        jobs: { total: 4, finished: 3, failed: 1, running: 0 },
      });
      expect(await store.log(UUID)).toEqual({ offset: 0, text: SEED_LOG, version: 1, logBytes: Buffer.byteLength(SEED_LOG) });
    });

    test('is read as a record, with every field that an entry of a list has', async () => {
      const store = await storeWith(seedExample().facts);
      const record = (await store.task(UUID))!;
      expect(record).toMatchObject({ task_name: 'TEST', state: 'failed', version: 1, log_offset: 0, log_bytes: Buffer.byteLength(SEED_LOG) });
      const app = createTasksApp({ store });
      const { causes: _, ...error } = record.error!;
      expect(await (await app.request('/tasks')).json()).toEqual({ tasks: [{ ...record, error }], next: null });
    });

    test('is the same whether its facts are appended at once or one by one', async () => {
      const { facts } = seedExample();
      const store = await storeWith(...facts.map((fact) => [fact]));
      expect(await wholeOf(store, UUID)).toEqual({ ...expectedAfter([facts]), version: facts.length });
    });

    test('is what its facts make it, whatever their order, batches and texts', async () => {
      const store = await storeWith();
      const expected = new Map<string, unknown>();
      const deliveries = arbitraryTask().chain(({ facts }) => anyDelivery(facts));
      let number = 0;
      await fc.assert(
        fc.asyncProperty(deliveries, async (delivery) => {
          const uuid = uuidOf(++number);
          const appends = ofTask(uuid, delivery);
          for (const facts of appends) await store.append(facts);
          expected.set(uuid, expectedAfter(appends));
          expect(await wholeOf(store, uuid)).toEqual(expected.get(uuid));
        }),
        cases(150),
      );
      for (const [uuid, whole] of [...expected].slice(0, 20)) expect(await wholeOf(store, uuid)).toEqual(whole);
    });

    test('grows by one version with each append that brings something new, and by none with others', async () => {
      const { facts } = seedExample();
      const store = await storeWith(facts.slice(0, 3), facts.slice(0, 3), facts.slice(1, 5), facts.slice(2, 4), []);
      expect((await store.stored(UUID))!.version).toBe(2);
      expect(await wholeOf(store, UUID)).toEqual(expectedAfter([facts.slice(0, 3), facts.slice(0, 3), facts.slice(1, 5)]));
    });

    test('gets no version from another task\'s facts in the same append', async () => {
      const [one, other] = [seedExample(uuidOf(1)).facts, seedExample(uuidOf(2)).facts];
      const store = await storeWith(one, [...one, ...other]);
      expect([(await store.stored(uuidOf(1)))!.version, (await store.stored(uuidOf(2)))!.version]).toEqual([1, 1]);
    });

    test('is kept apart from others whose facts come in the same appends', async () => {
      const tasks = [1, 2, 3].map((number) => seedExample(uuidOf(number)).facts);
      const mixed = tasks[0]!.flatMap((_, at) => tasks.map((facts) => facts[at]!));
      const store = await storeWith(...batches(mixed, [7]));
      for (const number of [1, 2, 3]) {
        const { version: _version, ...whole } = expectedAfter([tasks[number - 1]!]);
        expect(await wholeOf(store, uuidOf(number))).toMatchObject(whole);
      }
    });

    test('takes appends that do not wait for each other, in their order', async () => {
      const { facts } = seedExample();
      const store = await storeWith();
      await Promise.all(facts.map((fact) => store.append([fact])));
      expect(await wholeOf(store, UUID)).toMatchObject({ log: SEED_LOG, version: facts.length });
    });

    test('takes the longer of two contents of a fact, and keeps the log\'s lines', async () => {
      const { facts } = seedExample();
      const end = facts.at(-1) as Extract<Fact, { kind: 'task-end' }>;
      const longer: Fact = { ...end, exception: 'division by zero, in line 12' };
      const store = await storeWith(facts, [longer], [end]);
      const { summary, version, log } = await wholeOf(store, UUID);
      expect(summary).toMatchObject({ exception: 'division by zero, in line 12' });
      expect({ version, log }).toEqual({ version: 2, log: SEED_LOG });
    });

    test('that goes on after its final fact keeps its state, and its log and tree grow', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const scope = attempt.scope('Read file');
      attempt.complete();
      const before = [...task.facts];
      const late = task.during(() => {
        scope.notify('still here');
        scope.fail({ name: 'Error', message: 'too late' });
      });
      const store = await storeWith(before, ...late.map((fact) => [fact]));
      const whole = await wholeOf(store, UUID);
      expect(whole).toEqual(expectedAfter([before, ...late.map((fact) => [fact])]));
      expect(whole.summary).toMatchObject({ state: 'completed', exception: '', jobs: { total: 1, failed: 1 } });
    });
  });

  describe(`${name}: a read`, () => {
    test('sees whole commits, while others are being made', async () => {
      const task = new ScriptedTask();
      const scope = task.attempt().scope('Read file');
      for (let at = 0; at < 200; at++) scope.notify(`line ${at}`);
      const store = await storeWith(task.facts.slice(0, 2));
      const wholes: Promise<unknown>[] = [];
      for (const facts of batches(task.facts.slice(2), [10])) {
        wholes.push(store.append(facts));
        wholes.push(
          Promise.all([store.log(UUID), store.scopes(UUID), store.stored(UUID)]).then(([log, stored]) => {
            expect((log!.text.split('\n').length - 2) % 10).toBe(0);
            expect(stored!.attempts[0]!.scopes[0]!.notification_count % 10).toBe(0);
          }),
        );
      }
      await Promise.all(wholes);
      expect((await store.stored(UUID))!.version).toBe(21);
    });

    test('is not changed by what is appended after it', async () => {
      const { facts } = seedExample();
      const store = await storeWith(facts.slice(0, 5));
      const read = [await store.task(UUID), await store.stored(UUID), await store.log(UUID), await store.scopes(UUID), await store.tasks({ limit: 5 })];
      const copy = structuredClone(read);
      await store.append(facts);
      expect(read).toEqual(copy);
    });
  });

  describeLogs(name, storeWith);
  describeScopes(name, storeWith);
  describeScopeLines(name, storeWith);
  describeTaskList(name, storeWith);
  describeFilters(name, storeWith);
  describeAttempts(name, storeWith);
  describeCancellations(name, storeWith);
  describeChanges(name, storeWith);
  describeLeases(name, storeWith);
  describeChildren(name, storeWith);
  describeDeletion(name, storeWith);
}
