import { describe, expect, test } from 'vitest';
import type { Fact, ScopeStart } from '../../../src/fact.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import type { StoreWith } from './task-store-contract.ts';

/** Facts of attempts whose worker, `w`, hears. */
export const hearing = (facts: readonly Fact[]): Fact[] =>
  facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, workerId: 'w', cancellable: true } : fact));

/** What a worker is asked to cancel, after a number. */
const asked = async (store: TaskStore, worker: string, after = 0): Promise<string[]> =>
  (await store.cancellations(worker, after)).map(({ spanId }) => spanId);

/** To whom a {@link TaskStore} hands a request to cancel a task with parts in other processes. */
export function describeCancellations(name: string, storeWith: StoreWith): void {
  describe(`${name}: a request to cancel a task with parts elsewhere`, () => {
    test('goes to the workers of those that are open, each once', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const hands = attempt.scope('Hand over');
      hands.part('One', 'w1').scope('Inside').part('Deeper', 'w2');
      hands.part('Another', 'w1');
      hands.part('Ended', 'w3').complete();
      hands.part('Of nobody');
      const store = await storeWith(hearing(task.facts));
      expect(await store.cancel(UUID)).toBe('requested');
      expect(await store.cancel(UUID)).toBe('requested');
      const { spanId } = attempt.ref;
      for (const worker of ['w', 'w1', 'w2']) expect([worker, await asked(store, worker)]).toEqual([worker, [spanId]]);
      for (const worker of ['w3', '']) expect([worker, await asked(store, worker)]).toEqual([worker, []]);
    });

    test('goes to a part that begins after thousands of other scopes', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      for (let at = 0; at < 4200; at++) attempt.scope('Done').complete();
      attempt.part('Open', 'w1');
      const store = await storeWith(hearing(task.facts));
      expect(await store.cancel(UUID)).toBe('requested');
      expect(await asked(store, 'w1')).toEqual([attempt.ref.spanId]);
    });

    test('goes to no part of an attempt that has ended', async () => {
      const task = new ScriptedTask();
      const first = task.attempt();
      first.part('Forgotten', 'w1');
      first.complete();
      const second = task.attempt({ number: 2 });
      second.part('Open', 'w2');
      const store = await storeWith(hearing(task.facts));
      expect(await store.cancel(UUID)).toBe('requested');
      expect([await asked(store, 'w1'), await asked(store, 'w2')]).toEqual([[], [second.ref.spanId]]);
    });

    test('is handed to a part that begins later, and again to a worker that had an earlier part', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const store = await storeWith(hearing(task.facts));
      const [one, more] = [task.during(() => attempt.part('One', 'w1')), task.during(() => attempt.part('Two', 'w1'))];
      await store.append(one);
      expect(await asked(store, 'w1')).toEqual([]);
      expect(await store.cancel(UUID)).toBe('requested');
      const { number } = (await store.cancellations('w1', 0))[0]!;
      await store.append(more);
      expect(await asked(store, 'w1', number)).toEqual([attempt.ref.spanId]);
      const next = (await store.cancellations('w1', number))[0]!.number;
      // What comes again, and what else they report, hands out no request.
      await store.append([...one, ...more, ...task.during(() => attempt.scopes[1]!.notify('Still here'))]);
      expect(await asked(store, 'w1', next)).toEqual([]);
      await store.append(task.during(() => attempt.part('Three', 'w2')));
      expect(await asked(store, 'w2')).toEqual([attempt.ref.spanId]);
    });

    test('is handed to a part whose worker becomes known after its start', async () => {
      const task = new ScriptedTask();
      const attempt = task.attempt();
      const store = await storeWith(hearing(task.facts));
      expect(await store.cancel(UUID)).toBe('requested');
      const [start] = task.during(() => attempt.part('One', 'w1'));
      const { workerId, ...untold } = start as ScopeStart;
      await store.append([untold]);
      expect([workerId, await asked(store, 'w1')]).toEqual(['w1', []]);
      await store.append([start!]);
      expect(await asked(store, 'w1')).toEqual([attempt.ref.spanId]);
    });

    test('goes to no part of a task whose own worker does not receive requests', async () => {
      const task = new ScriptedTask();
      task.attempt().part('One', 'w1');
      const store = await storeWith(task.facts);
      expect(await store.cancel(UUID)).toBe('not-cancellable');
      expect(await asked(store, 'w1')).toEqual([]);
    });
  });

  describe(`${name}: a request to cancel a task with child tasks`, () => {
    const [CHILD, GRANDCHILD, LATER] = ['1', '2', '3'].map((digit) => `${digit.repeat(8)}-b9ec-11e9-afdd-8c16454a0938`) as [string, string, string];

    /** Facts of a running task whose worker is named by its UUID. */
    const runningTask = (uuid: string, parentTaskUuid?: string, end = false): Fact[] => {
      const task = new ScriptedTask(uuid);
      const attempt = task.attempt(parentTaskUuid === undefined ? {} : { parentTaskUuid });
      if (end) attempt.complete();
      return task.facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, workerId: uuid, cancellable: true } : fact));
    };
    const reached = async (store: TaskStore): Promise<string[]> => {
      const uuids = [UUID, CHILD, GRANDCHILD, LATER];
      const found = await Promise.all(uuids.map((uuid) => store.cancellations(uuid, 0)));
      return uuids.filter((_, at) => found[at]!.length > 0);
    };

    test('reaches them and theirs, and those that begin later, though a task between them has ended', async () => {
      const store = await storeWith([...runningTask(UUID), ...runningTask(CHILD, UUID, true), ...runningTask(GRANDCHILD, CHILD)]);
      expect(await store.cancel(UUID, { reason: 'wrong file' })).toBe('requested');
      expect(await reached(store)).toEqual([UUID, GRANDCHILD]);
      await store.append(runningTask(LATER, CHILD));
      expect(await reached(store)).toEqual([UUID, GRANDCHILD, LATER]);
      expect(await store.cancellations(LATER, 0)).toMatchObject([{ reason: 'wrong file' }]);
      expect(await store.task(LATER)).toMatchObject({ cancel: { reason: 'wrong file', heard: null }, version: 1 });
      expect(await store.task(CHILD)).toMatchObject({ cancel: null });
    });

    test('leaves them alone where it is for the task itself, until it is repeated for them too', async () => {
      const store = await storeWith([...runningTask(UUID), ...runningTask(CHILD, UUID)]);
      expect(await store.cancel(UUID, { children: false })).toBe('requested');
      await store.append(runningTask(LATER, UUID));
      expect(await reached(store)).toEqual([UUID]);
      expect(await store.cancel(UUID)).toBe('requested');
      expect(await reached(store)).toEqual([UUID, CHILD, LATER]);
      await store.append(runningTask(GRANDCHILD, UUID));
      expect(await reached(store)).toEqual([UUID, CHILD, GRANDCHILD, LATER]);
    });

    test('reaches them where the task itself has ended', async () => {
      const store = await storeWith([...runningTask(UUID, undefined, true), ...runningTask(CHILD, UUID, true)]);
      expect(await store.cancel(UUID)).toBe('ended');
      expect(await store.task(UUID)).toMatchObject({ cancel: null });
      await store.append(runningTask(GRANDCHILD, CHILD));
      expect(await store.cancel(UUID)).toBe('requested');
      await store.append(runningTask(LATER, UUID));
      expect(await reached(store)).toEqual([GRANDCHILD, LATER]);
    });

    test('ends where tasks are their own ancestors', async () => {
      const store = await storeWith([...runningTask(UUID, GRANDCHILD), ...runningTask(CHILD, UUID), ...runningTask(GRANDCHILD, CHILD)]);
      await store.append(runningTask(LATER, LATER));
      expect(await store.cancel(CHILD)).toBe('requested');
      expect(await store.cancel(LATER)).toBe('requested');
      for (const uuid of [UUID, CHILD, GRANDCHILD, LATER]) expect(await store.cancellations(uuid, 0)).toHaveLength(1);
    });

    test('reaches hundreds of them', async () => {
      const uuids = Array.from({ length: 300 }, (_, at) => `${String(at).padStart(8, '0')}-b9ec-11e9-afdd-8c16454a0938`);
      const store = await storeWith([...runningTask(UUID), ...uuids.flatMap((uuid) => runningTask(uuid, UUID))]);
      expect(await store.cancel(UUID)).toBe('requested');
      const found = await Promise.all(uuids.map((uuid) => store.cancellations(uuid, 0)));
      expect(found.filter(({ length }) => length === 1)).toHaveLength(300);
    });
  });
}
