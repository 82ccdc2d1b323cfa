import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { progressOf, isAttempt } from '../../../collector/record/scope-state.ts';
import type { ScopeState } from '../../../collector/record/scope-state.ts';
import { TaskFold } from '../../../collector/record/task-fold.ts';
import { isoTime } from '../../../src/task-record.ts';
import type { ScopeRecord } from '../../../src/task-record.ts';
import type { Fact } from '../../../src/fact.ts';
import { anyDelivery, arbitraryTask, cases } from './arbitrary-task.ts';
import { commitFacts, folded, taskAfter } from './folding.ts';
import { scopeOf, recordOf } from './record-oracle.ts';
import { ScriptedTask } from './scripted-task.ts';
import type { AttemptStart } from './scripted-task.ts';

const CASES = cases(1000);

function timeOf(micros: number | null): string | null {
  return micros === null ? null : isoTime(micros);
}

/** The facts of a task, all of them or with some lost on their way, or only those of its announcements. */
const someFacts: fc.Arbitrary<Fact[]> = arbitraryTask().chain(({ facts }) => {
  const announced = facts.filter(({ span }) => span.taskSpanId === '');
  return fc.oneof(fc.constant(facts), fc.subarray(facts, { minLength: 1 }), fc.constant(announced.length > 0 ? announced : facts));
});

describe('the record of a task', () => {
  test('is the same whatever the order, repetition and batching of its facts, even if some are lost', () => {
    const deliveries = someFacts.chain((facts) => fc.tuple(fc.constant([facts]), anyDelivery(facts), anyDelivery(facts)));
    fc.assert(
      fc.property(deliveries, (each) => {
        const [inOrder, ...others] = each.map((delivery) => folded(taskAfter(delivery)));
        for (const other of others) expect(other).toEqual(inOrder);
      }),
      CASES,
    );
  });

  test('is what its facts are when all are looked at together', () => {
    const deliveries = someFacts.chain((facts) => fc.tuple(fc.constant(facts), anyDelivery(facts)));
    fc.assert(
      fc.property(deliveries, ([facts, delivery]) => {
        const { start, end, created, updated, ...rest } = recordOf(facts);
        expect(folded(taskAfter(delivery)).summary).toMatchObject({
          ...rest,
          start: timeOf(start),
          end: timeOf(end),
          created: timeOf(created),
          updated: isoTime(updated),
          finished: end !== null,
          status: { completed: 1, failed: 0, cancelled: 0, expired: 0 }[rest.state] ?? 2,
        });
      }),
      CASES,
    );
  });

  test('has a tree with what the facts of each scope are, inside the scope around it', () => {
    const deliveries = someFacts.chain((facts) => fc.tuple(fc.constant(facts), anyDelivery(facts)));
    fc.assert(
      fc.property(deliveries, ([facts, delivery]) => {
        const { tree } = folded(taskAfter(delivery));
        const isFinished = recordOf(facts).end !== null;
        const spanIds = new Set<string>();
        const check = (scope: ScopeRecord, around: ScopeRecord | undefined): void => {
          spanIds.add(scope.span_id);
          const { parent, start, end, ...rest } = scopeOf(facts, scope.span_id);
          const outcome = isFinished && rest.outcome === 'running' ? 'lost' : rest.outcome;
          expect(scope).toMatchObject({ ...rest, outcome, start: timeOf(start), end: timeOf(end) });
          if (parent !== '') expect(around!.span_id).toBe(parent);
          for (const inner of scope.scopes) check(inner, scope);
        };
        for (const attempt of tree) check(attempt, undefined);
        const scoped = facts.filter(({ span }) => span.taskSpanId !== '');
        expect(scoped.filter(({ span }) => !spanIds.has(span.spanId))).toEqual([]);
      }),
      CASES,
    );
  });

  test('has jobs that its final line agrees with, while no scope outlives its attempt', () => {
    fc.assert(
      fc.property(arbitraryTask(), ({ facts, attempts }) => {
        const task = taskAfter([facts]);
        for (const { ref, open, scopes } of attempts) {
          // Of parts in other processes the task's own process does not know.
          if (open || scopes.some((scope) => scope.open || scope.isElsewhere)) continue;
          const { jobs, final } = task.attempts.find(({ spanId }) => spanId === ref.spanId)!;
          const endTime = facts.find(({ kind, span }) => kind === 'task-end' && span === ref)!.time;
          if (facts.some(({ span, time }) => span.taskSpanId === ref.spanId && time > endTime)) continue;
          expect(final!.jobs).toEqual({ total: jobs.finished + jobs.failed, finished: jobs.finished, failed: jobs.failed });
        }
      }),
      CASES,
    );
  });

  test('has progress that never falls, and is between 0 and 1, in whatever order facts arrive', () => {
    const orders = arbitraryTask().chain(({ facts }) => anyDelivery(facts));
    fc.assert(
      fc.property(orders, (delivery) => {
        const task = new TaskFold(delivery[0]![0]!.span.taskUuid);
        const steps = new Map<string, number[]>();
        for (const fact of delivery.flat()) {
          commitFacts(task, [fact]);
          for (const scope of task.scopes) {
            const now = progressOf(scope);
            if (now !== null) steps.set(scope.spanId, [...(steps.get(scope.spanId) ?? [0]), now]);
          }
        }
        for (const shares of steps.values()) expect([...shares, 1]).toEqual([...shares, 1].toSorted((one, other) => one - other));
      }),
      CASES,
    );
  });

  test('keeps the state, end and exception of the final fact, whatever comes after it', () => {
    fc.assert(
      fc.property(arbitraryTask(), (task) => {
        const { ref } = task.attempts.at(-1)!;
        const facts = task.facts.filter(({ span }) => span.taskSpanId === ref.spanId);
        const end = facts.findIndex(({ kind, span }) => kind === 'task-end' && span === ref);
        if (end < 0) return;
        const { state, status, finished, end: time, exception } = folded(taskAfter([facts.slice(0, end + 1)])).summary;
        expect(folded(taskAfter([facts])).summary).toMatchObject({ state, status, finished, end: time, exception });
      }),
      CASES,
    );
  });
});

describe('the latest attempt', () => {
  /** Which of these attempts the record is about, whichever is known first. */
  function latestOf(...starts: AttemptStart[]): number {
    const task = new ScriptedTask();
    task.pace = 0;
    for (const start of starts) task.attempt(start);
    const found = [task.facts, task.facts.toReversed()].map((facts) => {
      const { summary } = folded(taskAfter(facts.map((fact) => [fact])));
      return task.attempts.findIndex(({ ref }) => ref.traceId === summary['trace_id']);
    });
    expect(found[0]).toBe(found[1]);
    return found[0]!;
  }

  test('is the one of the greatest number, even if it began before', () => {
    expect(latestOf({ number: 1, skew: 5 }, { number: 2 })).toBe(1);
  });

  test('of one number is the one that began last', () => {
    expect(latestOf({ number: 1, skew: 5 }, { number: 1 })).toBe(0);
  });

  test('of one number and one start is the one of the greatest span id', () => {
    // Their span ids begin with 9, d and 1.
    expect(latestOf({ number: 1 }, { number: 1 }, { number: 1 })).toBe(1);
  });

  test('of one span id in two traces is the one of the greatest trace id', () => {
    const task = new ScriptedTask();
    task.attempt({ number: 1 });
    const [start] = task.facts as [Fact];
    const facts = ['a', 'b'].map((digit): Fact => ({ ...start, span: { ...start.span, traceId: digit.repeat(32) } }));
    for (const order of [facts, facts.toReversed()]) {
      expect(folded(taskAfter(order.map((fact) => [fact]))).summary).toMatchObject({ trace_id: 'b'.repeat(32) });
    }
  });
});

describe('facts that bring nothing new', () => {
  test('are no commit', () => {
    const again = arbitraryTask().chain(({ facts }) => fc.tuple(anyDelivery(facts), anyDelivery(facts)));
    fc.assert(
      fc.property(again, ([delivery, repeated]) => {
        const task = taskAfter(delivery);
        const { version, logBytes, lineBefore } = task;
        for (const facts of repeated) expect(commitFacts(task, facts)).toBeUndefined();
        expect(task).toMatchObject({ version, logBytes, lineBefore });
      }),
      CASES,
    );
  });

  test('are no commit either when none are given', () => {
    expect(commitFacts(new TaskFold('any'), [])).toBeUndefined();
  });
});

describe('each commit', () => {
  test('counts, and gives a store every span that it changed', () => {
    const orders = arbitraryTask().chain(({ facts }) => anyDelivery(facts));
    fc.assert(
      fc.property(orders, (delivery) => {
        const task = new TaskFold(delivery[0]![0]!.span.taskUuid);
        const stored = new Map<string, ScopeState>();
        for (const facts of delivery) {
          const { version } = task;
          const change = commitFacts(task, facts);
          expect(task.version).toBe(change === undefined ? version : version + 1);
          for (const scope of change?.scopes ?? []) stored.set(scope.spanId, structuredClone(scope));
          for (const scope of task.scopes) expect(stored.get(scope.spanId)).toEqual(scope);
        }
        expect([...task.scopes].filter(isAttempt)).toEqual(task.attempts);
      }),
      cases(500),
    );
  });
});
