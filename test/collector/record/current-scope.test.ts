import { describe, expect, test } from 'vitest';
import type { CurrentScope } from '../../../src/task-record.ts';
import { folded, taskAfter } from './folding.ts';
import { ScriptedTask } from './scripted-task.ts';

/** What a task is doing after all its facts, by its record. */
function currentOf(task: ScriptedTask): CurrentScope | null {
  return folded(taskAfter([task.facts])).summary['current'] as CurrentScope | null;
}

describe('what a task is doing', () => {
  test('is the scope that has begun last, with the steps that it has done', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    expect(currentOf(task)).toBeNull();
    const write = attempt.scope('Write rows');
    expect(currentOf(task)).toEqual({ name: 'Write rows', span_id: write.ref.spanId, done: null, total: null, share: null });
    write.progress(1204);
    expect(currentOf(task)).toMatchObject({ done: 1204, total: null, share: null });
    write.progress(1204, 5000);
    expect(currentOf(task)).toMatchObject({ name: 'Write rows', done: 1204, total: 5000, share: 0.2408 });
    write.progress(6000, 5000);
    expect(currentOf(task)).toMatchObject({ done: 6000, total: 5000, share: 1 });
    write.progress(0, 0);
    expect(currentOf(task)).toMatchObject({ done: 0, total: 0, share: 1 });
  });

  test('of scopes that run side by side is the one that has reported last', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    const tokyo = attempt.scope('Tokyo');
    const berlin = attempt.scope('Berlin');
    expect(currentOf(task)).toMatchObject({ name: 'Berlin' });
    tokyo.progress(1, 10);
    expect(currentOf(task)).toMatchObject({ name: 'Tokyo', done: 1 });
    berlin.notify('a notification is no step');
    expect(currentOf(task)).toMatchObject({ name: 'Tokyo' });
    tokyo.complete();
    // Berlin has not reported since.
    expect(currentOf(task)).toBeNull();
    berlin.progress(2, 3);
    expect(currentOf(task)).toMatchObject({ name: 'Berlin', done: 2 });
  });

  test('goes back to the scope around one that has ended', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    const outer = attempt.scope('Write');
    const inner = outer.scope('Write customers');
    inner.scope('Write one').complete();
    expect(currentOf(task)).toMatchObject({ name: 'Write customers' });
    inner.complete();
    expect(currentOf(task)).toMatchObject({ name: 'Write' });
    outer.complete();
    expect(currentOf(task)).toBeNull();
    attempt.progress(1, 2);
    expect(currentOf(task)).toBeNull();
  });

  test('is nothing after its end, also where scopes are still open', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    attempt.scope('Write rows');
    attempt.complete();
    expect(currentOf(task)).toBeNull();
  });

  test('is what its latest attempt does', () => {
    const task = new ScriptedTask();
    task.attempt({ number: 1 }).scope('Old');
    task.attempt({ number: 2 });
    expect(currentOf(task)).toBeNull();
  });

  test('has no name while the start of the scope has not arrived', () => {
    const task = new ScriptedTask();
    const write = task.attempt().scope('Write rows');
    write.progress(3, 4);
    const late = folded(taskAfter([task.facts.filter(({ kind }) => kind !== 'scope-start')]));
    expect(late.summary['current']).toEqual({ name: '', span_id: write.ref.spanId, done: 3, total: 4, share: 0.75 });
  });
});
