import { beforeEach, describe, expect, test } from 'vitest';
import { currentUpdater, TaskUpdater } from '../../src/index.ts';
import type { Scope } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';
import type { Recorded } from './support/recorded.ts';
import { capturedStdout } from './support/stdout.ts';
import { diagnosed } from './support/diagnosed.ts';
import { caught, thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

let recording: Recorded;
let warnings: string[];

beforeEach(() => {
  recording = recorded();
  warnings = diagnosed();
});

describe('after the end of a task', () => {
  test('notify, progress, plan and each are dropped, which diag reports once', async () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.complete();
    const ended = await recording.record(updater);
    updater.notify('too late');
    updater.notify('too late again');
    updater.progress(1, 2);
    updater.plan(3);
    expect([...updater.each([1, 2])]).toEqual([1, 2]);
    expect(await recording.record(updater)).toEqual(ended);
    expect(warnings).toEqual([`taskspan: notify() after the end of task ${updater.taskUuid} is dropped`]);
  });

  test('progress and plan of an ended scope are dropped, and those of the task go to the scope around it', async () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    const outer = updater.scope('Outer');
    await outer.run(async () => {
      const inner = outer.scope('Inner');
      inner.complete();
      inner.progress(1, 2);
      inner.plan(3);
      expect((await recording.attempts(updater))[0]!.scopes[0]).toMatchObject({ progress: null, done: null });
      inner.run(() => updater.progress(1, 4));
      expect((await recording.attempts(updater))[0]!.scopes[0]).toMatchObject({ done: 1, total: 4 });
    });
    expect(warnings).toEqual([
      'taskspan: progress() of "Inner" after its end is dropped',
      'taskspan: plan() of "Inner" after its end is dropped',
    ]);
  });

  test('wrong arguments are TypeErrors all the same', () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.complete();
    expect(() => updater.notify(1 as never)).toThrow(TypeError);
    expect(() => updater.progress('1' as never)).toThrow(TypeError);
    expect(() => updater.plan('a' as never)).toThrow(TypeError);
    expect(() => updater.scope(5 as never, () => undefined)).toThrow(TypeError);
  });

  test('a new scope runs its function and is not recorded, nor are the scopes inside it', async () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.complete();
    const ended = await recording.record(updater);
    const value = updater.scope('Late', (late) => {
      late.notify('unheard');
      updater.notify('unheard too');
      expect(currentUpdater()).toBe(updater);
      return late.scope('Later', () => 42);
    });
    expect(value).toBe(42);
    expect(await updater.scope('Late', async () => turn().then(() => 43))).toBe(43);
    using block = updater.scope('Block');
    block.notify('unheard');
    block.complete();
    expect(await recording.record(updater)).toEqual(ended);
    expect((await recording.spans()).map(({ name }) => name)).toEqual(['T']);
    expect(warnings).toEqual([`taskspan: scope "Late" after the end of task ${updater.taskUuid} runs unrecorded`]);
  });

  test('an error in such a scope is suppressed or rethrown as before, and is not the latest exception', () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.complete();
    const error = new Error('late');
    expect(updater.scope('Late', () => thrown(error))).toBeUndefined();
    expect(caught(() => updater.scope('Late', () => thrown(error), { suppressException: false }))).toBe(error);
    expect(updater.latestException).toBeUndefined();
    updater.raiseLatestException();
  });

  test('a scope that is still open goes on and is logged after the end, and changes neither state nor exception', async () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    const open = updater.scope('Straggler');
    updater.complete();
    const ended = await recording.record(updater);
    // A finished task has nothing that runs.
    expect(ended.jobs).toEqual({ total: 0, finished: 0, failed: 0, running: 0 });
    open.notify('still here');
    open.fail(new Error('straggled'));
    const record = await recording.record(updater);
    expect(record).toMatchObject({
      state: 'completed',
      status: 1,
      end: ended.end,
      exception: '',
      jobs: { total: 1, finished: 0, failed: 1, running: 0 },
    });
    expect(record.log).toBe(
      `\t - Straggler\n\tTask Finished - 0 out of 1 jobs finished\n\t - Straggler (continued)\n\tstill here\n` +
        '\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nError: straggled\n',
    );
    expect(warnings).toEqual([]);
  });

  test('a scope inside one that is still open is not recorded', async () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    const open = updater.scope('Straggler');
    updater.complete();
    expect(open.scope('Inside', () => 1)).toBe(1);
    open.complete();
    expect((await recording.spans()).map(({ name }) => name)).toEqual(['T', 'Straggler']);
  });

  test('nothing more is printed with verbose', () => {
    const printed = capturedStdout();
    const updater = new TaskUpdater({ taskName: 'T', verbose: true });
    updater.complete();
    updater.notify('too late');
    updater.scope('Late', () => updater.notify('too late'));
    updater.complete();
    expect(printed()).toBe('\tTask Finished\n');
  });
});

describe('a scope that outlives its parent', () => {
  test('is logged under its own name, and its facts stay its own', async () => {
    const updater = new TaskUpdater({ taskName: 'T' });
    let child: Scope | undefined;
    updater.scope('Parent', (parent) => {
      child = parent.scope('Child');
    });
    updater.scope('Next', () => updater.notify('meanwhile'));
    child!.notify('still here');
    child!.scope('Grandchild', () => undefined);
    child!.complete();
    updater.insertFinalUpdate();
    const done = '\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n';
    expect(await recording.log(updater)).toBe(
      `\t - Parent\n\t - Child\n\t - Next\n\tmeanwhile\n${done}\t - Child (continued)\n\tstill here\n` +
        `\t - Grandchild\n${done}\tTask Finished - 2 out of 2 jobs finished\n`,
    );
    const parent = (await recording.attempts(updater))[0]!.scopes[0]!;
    expect(parent).toMatchObject({
      name: 'Parent',
      outcome: 'completed',
      scopes: [{ name: 'Child', outcome: 'completed' }],
    });
    expect(parent.end! < parent.scopes[0]!.end!).toBe(true);
  });
});
