import { Readable } from 'node:stream';
import { beforeEach, describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { progressEvents } from './support/progress-events.ts';
import { recorded } from './support/recorded.ts';
import type { Recorded } from './support/recorded.ts';
import { caught, thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

let recording: Recorded;
let updater: TaskUpdater;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  onTestFinished(() => void vi.useRealTimers());
  recording = recorded();
  updater = new TaskUpdater({ taskName: 'T' });
});

async function events(): Promise<string[]> {
  return progressEvents(await recording.span('Steps'));
}

/** A source of items, and how often it was used and closed. */
class Source<T> {
  closed = false;
  readonly #items: readonly T[];

  constructor(...items: T[]) {
    this.#items = items;
  }

  *items(): Generator<T, undefined> {
    try {
      yield* this.#items;
    } finally {
      this.closed = true;
    }
  }

  async *asyncItems(): AsyncGenerator<T, undefined> {
    try {
      for (const item of this.#items) {
        await turn();
        yield item;
      }
    } finally {
      this.closed = true;
    }
  }
}

describe('each', () => {
  test.each<[string, Iterable<number>, string[]]>([
    ['an array', [1, 2, 3], ['0/3', '1/3', '2/3', '3/3']],
    ['a set', new Set([1, 2, 3]), ['0/3', '1/3', '2/3', '3/3']],
    ['a typed array', Uint8Array.of(1, 2, 3), ['0/3', '1/3', '2/3', '3/3']],
    ['a generator', new Source(1, 2, 3).items(), ['0', '3']],
  ])('gives the items of %s and counts them', async (_, items, expected) => {
    const taken: number[] = [];
    updater.scope('Steps', (scope) => {
      for (const item of scope.each(items)) taken.push(item);
    });
    expect(taken).toEqual([1, 2, 3]);
    expect(await events()).toEqual(expected);
  });

  test('gives the items of a map as pairs', () => {
    const pairs = updater.scope('Steps', (scope) => [...scope.each(new Map([['a', 1]]))]);
    expect(pairs).toEqual([['a', 1]]);
  });

  test('gives the items of an async generator and counts them', async () => {
    const taken: number[] = [];
    await updater.scope('Steps', async (scope) => {
      for await (const item of scope.each(new Source(1, 2, 3).asyncItems(), { total: 3 })) taken.push(item);
    });
    expect(taken).toEqual([1, 2, 3]);
    expect(await events()).toEqual(['0/3', '1/3', '2/3', '3/3']);
  });

  test('gives the chunks of a stream', async () => {
    const taken: string[] = [];
    await updater.scope('Steps', async (scope) => {
      for await (const chunk of scope.each<string>(Readable.from(['a', 'b']))) taken.push(chunk);
    });
    expect(taken).toEqual(['a', 'b']);
    expect(await events()).toEqual(['0', '2']);
  });

  test('uses the given total instead of the length', async () => {
    updater.scope('Steps', (scope) => [...scope.each([1, 2], { total: 4 })]);
    expect(await events()).toEqual(['0/4', '1/4', '2/4']);
  });

  test('of an empty source records that there was nothing to do', async () => {
    updater.scope('Steps', (scope) => [...scope.each([])]);
    expect(await events()).toEqual(['0/0']);
  });

  test('has done an item when the next one is requested, so that it never counts too much', async () => {
    const seen: (number | null)[] = [];
    await updater.scope('Steps', async (scope) => {
      for (const _ of scope.each([1, 2])) seen.push((await recording.attempts(updater))[0]!.scopes[0]!.done);
    });
    expect(seen).toEqual([0, 1]);
  });

  test('of a million items is recorded 21 times, the last item among them', async () => {
    const items = Array.from({ length: 1_000_000 }, (_, at) => at);
    updater.scope('Steps', (scope) => {
      let sum = 0;
      for (const item of scope.each(items)) sum += item;
      expect(sum).toBe(499_999_500_000);
    });
    expect(await events()).toEqual(Array.from({ length: 21 }, (_, at) => `${at * 50_000}/1000000`));
  });

  test('that is left early keeps its count, and closes its source', async () => {
    const source = new Source(1, 2, 3, 4);
    updater.scope('Steps', (scope) => {
      for (const item of scope.each(source.items(), { total: 400 })) if (item === 3) break;
    });
    expect(source.closed).toBe(true);
    expect(await events()).toEqual(['0/400', '2/400']);
  });

  test('that is left early closes an async source too', async () => {
    const source = new Source(1, 2, 3, 4);
    await updater.scope('Steps', async (scope) => {
      for await (const item of scope.each(source.asyncItems(), { total: 400 })) if (item === 3) break;
    });
    expect(source.closed).toBe(true);
    expect(await events()).toEqual(['0/400', '2/400']);
  });

  test('that was left early counts no more items, even if more are requested', async () => {
    await updater.scope('Steps', async (scope) => {
      const items = scope.each(new Source(1, 2, 3, 4).asyncItems(), { total: 400 });
      await items.next();
      await items.next();
      expect(await items.return!()).toEqual({ done: true, value: undefined });
      expect(await items.next()).toEqual({ done: true, value: undefined });
      await items.next();
    });
    expect(await events()).toEqual(['0/400', '1/400']);
  });

  test('passes an error that is thrown into it to its async source', async () => {
    const source = new Source(1, 2);
    const items = updater.each(source.asyncItems());
    await items.next();
    const error = new Error('from outside');
    expect(await items.throw!(error).catch((reason: unknown) => reason)).toBe(error);
    expect(source.closed).toBe(true);
  });

  test('that is left by an error in its loop fails the scope by it, with the last step recorded', async () => {
    const error = new Error('at the third');
    const source = new Source(1, 2, 3, 4);
    const loop = caught(() =>
      updater.scope(
        'Steps',
        (scope) => {
          for (const item of scope.each(source.items(), { total: 400 })) if (item === 3) throw error;
        },
        { suppressException: false },
      ),
    );
    expect(loop).toBe(error);
    expect(source.closed).toBe(true);
    expect(await events()).toEqual(['0/400', '2/400']);
  });

  test('throws the very error of its source', async () => {
    const error = new Error('source');
    const breaking = function* (): Generator<number> {
      yield 1;
      throw error;
    };
    const breakingAsync = async function* (): AsyncGenerator<number> {
      yield* breaking();
    };
    expect(caught(() => [...updater.each(breaking())])).toBe(error);
    const drained = (async () => {
      for await (const _ of updater.each(breakingAsync())) await turn();
    })();
    expect(await drained.catch((reason: unknown) => reason)).toBe(error);
  });

  test('can be shared by parallel workers, each item going to one of them', async () => {
    const items = Array.from({ length: 50 }, (_, at) => at);
    const taken: number[] = [];
    await updater.scope('Steps', async (scope) => {
      const shared = scope.each(items);
      const worker = async (): Promise<void> => {
        for (const item of shared) {
          await turn();
          taken.push(item);
        }
      };
      await Promise.all([worker(), worker(), worker()]);
    });
    expect(taken.toSorted((one, other) => one - other)).toEqual(items);
    expect((await events()).at(-1)).toBe('50/50');
  });

  test('over an async source can be shared too, and counts no item twice', async () => {
    const taken: number[] = [];
    await updater.scope('Steps', async (scope) => {
      const shared = scope.each(new Source(1, 2, 3, 4).asyncItems(), { total: 4 });
      const worker = async (): Promise<void> => {
        for await (const item of shared) {
          await turn();
          taken.push(item);
        }
      };
      await Promise.all([worker(), worker(), worker()]);
    });
    expect(taken.toSorted((one, other) => one - other)).toEqual([1, 2, 3, 4]);
    expect((await events()).at(-1)).toBe('4/4');
  });

  test('over an async source has done nothing before the first item arrives, however many are requested', async () => {
    await updater.scope('Steps', async (scope) => {
      const items = scope.each(new Source(1, 2, 3, 4).asyncItems(), { total: 400 });
      const asked = [items.next(), items.next(), items.next()];
      expect((await recording.attempts(updater))[0]!.scopes[0]!.done).toBe(0);
      await Promise.all(asked);
      await items.next();
    });
    expect(await events()).toEqual(['0/400', '3/400']);
  });

  test('counts no more requests after the end of its async source', async () => {
    await updater.scope('Steps', async (scope) => {
      const items = scope.each(new Source(1, 2).asyncItems(), { total: 400 });
      for await (const _ of items) await turn();
      for (let time = 0; time < 3; time++) expect(await items.next()).toEqual({ done: true, value: undefined });
    });
    expect(await events()).toEqual(['0/400', '2/400']);
  });

  test('takes results that are no promises from an async source, as a loop does', async () => {
    let left = 2;
    const plain = { next: () => (left-- > 0 ? { done: false, value: left } : { done: true, value: undefined }) };
    const items = { [Symbol.asyncIterator]: () => plain } as unknown as AsyncIterable<number>;
    await updater.scope('Steps', async (scope) => {
      for await (const _ of scope.each(items, { total: 2 })) await turn();
    });
    expect(await events()).toEqual(['0/2', '1/2', '2/2']);
  });

  test('counts for the scope that it was called on, wherever the items are taken', async () => {
    const outer = updater.scope('Steps');
    const items = outer.run(() => updater.each([1, 2]));
    updater.scope('Elsewhere', () => [...items]);
    outer.complete();
    expect(await events()).toEqual(['0/2', '1/2', '2/2']);
  });

  test('goes on after its scope has ended', () => {
    const scope = updater.scope('Steps');
    const items = scope.each([1, 2, 3]);
    expect(items.next().value).toBe(1);
    scope.complete();
    expect([...items]).toEqual([2, 3]);
  });

  test('starts nothing before the first item is requested', async () => {
    const scope = updater.scope('Steps');
    scope.each([1, 2, 3]);
    scope.complete();
    expect(await events()).toEqual([]);
  });

  test('ignores a length that is no valid total', async () => {
    const odd = Object.assign(new Source(1).items(), { length: -1, size: NaN });
    updater.scope('Steps', (scope) => [...scope.each(odd)]);
    expect(await events()).toEqual(['0', '1']);
  });

  test('has no total if the length throws when it is read', async () => {
    const items = Object.defineProperty(new Source(1).items(), 'length', { get: () => thrown(new Error('not yet')) });
    updater.scope('Steps', (scope) => [...scope.each(items)]);
    expect(await events()).toEqual(['0', '1']);
  });

  test.each<[unknown, string]>([
    [null, 'null'],
    [undefined, 'undefined'],
    [5, '5'],
    [{ length: 3 }, '{"length":3}'],
  ])('refuses %o', (items, shown) => {
    expect(() => updater.each(items as Iterable<unknown>)).toThrow(
      new TypeError(`each: expected an iterable or an async iterable, got ${shown}`),
    );
  });

  test.each<[unknown, string]>([
    [{ total: '3' }, 'each: expected total to be a finite number of at least 0, got "3"'],
    [{ of: 3 }, 'each: expected options among total, got "of"'],
    [3, 'each: expected an object of options, got 3'],
  ])('refuses the options %o', (options, message) => {
    expect(() => updater.each([1], options as never)).toThrow(new TypeError(message));
  });

  test('the types follow the items', () => {
    expectTypeOf(updater.each([1])).toEqualTypeOf<IterableIterator<number>>();
    expectTypeOf(updater.each(new Source('a').asyncItems())).toEqualTypeOf<AsyncIterableIterator<string>>();
  });
});
