import { EventEmitter } from 'node:events';
import { describe, expect, test } from 'vitest';
import { currentUpdater, notify, progress, runTask, TaskUpdater } from '../../src/index.ts';
import type { AttemptRecord, ScopeRecord } from '../../collector/index.ts';
import { recorded } from './support/recorded.ts';
import { turn } from './support/turn.ts';

describe('a notification belongs to the innermost scope of the code that makes it', () => {
  test('across awaits, timers, microtasks and callbacks', async () => {
    const { attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    await updater.scope('Outer', async () => {
      await updater.scope('Inner', async () => {
        notify('at once');
        await turn();
        notify('after an await');
        await new Promise<void>((resolve) => {
          setTimeout(() => {
            notify('in a timer');
            resolve();
          }, 0);
        });
        await new Promise<void>((resolve) => {
          queueMicrotask(() => {
            updater.notify('in a microtask');
            resolve();
          });
        });
        const emitter = new EventEmitter();
        emitter.on('data', () => updater.notify('in a callback'));
        emitter.emit('data');
      });
      notify('after the scope');
    });
    const [outer] = (await attempts(updater))[0]!.scopes;
    expect(messagesOf(outer!)).toEqual(['after the scope']);
    expect(messagesOf(outer!.scopes[0]!)).toEqual([
      'at once',
      'after an await',
      'in a timer',
      'in a microtask',
      'in a callback',
    ]);
  });

  test('in each of many scopes that run in parallel, however their steps interleave', async () => {
    const { attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const names = Array.from({ length: 20 }, (_, at) => `Part ${at}`);
    await updater.scope('All', () =>
      Promise.all(
        names.map((name, at) =>
          updater.scope(name, async () => {
            for (let step = 0; step < 3; step++) {
              for (let turns = (at * 7 + step * 3) % 5; turns >= 0; turns--) await turn();
              deepInside(`${name}, step ${step}`);
            }
          }),
        ),
      ),
    );
    const scopes = (await attempts(updater))[0]!.scopes[0]!.scopes;
    expect(scopes.map(({ name }) => name)).toEqual(names);
    for (const scope of scopes) {
      expect(messagesOf(scope)).toEqual([0, 1, 2].map((step) => `${scope.name}, step ${step}`));
    }
  });

  test('of the task itself where no scope is open', async () => {
    const { attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.notify('by the updater');
    updater.run(() => notify('by the module'));
    notify('outside any task');
    expect(messagesOf((await attempts(updater))[0]!)).toEqual(['by the updater', 'by the module']);
  });

  test('of a scope belongs to that scope, wherever the code runs', async () => {
    const { attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Outer', (outer) => {
      updater.scope('Inner', () => outer.notify('to the outer one'));
    });
    const [outer] = (await attempts(updater))[0]!.scopes;
    expect(messagesOf(outer!)).toEqual(['to the outer one']);
  });

  test('that has ended goes to the nearest scope around it that is open', async () => {
    const { attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    let later: () => void = () => undefined;
    updater.scope('Outer', (outer) => {
      const ended = outer.scope('Middle').scope('Inner');
      later = () => ended.notify('late');
      ended.run(() => notify('in time'));
      ended.complete();
      later();
    });
    later();
    const [attempt] = await attempts(updater);
    const outer = attempt!.scopes[0]!;
    const middle = outer.scopes[0]!;
    const messages = [attempt!, outer, middle, middle.scopes[0]!].map(messagesOf);
    expect(messages).toEqual([[], [], ['late', 'late'], ['in time']]);
    expect(middle.outcome).toBe('running');
  });
});

describe('two tasks in the same code', () => {
  test('stay apart: each updater reports on its own task', async () => {
    const { attempts } = recorded();
    const outer = new TaskUpdater({ taskName: 'Outer' });
    const inner = new TaskUpdater({ taskName: 'Inner' });
    outer.scope('Outer scope', () => {
      inner.scope('Inner scope', () => {
        outer.notify('to the outer task');
        inner.notify('to the inner task');
        notify('to the innermost scope');
        expect(currentUpdater()).toBe(inner);
        outer.scope('Another', () => expect(currentUpdater()).toBe(outer));
      });
      expect(currentUpdater()).toBe(outer);
    });
    expect(treeOf((await attempts(inner))[0]!)).toEqual([
      'Inner',
      [['Inner scope: to the inner task, to the innermost scope', []]],
    ]);
    expect(treeOf((await attempts(outer))[0]!)).toEqual([
      'Outer: to the outer task',
      [
        ['Outer scope', []],
        ['Another', []],
      ],
    ]);
  });

  test('a task inside a scope of another task is a task of its own', async () => {
    const { record, attempts } = recorded();
    const outer = new TaskUpdater({ taskName: 'Outer' });
    const uuid = outer.scope('Scope', () =>
      runTask('Inner', (inner) => {
        inner.scope('Job', () => undefined);
        return inner.taskUuid;
      }),
    );
    expect(await record(uuid!)).toMatchObject({ task_name: 'Inner', jobs: { total: 1 } });
    expect(treeOf((await attempts(outer))[0]!)).toEqual(['Outer', [['Scope', []]]]);
  });
});

describe('outside any task', () => {
  test('notify and progress do nothing, and there is no updater', async () => {
    const { spans } = recorded();
    notify('to nobody');
    progress(1, 2);
    expect(currentUpdater()).toBeUndefined();
    await turn();
    expect(await spans()).toEqual([]);
  });

  test('is also the code after a task that it awaited', async () => {
    recorded();
    await runTask('T', async () => turn());
    expect(currentUpdater()).toBeUndefined();
    await expect(runTask('T', async () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(currentUpdater()).toBeUndefined();
  });
});

describe('module-level progress', () => {
  test('is the progress of the innermost scope', async () => {
    const { attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Outer', () => updater.scope('Inner', () => progress(1, 4)));
    const [outer] = (await attempts(updater))[0]!.scopes;
    expect(outer!.scopes[0]).toMatchObject({ done: 1, total: 4 });
    expect(outer).toMatchObject({ done: null, total: null });
  });
});

function deepInside(message: string): void {
  notify(message);
}

function messagesOf(scope: ScopeRecord): string[] {
  return scope.notifications.map(({ message }) => message);
}

type Tree = [string, Tree[]];

function treeOf(scope: ScopeRecord | AttemptRecord): Tree {
  const messages = messagesOf(scope).join(', ');
  return [messages === '' ? scope.name : `${scope.name}: ${messages}`, scope.scopes.map(treeOf)];
}
