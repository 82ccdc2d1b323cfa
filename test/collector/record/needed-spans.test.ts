import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommitBatch } from '../../../collector/record/commit.ts';
import { latePlans, shownSpans, spansToLoad, startedParts, touchedSpans } from '../../../collector/record/needed-spans.ts';
import { summaryJson } from '../../../collector/record/record-json.ts';
import { copyOf } from '../../../collector/record/scope-state.ts';
import type { ScopeState } from '../../../collector/record/scope-state.ts';
import { SpanMap } from '../../../collector/record/span-map.ts';
import { latestAttempt, TaskFold } from '../../../collector/record/task-fold.ts';
import type { Fact } from '../../../src/fact.ts';
import { anyDelivery, arbitraryTask, cases } from './arbitrary-task.ts';
import { commitFacts, folded, taskAfter, textOf } from './folding.ts';
import { ScriptedTask, UUID } from './scripted-task.ts';

/** A store that keeps nothing of a task in memory but what a batch of facts needs. */
class ForgetfulStore {
  readonly stored = new SpanMap<ScopeState>();
  #task = new TaskFold(UUID);
  log = '';
  /** As the latest commit has it. */
  summary = '';

  append(facts: readonly Fact[]): void {
    const task = this.#loaded(facts);
    const commit = commitFacts(task, facts);
    for (const scope of commit?.scopes ?? []) this.stored.add(copyOf(scope));
    this.log += textOf(commit);
    if (commit !== undefined) this.summary = commit.summary;
    this.#task = task;
  }

  /** The task with all of its scopes. */
  whole(): TaskFold {
    const task = this.#withoutScopes();
    for (const scope of this.stored) if (!task.scopes.has(scope.traceId, scope.spanId)) task.add(copyOf(scope));
    return task;
  }

  #loaded(facts: readonly Fact[]): TaskFold {
    const task = this.#withoutScopes();
    const [traceId = '', spanId = ''] = task.lineBefore?.split('-') ?? [];
    for (const level of spansToLoad(task, [...touchedSpans(facts), ...shownSpans(task.attempts), { traceId, spanId }])) {
      for (const ids of level) {
        const found = this.stored.get(ids.traceId, ids.spanId);
        if (found !== undefined) task.add(copyOf(found));
      }
    }
    return latePlans(task, facts).length > 0 ? this.whole() : task;
  }

  #withoutScopes(): TaskFold {
    const task = new TaskFold(UUID);
    const { announced, updated, spanCount, lineBefore, version, logBytes, logLines, attempts } = this.#task;
    Object.assign(task, { announced, updated, spanCount, lineBefore, version, logBytes, logLines });
    for (const { traceId, spanId } of attempts) task.add(copyOf(this.stored.get(traceId, spanId)!));
    return task;
  }
}

describe('the spans that facts need', () => {
  test('are all that a fold of them looks at: with these alone it makes the same task', () => {
    const deliveries = arbitraryTask().chain(({ facts }) => anyDelivery(facts));
    fc.assert(
      fc.property(deliveries, (delivery) => {
        const store = new ForgetfulStore();
        let log = '';
        const task = new TaskFold(UUID);
        for (const facts of delivery) {
          store.append(facts);
          log += textOf(commitFacts(task, facts));
        }
        expect(folded(store.whole())).toEqual(folded(task));
        expect(store.log).toBe(log);
        expect(store.summary).toBe(summaryJson(task));
      }),
      cases(300),
    );
  });

  test('are asked for level by level, from the inside out, and what is in memory is not', () => {
    const task = new ScriptedTask();
    const outer = task.attempt().scope('Outer');
    const inner = outer.scope('Inner');
    inner.notify('x');
    const whole = taskAfter([task.facts]);
    const loading = new TaskFold(UUID);
    loading.add(latestAttempt(whole)!);
    const levels: string[][] = [];
    for (const level of spansToLoad(loading, touchedSpans(task.facts.slice(-1)))) {
      levels.push(level.map(({ spanId }) => spanId));
      for (const { traceId, spanId } of level) loading.add(whole.scopes.get(traceId, spanId)!);
    }
    expect(levels).toEqual([[inner.ref.spanId], [outer.ref.spanId]]);
  });

  test('are those of parts too, by which a store finds how far child tasks are', () => {
    const task = new ScriptedTask();
    const attempt = task.attempt();
    attempt.scope('Here');
    const part = attempt.part('Elsewhere', 'w');
    expect(startedParts(task.facts)).toEqual([{ traceId: part.ref.traceId, spanId: part.ref.spanId }]);
  });
});

describe('a batch', () => {
  test('leaves a task as it is until it is kept', () => {
    const deliveries = arbitraryTask().chain(({ facts }) => anyDelivery(facts));
    fc.assert(
      fc.property(deliveries, (delivery) => {
        const task = new TaskFold(UUID);
        for (const facts of delivery) {
          const before = structuredClone([task.version, task.logBytes, task.logLines, task.lineBefore, task.announced, task.updated, folded(task), [...task.scopes]]);
          const dropped = new CommitBatch();
          dropped.fold(task, facts);
          dropped.commits();
          expect([task.version, task.logBytes, task.logLines, task.lineBefore, task.announced, task.updated, folded(task), [...task.scopes]]).toEqual(before);
          commitFacts(task, facts);
        }
        expect(folded(task)).toEqual(folded(taskAfter(delivery)));
      }),
      cases(100),
    );
  });

  test('can\'t be kept by a task that has moved on', () => {
    const task = new TaskFold(UUID);
    const script = new ScriptedTask();
    script.attempt();
    const [one, other] = [new CommitBatch(), new CommitBatch()];
    for (const batch of [one, other]) {
      batch.fold(task, script.facts);
      batch.commits();
    }
    one.keep();
    expect(() => other.keep()).toThrow(`task ${UUID} is at version 1: this draft of version 0 is not its next`);
  });
});
