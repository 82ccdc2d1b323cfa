import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Outcome } from '../../../src/conventions.ts';
import type { Fact } from '../../../src/fact.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { factsOf, uuidOf } from './stored-task.ts';
import type { StoreWith } from './task-store-contract.ts';

/** The facts of a task of some time ago, or to come, in microseconds from now. */
const at = (number: number, micros: number, options: { end?: Outcome; lines?: number } = {}): Fact[] =>
  factsOf(uuidOf(number), { time: Date.now() * 1000 + micros, ...options });

const announced = (number: number, micros: number): Fact => ({
  kind: 'task-announced', span: { taskUuid: uuidOf(number), traceId: 'c'.repeat(32), spanId: 'c'.repeat(16), taskSpanId: '' }, seq: 0,
  time: Date.now() * 1000 + micros, name: 'to come', attributes: {},
});

/** The tasks that have changed since a position, and whether each is there. */
async function changesSince(store: TaskStore, position: string): Promise<string[]> {
  const changes: string[] = [];
  for (let [after, more] = [position, true]; more; ) {
    const page = await store.changes({ after, limit: 1 });
    for (const uuid of page.uuids) changes.push(`${uuid.slice(-1)} ${(await store.stored(uuid))?.state ?? 'gone'}`);
    ({ position: after, more } = page);
  }
  return changes;
}

/** How a {@link TaskStore} deletes a task. */
export function describeDeletion(name: string, storeWith: StoreWith): void {
  describe(`${name}: a task that is deleted`, () => {
    test('is gone with its log and scopes, and others stay', async () => {
      const store = await storeWith(at(1, -1000, { end: 'failed', lines: 3 }), at(2, -1000, { end: 'completed' }));
      expect(await store.delete(uuidOf(1))).toBe('deleted');
      const reads = [store.stored(uuidOf(1)), store.log(uuidOf(1)), store.scopes(uuidOf(1)), store.delete(uuidOf(1)), store.delete(uuidOf(3))];
      expect(await Promise.all(reads)).toEqual([undefined, undefined, undefined, undefined, undefined]);
      expect((await store.tasks({ limit: 9 })).tasks.map(({ uuid }) => uuid)).toEqual([uuidOf(2)]);
      expect((await store.counts()).counts).toEqual({ completed: 1 });
      expect((await store.log(uuidOf(2)))!.text).toContain('line 1');
    });

    test('has ended: one that runs, is queued, or is lost and may come back stays', async () => {
      const promised = at(3, -1000).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact));
      const store = await storeWith(at(1, -1000), [announced(2, -1000)], promised);
      const lose = async (final: boolean): Promise<void> => {
        const [worker] = await store.workers();
        await store.silence([{ id: worker!.id, beats: worker!.beats, silentMs: 700_000, lost: true, final }]);
      };
      await lose(false);
      for (const [number, answer] of [[1, 'running'], [2, 'queued'], [3, 'lost']] as const) expect(await store.delete(uuidOf(number))).toBe(answer);
      await lose(true);
      expect(await store.delete(uuidOf(3))).toBe('deleted');
      expect((await store.counts()).counts).toEqual({ running: 1, queued: 1 });
    });

    test('is not brought back by facts that come late, but begins anew where it is announced or runs again', async () => {
      const facts = at(1, -1000, { end: 'completed' });
      const store = await storeWith(facts.slice(0, -2), facts.slice(-1));
      expect(await store.delete(uuidOf(1))).toBe('deleted');
      await store.append([...facts, ...at(2, -1000)]);
      expect([await store.stored(uuidOf(1)), (await store.stored(uuidOf(2)))?.state]).toEqual([undefined, 'running']);
      await store.append(at(1, 5_000_000, { lines: 2 }));
      // Its version goes on: those before are other records.
      expect(await store.stored(uuidOf(1))).toMatchObject({ state: 'running', version: 3 });
      expect((await store.log(uuidOf(1)))!.text).toBe('\tline 1\n\tline 2\n');
      await store.append(at(1, 6_000_000, { lines: 2, end: 'completed' }));
      expect(await store.delete(uuidOf(1))).toBe('deleted');
      await store.append([announced(1, 9_000_000)]);
      expect(await store.stored(uuidOf(1))).toMatchObject({ state: 'queued', version: 5 });
    });

    test('is known for no more than a day, also where the clock was set back by more', async () => {
      const facts = at(1, -1000, { end: 'completed' });
      const store = await storeWith(facts);
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 400 * 86_400_000 });
      onTestFinished(() => void vi.useRealTimers());
      expect(await store.delete(uuidOf(1))).toBe('deleted');
      vi.useRealTimers();
      await store.append(facts);
      expect(await store.stored(uuidOf(1))).toMatchObject({ state: 'completed', version: 2 });
    });

    test('is in the changes after its deletion, which wakes who watches', async () => {
      const store = await storeWith(at(1, -1000, { end: 'completed' }), at(2, -1000, { end: 'completed' }), at(3, -1000));
      const { position } = await store.changes({ limit: 1 });
      let woken = 0;
      const stop = store.watch(() => void woken++);
      await store.delete(uuidOf(2));
      expect(woken).toBeGreaterThan(0);
      stop();
      expect(await changesSince(store, position)).toEqual(['2 gone']);
      await store.append(at(3, 0, { lines: 2 }));
      await store.sweep([{ states: ['completed'], before: Number.MAX_SAFE_INTEGER, keep: 0 }]);
      expect(await changesSince(store, position)).toEqual(['2 gone', '3 running', '1 gone']);
      const { uuids } = await store.changes({ after: (await store.changes({ limit: 1 })).position, limit: 9 });
      expect(uuids).toEqual([]);
      // Its numbers are not given again.
      await store.append(at(4, 0));
      expect(await changesSince(store, position)).toEqual(['2 gone', '3 running', '1 gone', '4 running']);
    });
  });
}
