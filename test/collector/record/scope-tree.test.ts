import { describe, expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import type { ScopeRecord } from '../../../src/task-record.ts';
import { summaryJson } from '../../../collector/record/record-json.ts';
import { scopeTree } from '../../../collector/record/scope-tree.ts';
import { folded, taskAfter } from './folding.ts';
import { ScriptedTask } from './scripted-task.ts';
import type { ScriptedAttempt } from './scripted-task.ts';

/** Names of the scopes and of those inside them, the same in both orders of the facts. */
function namesIn(facts: readonly Fact[]): unknown {
  const names = ({ name, scopes }: ScopeRecord): unknown => (scopes.length === 0 ? name : [name, ...scopes.map(names)]);
  const [attempt] = folded(taskAfter([facts])).tree;
  expect(folded(taskAfter(facts.toReversed().map((fact) => [fact]))).tree).toEqual([attempt]);
  return names(attempt!);
}

describe('of the tree of a foreign sender', () => {
  test('a circle stands in the attempt, the scope that began first outermost', () => {
    const task = new ScriptedTask();
    const outer = task.attempt().scope('Outer');
    const inner = outer.scope('Inner');
    inner.scope('Step');
    const circle = task.facts.map((fact) =>
      fact.kind === 'scope-start' && fact.name === 'Outer' ? { ...fact, parentSpanId: inner.ref.spanId } : fact,
    );
    expect(namesIn(circle)).toEqual(['TEST', ['Outer', ['Inner', 'Step']]]);
  });

  test('what lies too deep for readers of JSON stands beside the scope around it', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    let around = attempt.ref.spanId;
    for (let depth = 1; depth <= 10_000; depth++) attempt.scope(`${depth}`);
    const deep = task.facts.map((fact) => {
      if (fact.kind !== 'scope-start') return fact;
      const inside = { ...fact, parentSpanId: around };
      around = fact.span.spanId;
      return inside;
    });
    const { tree } = folded(taskAfter([deep]));
    let level = tree[0]!.scopes;
    for (let depth = 1; depth < 200; depth++) {
      expect(level.map(({ name }) => name)).toEqual([`${depth}`]);
      level = level[0]!.scopes;
    }
    expect(level.map(({ name }) => Number(name))).toEqual(Array.from({ length: 9801 }, (_, at) => 200 + at));
    expect(JSON.stringify(tree).match(/"span_id"/g)).toHaveLength(10_001);
  });
});

describe('what is open when the task has finished', () => {
  const outcomes = (records: readonly ScopeRecord[]): Record<string, string> =>
    Object.assign({}, ...records.map(({ name, outcome, scopes }) => ({ [name]: outcome, ...outcomes(scopes) }))) as Record<string, string>;

  const opened = (): { task: ScriptedTask; first: ScriptedAttempt } => {
    const task = new ScriptedTask();
    const first = task.attempt({ name: 'first' });
    first.scope('done').complete();
    first.scope('open').scope('inside');
    return { task, first };
  };

  test('is lost, counted nowhere, and what has ended stays as it was', () => {
    const { task, first } = opened();
    const running = taskAfter([task.facts]);
    expect(outcomes(scopeTree(running.scopes, new Map()))).toEqual({ first: 'running', done: 'completed', open: 'running', inside: 'running' });
    expect(outcomes(scopeTree(running.scopes, new Map(), true))).toEqual({ first: 'lost', done: 'completed', open: 'lost', inside: 'lost' });
    first.complete();
    const ended = taskAfter([task.facts]);
    expect(outcomes(scopeTree(ended.scopes, new Map()))).toEqual({ first: 'completed', done: 'completed', open: 'lost', inside: 'lost' });
    expect(JSON.parse(summaryJson(ended))).toMatchObject({ jobs: { total: 1, finished: 1, failed: 0, running: 0 } });
  });

  test('is lost in an earlier attempt too, but not while a later one runs', () => {
    const { task } = opened();
    const second = task.attempt({ name: 'second', number: 2 });
    expect(outcomes(scopeTree(taskAfter([task.facts]).scopes, new Map()))).toMatchObject({ first: 'running', open: 'running', second: 'running' });
    second.complete();
    expect(outcomes(scopeTree(taskAfter([task.facts]).scopes, new Map()))).toMatchObject({ first: 'lost', open: 'lost', second: 'completed' });
  });
});
