import { describe, expect, expectTypeOf, test } from 'vitest';
import { currentUpdater, runTask, startTask, track } from '../../src/index.ts';
import type { TaskOptions, TaskUpdater } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';
import { caught, thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

const UUID = '018f2f64-9d3a-7cc1-8a4e-0123456789ab';

describe('runTask', () => {
  test('returns the value of a synchronous function, and has ended by then', async () => {
    const { record, log } = recorded();
    const value = runTask('Sync', (updater) => updater.scope('Job', () => 42), { taskUuid: UUID });
    expect(value).toBe(42);
    expect(await record(UUID)).toMatchObject({ task_name: 'Sync', state: 'completed', status: 1, result: null });
    expect(await log(UUID)).toBe(
      '\t - Job\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\tTask Finished - 1 out of 1 jobs finished\n',
    );
  });

  test('runs until the promise of an asynchronous function is settled', async () => {
    const { record } = recorded();
    const running = runTask(
      'Async',
      async () => {
        await turn();
        return 42;
      },
      { taskUuid: UUID },
    );
    expect(await record(UUID)).toMatchObject({ state: 'running', status: 2 });
    expect(await running).toBe(42);
    expect(await record(UUID)).toMatchObject({ state: 'completed', status: 1 });
  });

  test('throws the very error, and the task has failed by it', async () => {
    const { record } = recorded();
    const error = new Error('no');
    expect(caught(() => runTask('Sync', () => thrown(error), { taskUuid: UUID }))).toBe(error);
    expect(await record(UUID)).toMatchObject({ state: 'failed', exception: 'no' });

    const other = '018f2f64-9d3a-7cc1-8a4e-0123456789ac';
    const rejected = runTask('Async', () => Promise.reject(error), { taskUuid: other });
    expect(await rejected.catch((reason: unknown) => reason)).toBe(error);
    expect(await record(other)).toMatchObject({ state: 'failed', exception: 'no' });
  });

  test('an error that a scope has reported is not reported again by the task', async () => {
    const { log } = recorded();
    const run = (): void =>
      runTask('Task', (updater) => updater.scope('Job', () => thrown(new Error('no'))), { taskUuid: UUID });
    expect(run).toThrow('no');
    expect(await log(UUID)).toBe(
      '\t - Job\n\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nError: no\n' +
        '\tTask Finished - 0 out of 1 jobs finished\n',
    );
  });

  test('that keeps errors in scopes throws none at the end either, where it is to raise none', async () => {
    const { record } = recorded();
    const value = runTask(
      'Sync',
      (updater) => {
        updater.scope('Job', () => thrown(new Error('no')));
        return updater.scope('Next', () => 42);
      },
      { taskUuid: UUID, suppressException: true, raiseLatestException: false },
    );
    expect(value).toBe(42);
    expect(await record(UUID)).toMatchObject({ state: 'failed', exception: 'no', jobs: { finished: 1, failed: 1 } });

    const { taskUuid, done } = await startTask('Async', async (updater) => updater.scope('Job', () => thrown(new Error('no'))), {
      suppressException: true,
      raiseLatestException: false,
    });
    expect(await done).toBeUndefined();
    expect(await record(taskUuid)).toMatchObject({ state: 'failed', exception: 'no' });
    const outside = (): unknown => runTask('Sync', () => thrown(new Error('outside')), { suppressException: true, raiseLatestException: false });
    expect(outside).toThrow('outside');
    expect(() => runTask('T', () => 1, { raiseLatestException: 'no' } as never)).toThrow('raiseLatestException: expected a boolean, got "no"');
  });

  test('an error that the function catches leaves a failed job and a completed task', async () => {
    const { record } = recorded();
    const value = runTask(
      'Task',
      (updater) => {
        try {
          return updater.scope('Job', (): string => thrown(new Error('no')));
        } catch {
          return 'fallback';
        }
      },
      { taskUuid: UUID },
    );
    expect(value).toBe('fallback');
    expect(await record(UUID)).toMatchObject({ state: 'completed', status: 1, jobs: { total: 1, failed: 1 } });
  });

  test('the error that ends it is its exception, though another one was reported later', async () => {
    const { record, log } = recorded();
    const [first, second] = [new Error('first'), new Error('second')];
    const run = (): void =>
      runTask(
        'Task',
        (updater) => {
          const cause = caught(() => updater.scope('One', () => thrown(first)));
          caught(() => updater.scope('Two', () => thrown(second)));
          throw cause;
        },
        { taskUuid: UUID },
      );
    expect(caught(run)).toBe(first);
    expect(await record(UUID)).toMatchObject({ state: 'failed', exception: 'first', jobs: { failed: 2 } });
    expect((await log(UUID)).match(/first/g)).toHaveLength(1);
  });

  test('with suppressException: true goes on after a failed scope, and throws its error at the end', async () => {
    const { record } = recorded();
    const error = new Error('no');
    const steps: string[] = [];
    const run = (): void =>
      runTask(
        'Task',
        (updater) => {
          updater.scope('Breaks', () => thrown(error));
          updater.scope('Works', () => steps.push('works'));
        },
        { taskUuid: UUID, suppressException: true },
      );
    expect(caught(run)).toBe(error);
    expect(steps).toEqual(['works']);
    expect(await record(UUID)).toMatchObject({ state: 'failed', jobs: { total: 2, finished: 1, failed: 1 } });

    const rejected = runTask('Async', async (updater) => updater.scope('Breaks', () => Promise.reject(error)), {
      suppressException: true,
    });
    expect(await rejected.catch((reason: unknown) => reason)).toBe(error);
  });

  test('with suppressException: true and no failure returns the result', async () => {
    recorded();
    expect(runTask('Sync', (updater) => updater.scope('Job', () => 1), { suppressException: true })).toBe(1);
    expect(await runTask('Async', async () => 2, { suppressException: true })).toBe(2);
  });

  test('a function may end its task itself', async () => {
    const { record } = recorded();
    runTask('Task', (updater) => updater.fail(new Error('by hand')), { taskUuid: UUID });
    expect(await record(UUID)).toMatchObject({ state: 'failed', exception: 'by hand' });
  });

  test('the function runs inside its task, outside any scope', async () => {
    const { attempts } = recorded();
    runTask(
      'Task',
      (updater) => {
        expect(currentUpdater()).toBe(updater);
        updater.notify('of the task');
      },
      { taskUuid: UUID },
    );
    const [attempt] = await attempts(UUID);
    expect(attempt).toMatchObject({ notifications: [{ message: 'of the task' }], scopes: [] });
    expect(currentUpdater()).toBeUndefined();
  });

  test('passes its options to its updater', async () => {
    const { record } = recorded();
    runTask('Task', () => undefined, { taskUuid: UUID, attempt: 3, attributes: { customer: 'acme' } });
    expect(await record(UUID)).toMatchObject({ attempt: 3, attributes: { customer: 'acme' } });
  });

  test('refuses what is no function, no name or no option, before anything begins', () => {
    expect(() => runTask('Task', 'fn' as never)).toThrow(new TypeError('runTask: expected a function, got "fn"'));
    expect(() => runTask(5 as never, () => undefined)).toThrow(TypeError);
    expect(() => runTask('Task', () => undefined, { uuid: UUID } as never)).toThrow('got "uuid"');
    expect(() => runTask('Task', () => undefined, { taskName: 'Other' } as never)).toThrow('got "taskName"');
    expect(() => runTask('Task', () => undefined, 5 as never)).toThrow(new TypeError('runTask: expected an object of options, got 5'));
  });
});

describe('track', () => {
  test('makes each call of a function a task of its own', async () => {
    const { record } = recorded();
    const uuids: string[] = [];
    const add = track('Add', (updater, one: number, other: number) => {
      uuids.push(updater.taskUuid);
      return one + other;
    });
    expect(add(1, 2)).toBe(3);
    expect(add(3, 4)).toBe(7);
    expect(new Set(uuids).size).toBe(2);
    for (const uuid of uuids) expect(await record(uuid)).toMatchObject({ task_name: 'Add', state: 'completed' });
  });

  test('names the task by the function where it is given no name', async () => {
    const { record } = recorded();
    const uuids: string[] = [];
    function addAll(updater: TaskUpdater<false>, ...numbers: number[]): number {
      uuids.push(updater.taskUuid);
      return numbers.reduce((sum, number) => sum + number, 0);
    }
    const add = track(addAll, { attributes: { unit: 'm' } });
    expectTypeOf(add).toEqualTypeOf<(this: unknown, ...numbers: number[]) => number>();
    expect(add(1, 2, 3)).toBe(6);
    expect(track(addAll.bind(undefined))(1)).toBe(1);
    track((updater) => uuids.push(updater.taskUuid))();
    const names = await Promise.all(uuids.map(async (uuid) => (await record(uuid)).task_name));
    expect(names).toEqual(['addAll', 'addAll', '(unnamed)']);
    expect(await record(uuids[0]!)).toMatchObject({ attributes: { unit: 'm' } });
    expect(() => track(addAll, { taskUuid: UUID } as never)).toThrow('track: expected');
  });

  test('keeps this, and asynchronous functions asynchronous', async () => {
    recorded();
    const calculator = {
      base: 10,
      add: track('Add', async function (this: { base: number }, _: TaskUpdater<false>, more: number) {
        await turn();
        return this.base + more;
      }),
    };
    expect(await calculator.add(5)).toBe(15);
  });

  test('throws the very error, and with suppressException: true at the end', () => {
    recorded();
    const error = new Error('no');
    const steps: string[] = [];
    const strict = track('Strict', () => thrown(error));
    const lenient = track(
      'Lenient',
      (updater) => {
        updater.scope('Breaks', () => thrown(error));
        steps.push('after');
      },
      { suppressException: true },
    );
    expect(caught(() => strict())).toBe(error);
    expect(caught(() => lenient())).toBe(error);
    expect(steps).toEqual(['after']);
  });

  test('refuses what is no function, no name or no option, when it is made and not when it is called', () => {
    expect(() => track('Task', null as never)).toThrow(new TypeError('track: expected a function, got null'));
    expect(() => track(5 as never, () => undefined)).toThrow(TypeError);
    expect(() => track('Task', () => undefined, { atempt: 2 } as never)).toThrow('got "atempt"');
    expect(() => track('Task', () => undefined, { taskName: 'Other' } as never)).toThrow('got "taskName"');
  });

  test('the types have the result', () => {
    const counted = track('Count', (_, text: string) => text.length);
    expectTypeOf(counted).parameters.toEqualTypeOf<[text: string]>();
    expectTypeOf(counted).returns.toEqualTypeOf<number>();
    expectTypeOf(runTask('T', async () => 1)).toEqualTypeOf<Promise<number>>();
    expectTypeOf<TaskOptions>().not.toHaveProperty('taskName');
  });
});
