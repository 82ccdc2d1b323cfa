import { describe, expect, test } from 'vitest';
import { CommitBatch } from '../../../collector/record/commit.ts';
import type { TaskCommit } from '../../../collector/record/commit.ts';
import { summaryJson } from '../../../collector/record/record-json.ts';
import { TaskFold } from '../../../collector/record/task-fold.ts';
import { changedPages } from '../../../collector/store/scope-pages.ts';
import { scopeRow } from '../../../collector/store/scope-row.ts';
import type { Fact } from '../../../src/fact.ts';
import { commitFacts, folded } from './folding.ts';
import { ScriptedTask, UUID } from './scripted-task.ts';
import type { ScriptedScope } from './scripted-task.ts';

/** What a store writes of the scopes of a commit, in characters. */
function written(task: TaskFold, facts: readonly Fact[]): number {
  const batch = new CommitBatch();
  batch.fold(task, facts);
  const [commit] = batch.commits() as [TaskCommit];
  const length = commit.scopes.reduce((sum, scope) => {
    const pages = changedPages(scope).reduce((chars, { data }) => chars + data.length, 0);
    return sum + scopeRow(scope, commit.task.attempts, commit.version).length + pages;
  }, 0);
  batch.keep();
  return length;
}

function progressOf(task: TaskFold): unknown {
  return (JSON.parse(summaryJson(task)) as { progress: unknown }).progress;
}

describe('one more fact changes little', () => {
  test('where a scope has a plan of 20,000 names', () => {
    const script = new ScriptedTask();
    const attempt = script.attempt();
    attempt.plan(1);
    const all = attempt.scope('All');
    all.plan(Object.fromEntries(Array.from({ length: 20_000 }, (_, file) => [`file-${file}.csv`, 1 + (file % 7)])));
    const task = new TaskFold(UUID);
    expect(written(task, script.facts)).toBeGreaterThan(20_000 * 10);
    for (const file of [0, 12_345, 19_999]) {
      const step = script.during(() => all.scope(`file-${file}.csv`).complete());
      expect(written(task, step)).toBeLessThan(2000);
    }
    const whole = Array.from({ length: 20_000 }, (_, file) => 1 + (file % 7)).reduce((sum, weight) => sum + weight);
    const done = 1 + (1 + (12_345 % 7)) + (1 + (19_999 % 7));
    expect(progressOf(task)).toBeCloseTo(done / whole, 8);
  });

  test('where a span has 100,000 gaps between its numbers, in any order', () => {
    const script = new ScriptedTask();
    const scope = script.attempt().scope('Read');
    const task = new TaskFold(UUID);
    commitFacts(task, script.facts);
    const { span } = script.facts.at(-1)!;
    const time = script.facts.at(-1)!.time + 1;
    const line = (seq: number): Fact => ({ kind: 'notification', span, seq, time: time + seq, message: '' });
    const [early, late] = [50_000, 100_000].map((from) => Array.from({ length: 50_000 }, (_, at) => line(2 * (from - at))));
    commitFacts(task, late!);
    commitFacts(task, early!);
    expect(written(task, [line(100_001), line(77), line(200_001), line(77)])).toBeLessThan(15_000);
    expect(JSON.parse(summaryJson(task))).toMatchObject({ facts_missing: 99_998 });
    expect(scope.name).toBe('Read');
  });

  test('where progress goes through a chain of 4,000 scopes: none lies deeper than 200', () => {
    const script = new ScriptedTask();
    const attempt = script.attempt();
    attempt.plan(1);
    let innermost: ScriptedScope = attempt;
    for (let level = 0; level < 4000; level++) {
      innermost = innermost.scope('Level');
      innermost.plan(1);
    }
    const task = new TaskFold(UUID);
    commitFacts(task, script.facts);
    const change = commitFacts(task, script.during(() => innermost.progress(1, 2)));
    expect(change!.scopes.length).toBeLessThanOrEqual(201);
    expect(progressOf(task)).toBeCloseTo(0.5, 5);
  });

  test('where a hundred attempts report one run of a job: one of them counts', () => {
    const script = new ScriptedTask();
    for (let attempt = 0; attempt < 100; attempt++) script.attempt();
    const facts = script.facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, attempt: 1, run: 'run' } : fact));
    const task = new TaskFold(UUID);
    commitFacts(task, facts.slice(0, 99));
    expect(commitFacts(task, facts.slice(99))!.scopes).toHaveLength(1);
    expect(folded(task).tree).toHaveLength(1);
  });

  test('where a thousand scopes lie around each other in a circle, as only a foreign sender can make it', () => {
    const script = new ScriptedTask();
    const attempt = script.attempt();
    const scopes = Array.from({ length: 1000 }, () => attempt.scope('In a circle'));
    for (const scope of scopes) scope.plan(2);
    const circle = script.facts.map((fact) => {
      const at = scopes.findIndex(({ ref }) => ref.spanId === fact.span.spanId);
      return fact.kind === 'scope-start' ? { ...fact, parentSpanId: scopes[(at + 1) % 1000]!.ref.spanId } : fact;
    });
    const task = new TaskFold(UUID);
    commitFacts(task, circle);
    for (const scope of scopes.slice(0, 5)) {
      const change = commitFacts(task, script.during(() => scope.progress(1, 3)));
      expect(change!.scopes.length).toBeLessThanOrEqual(202);
    }
  });
});
