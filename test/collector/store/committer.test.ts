import { setImmediate as turn } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { untilWoken } from '../../../collector/capture/ring-reader.ts';
import { Committer } from '../../../collector/store/committer.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { TaskStoreError } from '../../../collector/store/task-store.ts';
import type { SqliteTaskStore, TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { notification, SPANS } from '../capture/arbitrary-fact.ts';
import { WrittenRing } from '../capture/written-ring.ts';
import { UUID } from '../record/scripted-task.ts';
import { SEED_LOG, seedExample } from '../record/seed-example.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

/** A store of which each append waits until the test lets it succeed or fail. */
class HeldStore {
  readonly store: TaskStore = memoryStore();
  readonly appends: { facts: readonly Fact[]; succeed: () => Promise<void>; fail: (error: Error) => void }[] = [];

  append(facts: readonly Fact[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const succeed = async (): Promise<void> => {
        await this.store.append(facts);
        resolve();
        await turn();
      };
      this.appends.push({ facts, succeed, fail: reject });
    });
  }
}

interface Committing {
  ring: WrittenRing;
  committer: Committer;
  failures: number[];
  recoveries: () => number;
  /** Sequence numbers of the facts dropped. */
  refused: number[];
}

function committing(store: Pick<TaskStore, 'append'>): Committing {
  const ring = new WrittenRing();
  const failures: number[] = [];
  const refused: number[] = [];
  let recoveries = 0;
  const committer = new Committer({
    source: ring.reader(),
    store,
    sleep: () => untilWoken(ring.ring),
    onFailure: (_error, inARow) => failures.push(inARow),
    onRecovery: () => recoveries++,
    onRefused: ({ seq }) => refused.push(seq),
  });
  onTestFinished(() => committer.stop());
  return { ring, committer, failures, refused, recoveries: () => recoveries };
}

/** A memory store that refuses so many appends first. */
function refusing(times: number, refuse: () => Promise<void>): SqliteTaskStore & { asked: () => number } {
  const store = memoryStore();
  const append = store.append.bind(store);
  let asked = 0;
  return Object.assign(store, {
    asked: () => asked,
    append: (facts: readonly Fact[]) => (asked++ < times ? refuse() : append(facts)),
  });
}

const rejecting = (): Promise<void> => Promise.reject(new Error('away'));

async function isDrained(ring: WrittenRing): Promise<void> {
  while (!ring.ring.isDrained) await turn();
}

describe('what waits in the ring', () => {
  test('is committed as it comes, in its order, and acknowledged', async () => {
    const store = memoryStore();
    const { ring, committer } = committing(store);
    const running = committer.run();
    for (const fact of seedExample().facts) {
      ring.write(fact);
      await turn();
    }
    await isDrained(ring);
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
    committer.stop();
    ring.ring.wake();
    await running;
  });

  test('is tried again, with growing pauses, until the store takes it, and nothing is lost or out of order', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const store = refusing(8, rejecting);
    const { ring, committer, failures, recoveries } = committing(store);
    const { facts } = seedExample();
    void committer.run();
    const pauses: number[] = [];
    const setTimeout = vi.spyOn(globalThis, 'setTimeout');
    for (const [at, fact] of facts.entries()) {
      ring.write(fact);
      if (at < 8) {
        while (failures.length <= at) await turn();
        await turn();
        pauses.push(setTimeout.mock.lastCall![1]!);
        expect(ring.ring.isDrained).toBe(false);
      }
      await vi.advanceTimersToNextTimerAsync();
    }
    while (!ring.ring.isDrained) await vi.advanceTimersToNextTimerAsync();
    expect(pauses).toEqual([100, 200, 400, 800, 1600, 2000, 2000, 2000]);
    expect(failures).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(recoveries()).toBe(1);
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  test('is tried again too where a store throws instead of rejecting', async () => {
    const store = refusing(1, () => {
      throw new Error('thrown');
    });
    const { ring, committer, failures } = committing(store);
    for (const fact of seedExample().facts) ring.write(fact);
    void committer.run();
    await isDrained(ring);
    expect(failures).toEqual([1]);
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  test('stays in the ring until its commit has succeeded', async () => {
    const held = new HeldStore();
    const { ring, committer } = committing(held);
    ring.write(notification(1, 'one'));
    const drained = committer.drain();
    await turn();
    expect(held.appends[0]!.facts).toEqual([notification(1, 'one')]);
    expect(ring.ring.isDrained).toBe(false);
    await held.appends[0]!.succeed();
    expect(ring.ring.isDrained).toBe(true);
    await drained;
  });
});

describe('drain', () => {
  test('commits all that waits, however much it is', async () => {
    const store = memoryStore();
    const { ring, committer } = committing(store);
    for (let seq = 1; seq <= 20_000; seq++) ring.write(notification(seq, `line ${seq}`));
    await committer.drain();
    expect(ring.ring.isDrained).toBe(true);
    const lines = (await store.log(SPANS[0]!.taskUuid))!.text.split('\n');
    expect(lines.slice(0, -1)).toEqual(Array.from({ length: 20_000 }, (_, at) => `\tline ${at + 1}`));
  });

  test('gives up at the first failure, and what waits is there for the next time', async () => {
    const store = refusing(1, rejecting);
    const { ring, committer, failures } = committing(store);
    for (const fact of seedExample().facts) ring.write(fact);
    await committer.drain();
    expect([failures, store.asked(), ring.ring.isDrained]).toEqual([[1], 1, false]);
    await committer.drain();
    expect(ring.ring.isDrained).toBe(true);
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  test('during a commit under way waits for it, and nothing is acknowledged that is not committed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const held = new HeldStore();
    const { ring, committer, failures } = committing(held);
    const [one, two, three] = [notification(1, 'one'), notification(2, 'two'), notification(3, 'three')];
    ring.write(one);
    void committer.run();
    const drained = [committer.drain(), committer.drain()];
    ring.write(two);
    await held.appends[0]!.succeed();
    // Facts have gathered: the committer's own turn has come as well.
    await vi.advanceTimersToNextTimerAsync();
    expect(held.appends.map(({ facts }) => facts)).toEqual([[one], [two]]);
    ring.write(three);
    await held.appends[1]!.succeed();
    while (held.appends.length < 3) await turn();
    for (const { succeed } of held.appends.slice(0, 2)) await succeed();
    expect(ring.ring.isDrained).toBe(false);
    held.appends[2]!.fail(new Error('away'));
    await Promise.all(drained);
    expect(failures).toEqual([1]);
    expect(ring.ring.isDrained).toBe(false);
    while (held.appends.length < 4) await vi.advanceTimersToNextTimerAsync();
    expect(held.appends[3]!.facts).toEqual([three]);
    await held.appends[3]!.succeed();
    expect(ring.ring.isDrained).toBe(true);
  });
});

describe('facts that the store can never take', () => {
  /** A store that refuses each batch with one of these in it. */
  function refusingFacts(poison: ReadonlySet<number>, committed: number[]): Pick<TaskStore, 'append'> & { asked: number } {
    return {
      asked: 0,
      append(facts) {
        this.asked++;
        if (facts.some(({ seq }) => poison.has(seq))) return Promise.reject(new TaskStoreError('REFUSED', 'no'));
        committed.push(...facts.map(({ seq }) => seq));
        return Promise.resolve();
      },
    };
  }

  test('are dropped alone and reported one by one, all others are committed in their order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: 60 })), async (numbers) => {
        const poison = new Set(numbers);
        const committed: number[] = [];
        const { ring, committer, refused } = committing(refusingFacts(poison, committed));
        const all = Array.from({ length: 60 }, (_, at) => at + 1);
        for (const seq of all) ring.write(notification(seq, `line ${seq}`));
        await committer.drain();
        expect(ring.ring.isDrained).toBe(true);
        expect(committed).toEqual(all.filter((seq) => !poison.has(seq)));
        expect(refused).toEqual(all.filter((seq) => poison.has(seq)));
      }),
      { numRuns: 50 },
    );
  });

  test('are dropped too where another copy of the package has made the store', async () => {
    const refusal = Object.assign(new Error('no'), { name: 'TaskStoreError', code: 'REFUSED' });
    const committed: number[] = [];
    const { ring, committer, refused } = committing({
      append(facts) {
        if (facts.some(({ seq }) => seq === 2)) return Promise.reject(refusal);
        committed.push(...facts.map(({ seq }) => seq));
        return Promise.resolve();
      },
    });
    for (const seq of [1, 2, 3]) ring.write(notification(seq, `line ${seq}`));
    await committer.drain();
    expect({ committed, refused }).toEqual({ committed: [1, 3], refused: [2] });
  });

  test('cost few commits where there is one among many', async () => {
    const store = refusingFacts(new Set([777]), []);
    const { ring, committer } = committing(store);
    for (let seq = 1; seq <= 4000; seq++) ring.write(notification(seq, 'line'));
    await committer.drain();
    expect(ring.ring.isDrained).toBe(true);
    expect(store.asked).toBeLessThan(50);
  });

  test('are tried a second time before, since the store may have been wrong', async () => {
    let times = 0;
    const store = memoryStore();
    const { ring, committer, refused, failures } = committing({
      append: (facts) => (times++ === 0 ? Promise.reject(new TaskStoreError('REFUSED', 'no')) : store.append(facts)),
    });
    for (const fact of seedExample().facts) ring.write(fact);
    await committer.drain();
    expect(ring.ring.isDrained).toBe(true);
    expect({ failures, refused }).toEqual({ failures: [1], refused: [] });
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });
});

describe('drain of a batch that was refused', () => {
  test('gives up where the store then fails otherwise, and goes on the next time', async () => {
    const answers = [new TaskStoreError('REFUSED', 'no'), new Error('away')];
    const store = memoryStore();
    const { ring, committer, failures, refused } = committing({
      append: (facts) => {
        const error = answers.shift();
        return error === undefined ? store.append(facts) : Promise.reject(error);
      },
    });
    for (const fact of seedExample().facts) ring.write(fact);
    await committer.drain();
    expect({ failures, drained: ring.ring.isDrained }).toEqual({ failures: [1, 2], drained: false });
    await committer.drain();
    expect({ refused, drained: ring.ring.isDrained }).toEqual({ refused: [], drained: true });
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });
});

describe('drainNow', () => {
  test('of a batch that was refused commits all but the fact that the store can never take', async () => {
    const committed: number[] = [];
    const appendNow = (facts: readonly Fact[]): void => {
      if (facts.some(({ seq }) => seq === 2)) throw new TaskStoreError('REFUSED', 'no');
      committed.push(...facts.map(({ seq }) => seq));
    };
    const append = async (facts: readonly Fact[]): Promise<void> => appendNow(facts);
    const { ring, committer } = committing(Object.assign(memoryStore(), { append, appendNow }));
    for (const seq of [1, 2, 3]) ring.write(notification(seq, `line ${seq}`));
    await committer.commitNext();
    expect(committed).toEqual([]);
    ring.write(notification(4, 'line 4'));
    committer.drainNow();
    expect(committed).toEqual([1, 3, 4]);
  });

  test('has committed all when it returns, however much it is, to a store that does not wait', async () => {
    const store = memoryStore();
    const append = vi.spyOn(store, 'appendNow');
    const { ring, committer } = committing(store);
    for (let seq = 1; seq <= 12_000; seq++) ring.write(notification(seq, `line ${seq}`));
    committer.drainNow();
    expect(append.mock.calls.flatMap(([facts]) => facts.map(({ seq }) => seq))).toEqual(
      Array.from({ length: 12_000 }, (_, at) => at + 1),
    );
    expect((await store.log(SPANS[0]!.taskUuid))!.text).toMatch(/\tline 12000\n$/);
  });

  test('commits what the store refused before, and what came after it', async () => {
    const store = refusing(1, rejecting);
    const { ring, committer } = committing(store);
    const { facts } = seedExample();
    for (const fact of facts.slice(0, 5)) ring.write(fact);
    await committer.drain();
    for (const fact of facts.slice(5)) ring.write(fact);
    committer.drainNow();
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  test('does not throw where the store does', () => {
    const appendNow = (): void => {
      throw new Error('thrown');
    };
    const { ring, committer } = committing(Object.assign(memoryStore(), { appendNow }));
    ring.write(notification(1, 'one'));
    expect(() => committer.drainNow()).not.toThrow();
  });
});
