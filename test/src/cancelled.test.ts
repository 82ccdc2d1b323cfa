import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runTask, TaskCancelledError, TaskUpdater, track } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import { cancelInbox, cancelLiveTask } from '../../src/worker.ts';
import { recorded } from './support/recorded.ts';
import { capturedStdout } from './support/stdout.ts';
import { caught, thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

/** Cancels a task as the collector does. */
function cancel({ taskUuid, spanId }: TaskUpdater<boolean>): void {
  cancelLiveTask(taskUuid, spanId);
}

const cancelledScope = (name: string): string => `\t - ${name}\n\t\tCancelled\n\t\tTime spent: 0h0m\n`;

describe('a cancelled task', () => {
  test('has a signal that is aborted, whose reason is named as those of other aborted calls', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const { signal } = updater;
    expect(signal.aborted).toBe(false);
    cancel(updater);
    expect(signal.aborted).toBe(true);
    expect(signal.reason).toBeInstanceOf(TaskCancelledError);
    expect(signal.reason).toMatchObject({ name: 'AbortError', code: 'TASKSPAN_CANCELLED', taskUuid: updater.taskUuid });
    expect(caught(() => signal.throwIfAborted())).toBe(signal.reason);
  });

  test('has an aborted signal that is read only afterwards, the same for all its scopes', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    let inner: Scope | undefined;
    updater.scope('S', (scope) => {
      inner = scope;
      cancel(updater);
    });
    expect(inner!.signal).toBe(updater.signal);
    expect(updater.signal.aborted).toBe(true);
  });

  test('stays cancelled by its first reason', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    cancel(updater);
    const { reason } = updater.signal;
    cancel(updater);
    expect(updater.signal.reason).toBe(reason);
  });

  test('runs no further scope: the reason is thrown before the function, and the using form throws it too', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    cancel(updater);
    const never = (): never => thrown(new Error('it ran'));
    expect(caught(() => updater.scope('S', never))).toBe(updater.signal.reason);
    expect(caught(() => updater.scope('S', async () => never()))).toBe(updater.signal.reason);
    expect(caught(() => updater.scope('S'))).toBe(updater.signal.reason);
    expect(caught(() => updater.scope('S', never, { suppressException: true }))).toBe(updater.signal.reason);
  });

  test.each([
    [{ by: 'ada', reason: 'wrong file' }, ' by ada: wrong file'],
    [{ by: 'ada' }, ' by ada'],
    [{ reason: 'wrong file' }, ': wrong file'],
  ])('knows who has asked and why, and notifies of it: %j', async (given, text) => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(cancelLiveTask(updater.taskUuid, updater.spanId, given)).toBe(true);
    const { reason } = updater.signal;
    expect(reason).toMatchObject({ by: undefined, reason: undefined, ...given, message: `task ${updater.taskUuid} was cancelled${text}` });
    expect(caught(() => updater.scope('S', () => undefined))).toBe(reason);
    updater.insertFinalUpdate();
    expect(await recording.log(updater)).toContain(`\tCancel requested${text}\n${cancelledScope('T')}`);
  });

  test('may be notified and may report progress, and nothing is thrown', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    cancel(updater);
    updater.plan(2);
    updater.notify('Cleaning up');
    updater.progress(1, 2);
    expect(updater.isOpen).toBe(true);
  });

  test('that blocks the event loop finds a request in shared memory at its next scope, its next item and its signal', () => {
    recorded();
    const before = { ...cancelInbox };
    onTestFinished(() => void Object.assign(cancelInbox, before));
    const waiting: TaskUpdater[] = [];
    cancelInbox.memory = new Int32Array(new SharedArrayBuffer(4));
    cancelInbox.word = 0;
    cancelInbox.seen = 0;
    cancelInbox.take = () => waiting.splice(0).forEach(cancel);
    const arrives = (updater: TaskUpdater): void => {
      waiting.push(updater);
      Atomics.add(cancelInbox.memory, 0, 1);
    };
    const [scoped, counting, looking] = ['A', 'B', 'C'].map((taskName) => new TaskUpdater({ taskName })) as [TaskUpdater, TaskUpdater, TaskUpdater];
    expect(caught(() => scoped.scope('Outer', (outer) => {
      outer.scope('Before', () => arrives(scoped));
      outer.scope('After', () => thrown(new Error('it ran')));
    }))).toMatchObject({ code: 'TASKSPAN_CANCELLED', taskUuid: scoped.taskUuid });
    const items: number[] = [];
    expect(caught(() => {
      for (const item of counting.each([1, 2, 3])) {
        items.push(item);
        if (item === 2) arrives(counting);
      }
    })).toMatchObject({ taskUuid: counting.taskUuid });
    expect(items).toEqual([1, 2]);
    arrives(looking);
    expect(looking.signal.aborted).toBe(true);
  });

  test('that has ended is not cancelled any more', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.complete();
    cancel(updater);
    expect(updater.signal.aborted).toBe(false);
    expect(await recording.record(updater)).toMatchObject({ state: 'completed', cancellable: false });
  });

  test('does not cancel another attempt of the same task', () => {
    recorded();
    const first = new TaskUpdater({ taskName: 'T' });
    const second = new TaskUpdater({ taskName: 'T', taskUuid: first.taskUuid, attempt: 2 });
    cancel(second);
    expect([first.signal.aborted, second.signal.aborted]).toEqual([false, true]);
  });
});

describe('a cancellation passes through suppression', () => {
  test.each([
    ['the reason itself', (scope: Scope) => thrown(scope.signal.reason)],
    ['an AbortError of Node', (scope: Scope) => pause(1000, undefined, { signal: scope.signal })],
    ['an AbortError of the web', () => thrown(new DOMException('stopped', 'AbortError'))],
  ])('as %s', async (_, stopped) => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    let error: unknown;
    await updater
      .scope('Outer', (outer) =>
        outer.scope('Inner', async (scope) => {
          await turn();
          cancel(updater);
          await stopped(scope);
        }),
      )
      ?.catch((reason: unknown) => (error = reason));
    expect(error).toMatchObject({ name: 'AbortError' });
    updater.insertFinalUpdate();
    updater.insertFinalUpdate();
    expect(caught(() => updater.raiseLatestException())).toBe(updater.signal.reason);
    expect(updater.latestException).toBeUndefined();
    expect(await recording.log(updater)).toBe(
      `\t - Outer\n${cancelledScope('Inner')}${cancelledScope('T')}\tTask Cancelled\n`,
    );
    expect(await recording.record(updater)).toMatchObject({
      state: 'cancelled', status: 0, finished: true, exception: '', jobs: { total: 0, finished: 0, failed: 0, running: 0 },
    });
  });

  test('but not the errors of the task, nor an AbortError that no cancellation has made', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Aborted by itself', () => thrown(new DOMException('stopped', 'AbortError')));
    updater.scope('Fails', () => {
      cancel(updater);
      throw new TypeError('no');
    });
    expect(await recording.record(updater)).toMatchObject({ exception: 'no', jobs: { failed: 2 } });
  });
});

describe('the end of a cancelled task', () => {
  test('that runTask runs is cancelled, and the reason is thrown', async () => {
    const recording = recorded();
    let updater: TaskUpdater<boolean>;
    const running = runTask('T', async (own) => {
      updater = own;
      await turn();
      own.scope('S', () => undefined);
    });
    cancel(updater!);
    await expect(running).rejects.toBe(updater!.signal.reason);
    expect(await recording.record(updater!)).toMatchObject({ state: 'cancelled', exception: '' });
  });

  test('that track or a synchronous runTask runs is cancelled too', async () => {
    const recording = recorded();
    const updaters: TaskUpdater<boolean>[] = [];
    const work = (own: TaskUpdater<boolean>): void => {
      updaters.push(own);
      cancel(own);
      for (const _ of own.each([1, 2])) throw new Error('it ran');
    };
    expect(caught(track('T', work))).toMatchObject({ code: 'TASKSPAN_CANCELLED' });
    expect(caught(() => runTask('T', work, { suppressException: true }))).toMatchObject({ code: 'TASKSPAN_CANCELLED' });
    for (const updater of updaters) expect(await recording.record(updater)).toMatchObject({ state: 'cancelled' });
  });

  test('is up to its function, if that catches the reason and returns', async () => {
    const recording = recorded();
    const own = runTask('T', (updater) => {
      cancel(updater);
      caught(() => updater.scope('S', () => undefined));
      return updater;
    });
    expect(await recording.record(own)).toMatchObject({ state: 'completed' });
  });

  test('is completed or failed if no cancellation was thrown', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('S', () => cancel(updater));
    updater.raiseLatestException();
    expect(await recording.record(updater)).toMatchObject({ state: 'completed', jobs: { finished: 1 } });
  });

  test('by using without complete() is cancelled, and so is a scope', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    {
      using own = updater;
      using scope = own.scope('S');
      cancel(own);
      expect(scope.signal.aborted).toBe(true);
    }
    expect(await recording.record(updater)).toMatchObject({ state: 'cancelled', exception: '' });
    expect(await recording.log(updater)).toBe(`${cancelledScope('S')}${cancelledScope('T')}\tTask Cancelled\n`);
  });

  test('is printed as it is logged', async () => {
    const recording = recorded();
    const printed = capturedStdout();
    const updater = new TaskUpdater({ taskName: 'T', verbose: true });
    caught(() =>
      updater.scope('Outer', (outer) => {
        outer.scope('Done', () => undefined);
        outer.scope('Inner', () => {
          cancel(updater);
          updater.scope('Never', () => undefined);
        });
      }),
    );
    updater.insertFinalUpdate();
    expect(await recording.log(updater)).toBe(printed());
    expect(printed()).toContain('\tTask Cancelled - 1 out of 1 jobs finished\n');
  });

  test('leaves its spans without an error', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    caught(() => updater.scope('S', (scope) => (cancel(updater), thrown(scope.signal.reason))));
    updater.insertFinalUpdate();
    for (const name of ['S', 'T']) {
      const { status, attributes, events } = await recording.span(name);
      expect(status.code).toBe(0);
      expect(attributes).toMatchObject({ 'taskspan.outcome': 'cancelled' });
      expect(attributes['taskspan.error'] ?? '').toBe('');
      expect(events).toEqual([]);
    }
  });
});

describe('each', () => {
  test('counts the item before, takes no further one, and closes what it iterates', async () => {
    const recording = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const asked: number[] = [];
    let closed = 0;
    const items = {
      *[Symbol.iterator]() {
        try {
          for (let item = 0; ; item++) yield (asked.push(item), item);
        } finally {
          closed++;
        }
      },
    };
    const error = caught(() =>
      updater.scope('S', (scope) => {
        for (const item of scope.each(items, { total: 10 })) if (item === 2) cancel(updater);
      }),
    );
    expect(error).toBe(updater.signal.reason);
    expect({ asked, closed }).toEqual({ asked: [0, 1, 2], closed: 1 });
    updater.insertFinalUpdate();
    expect((await recording.attempts(updater))[0]!.scopes[0]).toMatchObject({ outcome: 'cancelled', done: 3, total: 10 });
  });

  test('does so of an async iterable, whatever its closing throws', async () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const asked: number[] = [];
    let closed = 0;
    const items: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: asked.push(asked.length) - 1 }),
        return: () => (closed++, Promise.reject(new Error('can not be closed'))),
      }),
    };
    const running = updater.scope('S', async (scope) => {
      for await (const item of scope.each(items)) if (item === 2) cancel(updater);
    });
    await expect(running).rejects.toMatchObject({ code: 'TASKSPAN_CANCELLED' });
    expect({ asked, closed }).toEqual({ asked: [0, 1, 2], closed: 1 });
  });
});
