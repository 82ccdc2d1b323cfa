import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { IncompleteError, TaskUpdater } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import { diagnosed } from './support/diagnosed.ts';
import { recorded } from './support/recorded.ts';
import { caught, thrown } from './support/thrown.ts';

describe('errors', () => {
  test('are all that were reported, the very objects, once each, with the scopes around them', () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    const [row, file, own] = [new Error('row'), 'file', new Error('own')];
    expect(updater.errors).toEqual([]);
    updater.scope('Write', () => {
      updater.scope('Row 7', () => thrown(row));
      updater.scope('Row 8', () => thrown(row), { suppressException: false });
    });
    updater.scope('Close', () => thrown(file));
    updater.fail(own);
    expect(updater.errors).toEqual([
      { error: row, path: ['Write', 'Row 7'] },
      { error: row, path: ['Write', 'Row 8'] },
      { error: file, path: ['Close'] },
      { error: own, path: [] },
    ]);
    expect(updater.errors[0]!.error).toBe(row);
  });

  test('are the last hundred of many', () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    for (let at = 1; at <= 250; at++) updater.scope('Row', () => thrown(at));
    expect(updater.errors.map(({ error }) => error)).toEqual(Array.from({ length: 100 }, (_, at) => at + 151));
  });
});

describe('raiseLatestException', () => {
  test('throws the very object that the latest failing scope threw, each time it is asked', async () => {
    const { record, log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const [first, second] = [new Error('first'), new Error('second')];
    updater.scope('One', () => thrown(first));
    updater.scope('Two', () => thrown(second));
    expect(updater.latestException).toBe(second);
    expect(caught(() => updater.raiseLatestException())).toBe(second);
    const ended = await record(updater);
    expect(ended).toMatchObject({ finished: true, status: 0, exception: 'second' });
    expect(caught(() => updater.raiseLatestException())).toBe(second);
    expect(await record(updater)).toEqual(ended);
    expect((await log(updater)).match(/Task Finished/g)).toHaveLength(1);
  });

  test('ends a task in which nothing failed, and does not throw', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => undefined);
    updater.raiseLatestException();
    expect(updater.isOpen).toBe(false);
    expect(updater.latestException).toBeUndefined();
    expect(await record(updater)).toMatchObject({ finished: true, status: 1, exception: '' });
  });

  test('throws after another end too', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const error = new Error('no');
    updater.scope('Job', () => thrown(error));
    updater.complete();
    expect(caught(() => updater.raiseLatestException())).toBe(error);
  });

  test.each([undefined, null, '', 0, false])('throws %o if that was thrown', async (value) => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => thrown(value));
    let raised: unknown = 'nothing';
    try {
      updater.raiseLatestException();
    } catch (error) {
      raised = error;
    }
    expect(raised).toBe(value);
    expect(await record(updater)).toMatchObject({ status: 0, jobs: { failed: 1 } });
    expect((await record(updater)).exception).not.toBe('');
  });
});

describe('insertFinalUpdate', () => {
  test('fails the task if a job failed, and does not throw', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => thrown(new Error('no')));
    updater.insertFinalUpdate();
    expect(await record(updater)).toMatchObject({ state: 'failed', status: 0, exception: 'no' });
  });

  test('a second time changes nothing, nor does another way to end', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.insertFinalUpdate();
    const ended = await record(updater);
    updater.insertFinalUpdate();
    updater.complete();
    updater.fail(new Error('too late'));
    updater[Symbol.dispose]();
    expect(await record(updater)).toEqual(ended);
    expect(ended).toMatchObject({ state: 'completed', exception: '' });
  });
});

describe('complete and fail', () => {
  test('complete ends the task as completed whatever became of its jobs', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => thrown(new Error('handled')));
    updater.complete();
    expect(await record(updater)).toMatchObject({ state: 'completed', status: 1, jobs: { total: 1, failed: 1 } });
  });

  test('fail ends the task by an error, which is logged under the task\'s name', async () => {
    const { record, log } = recorded();
    const updater = new TaskUpdater({ taskName: 'Nightly' });
    updater.fail(new RangeError('no disk'));
    expect(await log(updater)).toBe(
      '\t - Nightly\n\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nRangeError: no disk\n' +
        '\tTask Finished\n',
    );
    expect(await record(updater)).toMatchObject({ state: 'failed', exception: 'no disk' });
  });
});

describe('using', () => {
  test('a scope that is completed in its block has succeeded', async () => {
    const { record, log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    {
      using scope = updater.scope('Job');
      scope.notify('Working');
      scope.complete();
    }
    expect(await log(updater)).toBe('\t - Job\n\tWorking\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n');
    expect((await record(updater)).jobs).toMatchObject({ total: 1, finished: 1 });
  });

  test("a scope that is left without complete has failed as incomplete, and the block's error passes", async () => {
    const { record, log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const error = new Error('in the block');
    const block = (): void => {
      using scope = updater.scope('Job');
      scope.notify('Working');
      throw error;
    };
    expect(caught(block)).toBe(error);
    expect(updater.latestException).toBeInstanceOf(IncompleteError);
    expect(updater.latestException).toMatchObject({ name: 'IncompleteError', code: 'TASKSPAN_INCOMPLETE' });
    expect(await log(updater)).toContain('IncompleteError: "Job" was disposed of without complete()\n');
    expect((await record(updater)).jobs).toMatchObject({ total: 1, failed: 1 });
  });

  test('a scope can report the error that its block caught', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    {
      using scope = updater.scope('Job');
      scope.fail(new Error('known'));
    }
    expect(await record(updater)).toMatchObject({ exception: 'known', jobs: { total: 1, failed: 1 } });
  });

  test('calls of the updater in the block belong to the scope around it; run makes the scope the innermost', async () => {
    const { attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Around', () => {
      using scope = updater.scope('Block');
      updater.notify('around');
      scope.run(() => updater.notify('block'));
      scope.complete();
    });
    const [attempt] = await attempts(updater);
    const around = attempt!.scopes[0]!;
    expect(messagesOf(around)).toEqual(['around']);
    expect(messagesOf(around.scopes[0]!)).toEqual(['block']);
  });

  test('a task that is left without an end has failed as incomplete', async () => {
    const { record, log } = recorded();
    let updater: TaskUpdater;
    {
      using own = new TaskUpdater({ taskName: 'Nightly' });
      own.scope('Job', () => undefined);
      updater = own;
    }
    expect(updater.isOpen).toBe(false);
    expect(await record(updater)).toMatchObject({
      state: 'failed',
      exception: '"Nightly" was disposed of without complete()',
    });
    expect(await log(updater)).toContain('\t - Nightly\n\t\tFailed\n');
  });

  test('a task that was ended in its block stays as it ended', async () => {
    const { record } = recorded();
    let updater: TaskUpdater;
    {
      using own = new TaskUpdater({ taskName: 'Nightly' });
      own.complete();
      updater = own;
    }
    expect(await record(updater)).toMatchObject({ state: 'completed', exception: '' });
  });
});

describe('setResult', () => {
  test('is null until a result is given, and of several the last one counts', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    expect((await record(updater)).result).toBeNull();
    updater.setResult({ rows: 3, names: ['a', 'b'] });
    expect((await record(updater)).result).toEqual({ rows: 3, names: ['a', 'b'] });
    updater.scope('Job', () => updater.setResult('of the task, wherever it is given'));
    updater.insertFinalUpdate();
    expect((await record(updater)).result).toBe('of the task, wherever it is given');
  });

  test("is never a function's return value", async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => 'returned');
    updater.complete();
    expect((await record(updater)).result).toBeNull();
  });

  test('is what JSON makes of the value', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.setResult({ at: new Date(0), gone: undefined, nan: NaN, text: '\u{1f600}\ud800\0"</script>' });
    expect((await record(updater)).result).toEqual({
      at: '1970-01-01T00:00:00.000Z',
      nan: null,
      text: '\u{1f600}\ud800\0"</script>',
    });
  });

  test.each([
    ['undefined', undefined, 'undefined'],
    ['a function', () => 1, 'a function'],
    ['a symbol', Symbol('s'), 'Symbol(s)'],
    ['a circle', circle(), 'a value that can not be shown'],
  ])('leaves out %s, and reports what came', async (_, value, shown) => {
    const { record } = recorded();
    const reports = diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.setResult(value);
    expect((await record(updater)).result).toBeNull();
    expect(reports).toEqual([`taskspan: setResult() of task ${updater.taskUuid} is dropped: JSON can't write ${shown}`]);
  });

  test('is written by JSON.stringify alone where it has no bigint, since a replacer makes it slow', () => {
    const stringify = vi.spyOn(JSON, 'stringify');
    onTestFinished(() => stringify.mockRestore());
    const rows = [{ id: 1 }];
    new TaskUpdater({ taskName: 'T' }).setResult(rows);
    expect(stringify.mock.calls.filter(([value]) => value === rows)).toEqual([[rows]]);
  });

  test('has a bigint as text', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.setResult({ rows: 5n });
    expect((await record(updater)).result).toEqual({ rows: '5' });
  });

  test('has no effect after the end, which diag reports', async () => {
    const { record } = recorded();
    const warnings = diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.complete();
    updater.setResult(1);
    expect((await record(updater)).result).toBeNull();
    expect(warnings).toEqual([`taskspan: setResult() after the end of task ${updater.taskUuid} is dropped`]);
  });
});

describe('the ends of a scope', () => {
  test.each<[string, (scope: Scope) => void, string]>([
    ['complete', (scope) => scope.complete(), 'completed'],
    ['fail', (scope) => scope.fail(new Error('no')), 'failed'],
  ])('%s ends it once: what comes later changes nothing', async (_, end, outcome) => {
    const { attempts, log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const scope = updater.scope('Job');
    end(scope);
    const before = [await attempts(updater), await log(updater)];
    scope.complete();
    scope.fail(new Error('later'));
    scope[Symbol.dispose]();
    expect([await attempts(updater), await log(updater)]).toEqual(before);
    expect((await attempts(updater))[0]!.scopes[0]!.outcome).toBe(outcome);
    expect(updater.latestException).not.toMatchObject({ message: 'later' });
  });
});

function messagesOf(scope: { notifications: { message: string }[] }): string[] {
  return scope.notifications.map(({ message }) => message);
}

function circle(): unknown {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  return circular;
}
