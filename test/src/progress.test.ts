import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import { ProgressGate } from '../../src/progress-gate.ts';
import { progressEvents } from './support/progress-events.ts';
import { recorded } from './support/recorded.ts';
import type { Recorded } from './support/recorded.ts';
import { thrown } from './support/thrown.ts';

let recording: Recorded;
let updater: TaskUpdater;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] });
  recording = recorded();
  updater = new TaskUpdater({ taskName: 'T' });
  onTestFinished(() => void vi.useRealTimers());
});

/** The progress events of a scope in which a function has reported its progress. */
async function eventsOf(fn: (scope: Scope) => void): Promise<string[]> {
  updater.scope('Steps', fn);
  return progressEvents(await recording.span('Steps'));
}

async function stepsScope(): Promise<{ done: number | null; total: number | null; progress: number | null }> {
  const { done, total, progress } = (await recording.attempts(updater))[0]!.scopes[0]!;
  return { done, total, progress };
}

describe('progress', () => {
  test('of a million steps is recorded 21 times, the last step among them', async () => {
    const events = await eventsOf((scope) => {
      for (let done = 0; done <= 1_000_000; done++) scope.progress(done, 1_000_000);
    });
    expect(events).toEqual(Array.from({ length: 21 }, (_, at) => `${at * 50_000}/1000000`));
  });

  test('of a million steps without a total is recorded at the first and the last', async () => {
    const events = await eventsOf((scope) => {
      for (let done = 1; done <= 1_000_000; done++) scope.progress(done);
    });
    expect(events).toEqual(['1', '1000000']);
  });

  test('of a million steps whose total grows with them is a handful too', async () => {
    const events = await eventsOf((scope) => {
      for (let done = 0; done < 1_000_000; done++) scope.progress(done, done + 1000);
    });
    expect(events.length).toBeLessThan(25);
    expect(events.at(-1)).toBe('999999/1000999');
  });

  test('of a walk that has always done what it has found is a handful too', async () => {
    const events = await eventsOf((scope) => {
      for (let done = 0; done < 1000; done++) scope.progress(done, done);
    });
    expect(events.length).toBeLessThan(5);
    expect(events.at(-1)).toBe('999/999');
  });

  test('of steps that end out of order, as parallel work does, is a handful too', async () => {
    const events = await eventsOf((scope) => {
      for (let done = 0; done < 10_000; done++) scope.progress((done * 7919) % 10_000, 10_000);
    });
    expect(events.length).toBeLessThan(25);
    expect(events.at(-1)).toBe(`${(9999 * 7919) % 10_000}/10000`);
  });

  test('that two callers report by turns is a handful too', async () => {
    const events = await eventsOf((scope) => {
      for (let done = 0; done < 10_000; done++) {
        scope.progress(done, 10_000);
        scope.progress(done);
      }
    });
    expect(events.length).toBeLessThan(25);
    expect(events.at(-1)).toBe('9999');
  });

  test('is recorded at once when the first total becomes known', async () => {
    const events = await eventsOf((scope) => {
      scope.progress(1);
      scope.progress(2);
      scope.progress(2, 1000);
      scope.progress(3, 1000);
      scope.progress(4, 1000);
    });
    expect(events).toEqual(['1', '2/1000', '4/1000']);
  });

  test('that is held back is recorded by a timer while the scope waits', async () => {
    const scope = updater.scope('Steps');
    scope.progress(1, 1000);
    scope.progress(2, 1000);
    scope.progress(3, 1000);
    expect(await stepsScope()).toMatchObject({ done: 1 });
    vi.advanceTimersByTime(1000);
    expect(await stepsScope()).toMatchObject({ done: 3, total: 1000 });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that is held back is recorded with the next step after a second, even if no timer has run', async () => {
    const blocked = performance.now();
    const now = vi.spyOn(performance, 'now').mockReturnValue(blocked);
    onTestFinished(() => now.mockRestore());
    const scope = updater.scope('Steps');
    scope.progress(1, 1000);
    scope.progress(2, 1000);
    now.mockReturnValue(blocked + 1000);
    scope.progress(3, 1000);
    expect(await stepsScope()).toMatchObject({ done: 3 });
  });

  test('that is held back is recorded when the scope fails, before its error', async () => {
    updater.scope('Steps', (scope) => {
      scope.progress(1, 1000);
      scope.progress(2, 1000);
      throw new Error('no');
    });
    const span = await recording.span('Steps');
    expect(span.events.map(({ name }) => name)).toEqual(['taskspan.progress', 'taskspan.progress', 'exception']);
    expect(progressEvents(span)).toEqual(['1/1000', '2/1000']);
  });

  test('that is held back is recorded when the task ends', async () => {
    updater.progress(1, 1000);
    updater.progress(2, 1000);
    updater.fail(new Error('no'));
    expect((await recording.attempts(updater))[0]).toMatchObject({ done: 2, total: 1000 });
  });

  test('of a step a second for ten hours is recorded some hundred times, never half a minute late', () => {
    let warnings = 0;
    let latest = 0;
    const gate = new ProgressGate(({ done }) => {
      warnings++;
      latest = done;
    });
    let late = 0;
    for (let second = 0; second < 36_000; second++) {
      gate.update(second, undefined);
      late = Math.max(late, second - latest);
      vi.advanceTimersByTime(1000);
    }
    gate.close();
    expect([warnings < 1500, late <= 30, latest]).toEqual([true, true, 35_999]);
  });

  test('leaves no timer behind', async () => {
    updater.scope('Steps', (scope) => {
      scope.progress(1, 1000);
      scope.progress(2, 1000);
    });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('never falls in the record, whatever is reported', async () => {
    const shares: (number | null)[] = [];
    const scope = updater.scope('Steps');
    for (const [done, total] of [[1, 2], [3, 4], [1, 4], [0, 100], [9, 10]] as const) {
      scope.progress(done, total);
      vi.advanceTimersByTime(1000);
      shares.push((await stepsScope()).progress);
    }
    expect(shares).toEqual([0.5, 0.75, 0.75, 0.75, 0.9]);
  });

  test('beyond the total is 1, and so is that of a total of 0', async () => {
    updater.progress(7, 5);
    expect((await recording.record(updater)).progress).toBe(1);
    const nothing = new TaskUpdater({ taskName: 'T' });
    nothing.progress(0, 0);
    expect((await recording.record(nothing)).progress).toBe(1);
  });

  test('of the task is its own and not that of its scopes', async () => {
    updater.scope('Steps', (scope) => scope.progress(1, 2));
    expect((await recording.record(updater)).progress).toBeNull();
    updater.progress(1, 4);
    expect((await recording.record(updater)).progress).toBe(0.25);
    updater.complete();
    expect((await recording.record(updater)).progress).toBe(1);
  });

  test('is no line of the log', async () => {
    await eventsOf((scope) => scope.progress(1, 2));
    expect(await recording.log(updater)).toBe('\t - Steps\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n');
  });

  test.each<[string, unknown[], string]>([
    ['done', ['5'], 'done to be a finite number of at least 0, got "5"'],
    ['done', [5n], 'done to be a finite number of at least 0, got 5'],
    ['done', [undefined], 'done to be a finite number of at least 0, got undefined'],
    ['total', [1, null], 'total to be a finite number of at least 0, got null'],
    ['total', [1, {}], 'total to be a finite number of at least 0, got {}'],
  ])('refuses a %s of another type: %o', (_, args, message) => {
    const call = (): void => updater.progress(...(args as [number, number?]));
    expect(call).toThrow(new TypeError(`progress: expected ${message}`));
  });

  test('is held for no negative time where its second ends between two readings of the clock', () => {
    const gate = new ProgressGate(() => {});
    gate.update(1, 100);
    const later = vi.spyOn(globalThis, 'setTimeout');
    const now = performance.now();
    vi.spyOn(performance, 'now').mockReturnValueOnce(now + 999.999).mockReturnValueOnce(now + 1000.001);
    onTestFinished(() => void vi.restoreAllMocks());
    gate.update(2, 100);
    expect(later).toHaveBeenCalledWith(expect.any(Function), 0);
    gate.close();
  });
});

describe('a plan', () => {
  const part = (name: string): void => updater.scope(name, () => undefined);
  const progress = async (): Promise<number | null> => (await recording.record(updater)).progress;

  test('of a number is completed by as many scopes', async () => {
    updater.plan(4);
    expect(await progress()).toBe(0);
    part('A');
    expect(await progress()).toBe(0.25);
    part('B');
    part('C');
    expect(await progress()).toBe(0.75);
    part('D');
    part('one more than planned');
    expect(await progress()).toBe(1);
  });

  test('of names is completed by scopes of these names, in any order, and no others', async () => {
    updater.plan(['Read', 'Write']);
    part('Something else');
    expect(await progress()).toBe(0);
    part('Write');
    part('Write');
    expect(await progress()).toBe(0.5);
    part('Read');
    expect(await progress()).toBe(1);
  });

  test('of weights is completed in proportion, and an open scope counts by its own progress', async () => {
    updater.plan({ Read: 1, Write: 3 });
    part('Read');
    expect(await progress()).toBe(0.25);
    const write = updater.scope('Write');
    write.progress(1, 3);
    expect(await progress()).toBeCloseTo(0.5, 6);
    write.complete();
    expect(await progress()).toBe(1);
  });

  test('is not delayed by a scope that failed', async () => {
    updater.plan(2);
    updater.scope('Breaks', () => thrown(new Error('no')));
    expect(await progress()).toBe(0.5);
  });

  test('of a scope inside rolls up level by level', async () => {
    updater.plan({ Outer: 1 });
    const outer = updater.scope('Outer');
    outer.plan(2);
    outer.scope('Half', () => undefined);
    expect(await progress()).toBe(0.5);
  });

  test('counts once: a second plan changes nothing', async () => {
    updater.plan(2);
    updater.plan(200);
    part('A');
    expect(await progress()).toBe(0.5);
  });

  test('and progress side by side: the greater counts', async () => {
    updater.plan(4);
    updater.progress(1, 2);
    part('A');
    expect(await progress()).toBe(0.5);
    part('B');
    part('C');
    expect(await progress()).toBe(0.75);
  });

  test('may have names that are dangerous for an object', async () => {
    updater.plan(['__proto__', 'constructor']);
    part('constructor');
    expect(await progress()).toBe(0.5);
    part('__proto__');
    expect(await progress()).toBe(1);
  });

  test('finds scopes whose names are no well-formed text', async () => {
    updater.plan(['\ud800', 'b']);
    part('\ud800');
    expect(await progress()).toBe(0.5);
  });

  test.each<[unknown, string]>([
    ['three', '"three"'],
    [null, 'null'],
    [undefined, 'undefined'],
    [['a', 1], '["a",1]'],
    [{ a: '1' }, '{"a":"1"}'],
  ])('refuses %o', (input, shown) => {
    expect(() => updater.plan(input as number)).toThrow(
      new TypeError(
        'plan: expected a whole number of at least 1, a list of different names or ' +
          `an object of positive weights by name, got ${shown}`,
      ),
    );
  });
});
