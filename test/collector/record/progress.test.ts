import { describe, expect, test } from 'vitest';
import { progressOf } from '../../../collector/record/scope-state.ts';
import type { ScopeRecord } from '../../../src/task-record.ts';
import { folded, taskAfter } from './folding.ts';
import { ScriptedTask } from './scripted-task.ts';
import type { ScriptedAttempt } from './scripted-task.ts';

const ERROR = { name: 'Error', message: 'x' };

/** The attempt as the tree shows it after a script, the same in both orders of its facts. */
function attemptAfter(script: (attempt: ScriptedAttempt, task: ScriptedTask) => void): ScopeRecord {
  const task = new ScriptedTask();
  script(task.attempt(), task);
  const [attempt] = folded(taskAfter([task.facts])).tree;
  expect(folded(taskAfter(task.facts.toReversed().map((fact) => [fact]))).tree).toEqual([attempt]);
  return attempt!;
}

describe('progress', () => {
  test('is the record\'s as it is the task span\'s', () => {
    const task = new ScriptedTask();
    task.attempt().progress(3, 4);
    expect(folded(taskAfter([task.facts])).summary['progress']).toBe(0.75);
  });

  test('is not known while none is reported, or none with a total', () => {
    const attempt = attemptAfter((run) => {
      run.progress(7);
      run.scope('Read file');
    });
    expect(attempt).toMatchObject({ progress: null, done: 7, total: null });
    expect(attempt.scopes[0]!.progress).toBeNull();
  });

  test('is the greatest share that was reported, though the last numbers reported are shown', () => {
    const attempt = attemptAfter((run) => {
      run.progress(5, 10);
      run.progress(6, 100);
    });
    expect(attempt).toMatchObject({ progress: 0.5, done: 6, total: 100 });
  });

  test.each([[12, 10, 1], [0, 0, 1], [0, 10, 0]])('of %d steps out of %d is %d', (done, total, share) => {
    expect(attemptAfter((run) => run.progress(done, total)).progress).toBe(share);
  });

  test('of what has completed is 1, and of what has failed stays where it was', () => {
    const { scopes } = attemptAfter((run) => {
      const [completed, failed] = [run.scope('Completed'), run.scope('Failed')];
      completed.progress(1, 2);
      failed.progress(1, 2);
      completed.complete();
      failed.fail(ERROR);
    });
    expect(scopes.map((scope) => scope.progress)).toEqual([1, 0.5]);
  });

  test('by a number of scopes is what they have done of it, whatever their names', () => {
    expect(
      attemptAfter((run) => {
        run.plan(4);
        run.scope('Read file').complete();
        run.scope('Read file').progress(1, 2);
        run.scope('Write rows');
      }).progress,
    ).toBe(0.375);
  });

  test('by a plan counts what has failed as over, and never goes beyond 1', () => {
    expect(
      attemptAfter((run) => {
        run.plan(2);
        run.scope('Read file').fail(ERROR);
      }).progress,
    ).toBe(0.5);
    expect(
      attemptAfter((run) => {
        run.plan(1);
        for (let at = 0; at < 3; at++) run.scope('Read file').complete();
      }).progress,
    ).toBe(1);
  });

  test('by names and weights counts each name by the most that one scope of it has done', () => {
    expect(
      attemptAfter((run) => {
        run.plan({ 'Read file': 1, 'Write rows': 3 });
        run.scope('Read file').progress(1, 2);
        run.scope('Read file').progress(1, 4);
        run.scope('Write rows').progress(1, 4);
        run.scope('Not planned').complete();
      }).progress,
    ).toBe(0.3125);
  });

  test('rises through plans within plans, of both kinds', () => {
    expect(
      attemptAfter((run) => {
        run.plan(2);
        const part = run.scope('Part');
        part.plan({ 'Read file': 1, 'Write rows': 1 });
        const read = part.scope('Read file');
        read.plan(4);
        read.scope('Header').complete();
        read.scope('Body').progress(1, 2);
      }).progress,
    ).toBe(0.09375);
  });

  test('is the greater of what a scope reported itself and what its plan gives', () => {
    expect(
      attemptAfter((run) => {
        run.plan(2);
        run.progress(1, 10);
        run.scope('Read file').complete();
      }).progress,
    ).toBe(0.5);
  });

  test('goes by a scope\'s first plan, whichever plan comes first', () => {
    expect(
      attemptAfter((run) => {
        run.plan({ 'Read file': 1, 'Write rows': 3 });
        run.plan({ 'Read file': 1, 'Write rows': 1 });
        run.scope('Read file').complete();
      }).progress,
    ).toBe(0.25);
  });

  test('goes by weights whose sum no number can hold', () => {
    expect(
      attemptAfter((run) => {
        run.plan(2);
        const part = run.scope('Part');
        part.plan({ 'Read file': 1.5e308, 'Write rows': 1.5e308 });
        part.scope('Read file').complete();
        part.scope('Write rows').progress(1, 2);
      }),
    ).toMatchObject({ progress: 0.375, scopes: [{ progress: 0.75 }] });
  });

  test('in a circle of scopes, which only a foreign sender can make, comes to an end', () => {
    const task = new ScriptedTask();
    const outer = task.attempt().scope('Outer');
    outer.plan(1);
    const inner = outer.scope('Inner');
    inner.plan(1);
    inner.scope('Step').progress(1, 1_000_000);
    const circle = task.facts.map((fact) =>
      fact.kind === 'scope-start' && fact.name === 'Outer' ? { ...fact, parentSpanId: inner.ref.spanId } : fact,
    );
    const folds = taskAfter([circle]);
    const [share] = [...folds.scopes].filter(({ name }) => name === 'Outer').map(progressOf);
    // Gone round again and again it would be whole.
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(0.001);
  });

  test('of two attempts is the latest one\'s', () => {
    const task = new ScriptedTask();
    task.attempt().progress(3, 4);
    task.attempt().progress(1, 4);
    expect(folded(taskAfter([task.facts])).summary['progress']).toBe(0.25);
  });
});
