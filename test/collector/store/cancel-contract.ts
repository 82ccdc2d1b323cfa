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

    test('is no part\'s of which nobody asked', async () => {
      const task = new ScriptedTask();
      task.attempt().part('One', 'w1');
      const store = await storeWith(task.facts);
      expect(await store.cancel(UUID)).toBe('not-cancellable');
      expect(await asked(store, 'w1')).toEqual([]);
    });
  });
}
