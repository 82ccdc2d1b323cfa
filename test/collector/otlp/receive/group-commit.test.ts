import { expect, it } from 'vitest';
import { TaskStoreError } from '../../../../collector/index.ts';
import { groupCommit } from '../../../../collector/otlp/receive/group-commit.ts';
import type { Fact } from '../../../../src/fact.ts';
import { notification } from '../../capture/arbitrary-fact.ts';

const lines = (...numbers: number[]): Fact[] => numbers.map((number) => notification(number, `line ${number}`));
const numbersIn = (facts: readonly Fact[]): number[] => facts.map(({ seq }) => seq);

/** A store whose appends end as the test decides. */
function heldStore() {
  const appends: { numbers: number[]; end: PromiseWithResolvers<void> }[] = [];
  const asked: (() => void)[] = [];
  return {
    appends,
    append(facts: readonly Fact[]): Promise<void> {
      const end = Promise.withResolvers<void>();
      appends.push({ numbers: numbersIn(facts), end });
      for (const resolve of asked.splice(0)) resolve();
      return end.promise;
    },
    async nth(count: number) {
      while (appends.length < count) await new Promise<void>((resolve) => asked.push(resolve));
      return appends[count - 1]!;
    },
  };
}

it('requests that come while a commit runs are committed together, and each is answered by its own', async () => {
  const store = heldStore();
  const commitFacts = groupCommit(store);
  const answered: number[] = [];
  const commit = (number: number): Promise<unknown> => commitFacts(lines(number)).then(() => answered.push(number));
  const first = commit(1);
  const one = await store.nth(1);
  const rest = [commit(2), commit(3)];
  expect(answered).toEqual([]);
  one.end.resolve();
  await first;
  const two = await store.nth(2);
  expect([one.numbers, two.numbers, answered]).toEqual([[1], [2, 3], [1]]);
  two.end.resolve();
  await Promise.all(rest);
  expect(answered).toEqual([1, 2, 3]);
});

it('requests of one turn of the event loop are committed together, up to a size, and none is parted', async () => {
  const store = heldStore();
  const commit = groupCommit(store);
  const big = Array.from({ length: 400 }, (_, number) => number);
  const all = [1, 2, 3].map(() => commit(lines(...big)));
  const first = await store.nth(1);
  expect(first.numbers.length).toBe(800);
  first.end.resolve();
  const second = await store.nth(2);
  expect(second.numbers.length).toBe(400);
  second.end.resolve();
  await Promise.all(all);
});

it('requests with many bytes are committed apart', async () => {
  const store = heldStore();
  const commit = groupCommit(store);
  const all = [1, 2, 3].map((number) => commit(lines(number), 200_000));
  for (const [at, numbers] of [[1, [1, 2]], [2, [3]]] as const) {
    const append = await store.nth(at);
    expect(append.numbers).toEqual(numbers);
    append.end.resolve();
  }
  await Promise.all(all);
});

it('a failure is that of all requests of its commit, and the next commit is tried', async () => {
  const store = heldStore();
  const commit = groupCommit(store);
  const [one, two] = [commit(lines(1)), commit(lines(2))];
  (await store.nth(1)).end.reject(new Error('disk full'));
  await expect(one).rejects.toThrow('disk full');
  await expect(two).rejects.toThrow('disk full');
  const three = commit(lines(3));
  (await store.nth(2)).end.resolve();
  await expect(three).resolves.toEqual({ facts: 0, spans: 0, message: '' });
});

it('of facts that the store refuses all others are stored', async () => {
  const stored: number[] = [];
  const append = async (facts: readonly Fact[]): Promise<void> => {
    if (numbersIn(facts).some((number) => number === 5 || number === 8)) throw new TaskStoreError('REFUSED', 'too long');
    stored.push(...numbersIn(facts));
  };
  const commit = groupCommit({ append });
  const answers = await Promise.all([commit(lines(1, 2)), commit(lines(3, 4, 5, 6, 7, 8, 9)), commit(lines(10))]);
  expect(answers.map(({ facts, message }) => [facts, message])).toEqual([[0, ''], [2, 'too long'], [0, '']]);
  expect(stored.toSorted((one, other) => one - other)).toEqual([1, 2, 3, 4, 6, 7, 9, 10]);
});

it('nothing is committed of requests without facts', async () => {
  const store = heldStore();
  await expect(groupCommit(store)([])).resolves.toEqual({ facts: 0, spans: 0, message: '' });
  expect(store.appends).toEqual([]);
});

it('facts for which a task has no room are reported to their own request, with how many spans they are of', async () => {
  const [first, second] = [lines(1, 2), lines(3, 4)];
  const other = { ...second[1]!, span: { ...second[1]!.span } };
  const refused = [first[1]!, second[0]!, other].map((fact) => ({ fact, reason: 'no room' }));
  const commit = groupCommit({ append: async () => refused });
  const answers = await Promise.all([commit(first), commit([second[0]!, other]), commit(lines(5))]);
  expect(answers).toEqual([
    { facts: 1, spans: 1, message: 'no room' },
    { facts: 2, spans: 2, message: 'no room' },
    { facts: 0, spans: 0, message: '' },
  ]);
});
