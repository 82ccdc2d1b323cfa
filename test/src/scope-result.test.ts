import { trace } from '@opentelemetry/api';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { currentUpdater, notify, runTask, TaskUpdater } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';
import { caught, thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

/** A lazy thenable, like a query builder: its work begins again each time it is awaited. */
class LazyQuery<T> implements PromiseLike<T> {
  runs = 0;
  readonly #work: () => T;

  constructor(work: () => T) {
    this.#work = work;
  }

  // oxlint-disable-next-line unicorn/no-thenable
  then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    this.runs++;
    return new Promise<T>((resolve) => resolve(this.#work())).then(fulfilled, rejected);
  }
}

describe('a scope without a name', () => {
  test('has the name of its function, or of what is around it', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'Import' });
    const readRows = (): number[] => [1, 2];
    expect(updater.scope(readRows)).toEqual([1, 2]);
    const value = await updater.scope(async () => 42);
    expect(value).toBe(42);
    updater.scope('Write', (write) => {
      write.scope(() => undefined);
      expect(updater.scope(() => thrown(new Error('no')), { suppressException: true })).toBeUndefined();
    });
    const names = [...(await log(updater)).matchAll(/^\t - (.*)$/gm)].map(([, name]) => name);
    expect(names).toEqual(['readRows', 'Import', 'Write', 'Write', 'Write']);
    expectTypeOf(updater.scope(readRows)).toEqualTypeOf<number[] | undefined>();
  });
});

describe('a synchronous function', () => {
  test('returns its value at once, and its scope has ended by then', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const rows = updater.scope('Read', () => [1, 2, 3]);
    expect(rows).toEqual([1, 2, 3]);
    expect(await log(updater)).toBe('\t - Read\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n');
  });

  test.each([undefined, null, 0, '', false, NaN, {}, () => 1])('may return %o', (value) => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(updater.scope('Scope', () => value)).toBe(value);
  });

  test('that throws returns undefined, and the task goes on', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(updater.scope('Breaks', (): number => thrown(new RangeError('too far')))).toBeUndefined();
    expect(updater.scope('Works', () => 1)).toBe(1);
    expect(await log(updater)).toBe(
      '\t - Breaks\n\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nRangeError: too far\n' +
        '\t - Works\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n',
    );
  });
});

describe('an asynchronous function', () => {
  test('returns a promise, and its scope is open until the promise is settled', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const rows = updater.scope('Read', async () => {
      await turn();
      return 3;
    });
    expect(rows).toBeInstanceOf(Promise);
    expect(await log(updater)).toBe('\t - Read\n');
    expect(await rows).toBe(3);
    expect(await log(updater)).toBe('\t - Read\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n');
  });

  test('that rejects returns a promise of undefined', async () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const error = new Error('no');
    expect(await updater.scope('Breaks', () => Promise.reject(error))).toBeUndefined();
    expect(updater.latestException).toBe(error);
  });

  test('may return a promise of a subclass', async () => {
    class OwnPromise<T> extends Promise<T> {}
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const given = updater.scope('Own', () => OwnPromise.resolve(5));
    expect(given).toBeInstanceOf(Promise);
    expect(await given).toBe(5);
  });
});

describe('a thenable', () => {
  test('becomes a real promise of its value', async () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const rows = updater.scope('Query', () => new LazyQuery(() => 7));
    expect(rows).toBeInstanceOf(Promise);
    expect(await rows).toBe(7);
  });

  test('that is lazy works inside its scope, and once', async () => {
    const { log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const active: (string | undefined)[] = [];
    const query = new LazyQuery(() => {
      notify('Querying');
      active.push(trace.getActiveSpan()?.spanContext().traceId);
      return currentUpdater();
    });
    expect(await updater.scope('Query', () => query)).toBe(updater);
    expect(query.runs).toBe(1);
    expect(active).toEqual([updater.traceId]);
    expect(await log(updater)).toBe(
      '\t - Query\n\tQuerying\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n',
    );
  });

  test('works inside its task if a task returns it', async () => {
    recorded();
    const query = new LazyQuery(() => currentUpdater()?.taskName);
    expect(await runTask('Query', () => query)).toBe('Query');
    expect(query.runs).toBe(1);
  });

  test('that rejects fails its scope', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const query = new LazyQuery(() => thrown(new Error('no such table')));
    expect(await updater.scope('Query', () => query)).toBeUndefined();
    expect(await record(updater)).toMatchObject({ exception: 'no such table', jobs: { failed: 1, running: 0 } });
  });

  test('whose then throws fails its scope as one that rejects', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    // oxlint-disable-next-line unicorn/no-thenable
    const broken = { then: () => thrown(new Error('broken then')) } as unknown as PromiseLike<number>;
    await updater.scope('Query', () => broken);
    expect(await record(updater)).toMatchObject({ exception: 'broken then', jobs: { failed: 1, running: 0 } });
    await expect(runTask('Query', () => broken)).rejects.toThrow('broken then');
  });

  test('a value whose `then` throws when it is read is a plain value', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const hostile = new Proxy({}, { get: () => thrown(new Error('hands off')) });
    expect(updater.scope('Hostile', () => hostile) === hostile).toBe(true);
    expect(await record(updater)).toMatchObject({ jobs: { finished: 1, running: 0 } });
    const updaters: TaskUpdater<boolean>[] = [];
    const result = runTask('Hostile', (own) => {
      updaters.push(own);
      return hostile;
    });
    expect(result === hostile).toBe(true);
    expect(await record(updaters[0]!)).toMatchObject({ state: 'completed' });
  });
});

describe('suppressException: false', () => {
  test('at one scope rethrows the very same error', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const error = new Error('no');
    expect(caught(() => updater.scope('Sync', () => thrown(error), { suppressException: false }))).toBe(error);
    const rejected = updater.scope('Async', () => Promise.reject(error), { suppressException: false });
    expect(await rejected.catch((reason: unknown) => reason)).toBe(error);
    expect((await record(updater)).jobs).toMatchObject({ total: 2, failed: 2 });
  });

  test('at the updater holds for all its scopes, and one scope can override it', async () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T', suppressException: false });
    const error = new Error('no');
    const inside = (scope: Scope<false>): void => scope.scope('Inside', () => thrown(error));
    expect(caught(() => updater.scope('Outside', inside))).toBe(error);
    expect(updater.scope('Quiet', () => thrown(error), { suppressException: true })).toBeUndefined();
  });

  test('a scope inside that rethrows fails the heading around it, and the error is logged once', async () => {
    const { log, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Heading', (heading) => {
      heading.scope('Job', () => thrown(new Error('no')), { suppressException: false });
    });
    expect(await log(updater)).toBe(
      '\t - Heading\n\t - Job\n\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nError: no\n',
    );
    expect(await record(updater)).toMatchObject({ exception: 'no', jobs: { total: 1, failed: 1 } });
  });
});

describe('the types express', () => {
  const updater = new TaskUpdater({ taskName: 'T' });
  const strict = new TaskUpdater({ taskName: 'T', suppressException: false });
  const either = new TaskUpdater<boolean>({ taskName: 'T' });
  const query = (): LazyQuery<number> => new LazyQuery(() => 1);

  test('that with suppressed errors the result may be undefined', () => {
    expectTypeOf(updater.scope('S', () => 1)).toEqualTypeOf<number | undefined>();
    expectTypeOf(updater.scope('S', async () => 1)).toEqualTypeOf<Promise<number | undefined>>();
    expectTypeOf(updater.scope('S', query)).toEqualTypeOf<Promise<number | undefined>>();
    expectTypeOf(updater.scope('S', (scope) => scope.scope('I', () => 1))).toEqualTypeOf<number | undefined>();
    expectTypeOf(strict.scope('S', () => 1, { suppressException: true })).toEqualTypeOf<number | undefined>();
    expectTypeOf(updater.scope('S', (): never => thrown(new Error('no')))).toEqualTypeOf<undefined>();
  });

  test('that with rethrown errors the result is the function\'s', () => {
    expectTypeOf(strict.scope('S', () => 1)).toEqualTypeOf<number>();
    expectTypeOf(strict.scope('S', async () => 1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf(strict.scope('S', (scope) => scope.scope('I', () => 1))).toEqualTypeOf<number>();
    expectTypeOf(updater.scope('S', () => 1, { suppressException: false })).toEqualTypeOf<number>();
    expectTypeOf(runTask('T', (task) => task.scope('S', () => 1))).toEqualTypeOf<number>();
  });

  test('that it may be undefined if the option is not known', () => {
    expectTypeOf(either.scope('S', () => 1)).toEqualTypeOf<number | undefined>();
    expectTypeOf(runTask('T', (task) => task.scope('S', () => 1), { suppressException: true })).toEqualTypeOf<
      number | undefined
    >();
  });

  test('that a scope without a function is a scope', () => {
    expectTypeOf(updater.scope('S')).toEqualTypeOf<Scope<true>>();
    expectTypeOf(updater.scope('S').scope('I', () => 1)).toEqualTypeOf<number | undefined>();
  });
});
