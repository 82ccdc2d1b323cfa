import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAttempt } from '../../../collector/record/scope-state.ts';
import type { ScopeState } from '../../../collector/record/scope-state.ts';
import { scopeTree } from '../../../collector/record/scope-tree.ts';
import type { TaskFold } from '../../../collector/record/task-fold.ts';
import type { Fact, SpanRef } from '../../../src/fact.ts';
import type { ScopeRecord } from '../../../src/task-record.ts';
import { anyDelivery, arbitraryTask, batches, cases } from './arbitrary-task.ts';
import { taskAfter } from './folding.ts';
import { ScriptedTask, UUID } from './scripted-task.ts';
import type { ScriptedScope } from './scripted-task.ts';

type Counts = [steps: number, failed: number, running: number];

/** What a task has kept of what is inside each scope, by span id. */
function kept(task: TaskFold): Map<string, Counts> {
  return new Map([...task.scopes].map((scope) => [scope.spanId, [scope.stepsInside, scope.failedInside, scope.runningInside]]));
}

/** The same, counted in the tree. What is open is `lost` there where the task has finished. */
function counted(task: TaskFold): Map<string, Counts> {
  const counts = new Map<string, Counts>();
  const count = ({ span_id, scopes }: ScopeRecord): Counts => {
    const sum: Counts = [0, 0, 0];
    for (const inside of scopes) {
      const below = count(inside);
      const { outcome } = inside;
      sum[0] += 1 + below[0];
      sum[1] += Number(outcome === 'failed' || outcome === 'timed_out') + below[1];
      sum[2] += Number(outcome === 'running' || outcome === 'lost') + below[2];
    }
    counts.set(span_id, sum);
    return sum;
  };
  scopeTree(task.scopes, new Map()).forEach(count);
  return counts;
}

describe('how many scopes are inside a scope, have failed there and run there', () => {
  test('is what the tree has, whatever the order, repetition and batching of the facts, even if some are lost', () => {
    const someFacts = arbitraryTask().chain(({ facts }) => fc.oneof(fc.constant(facts), fc.subarray(facts, { minLength: 1 })));
    fc.assert(
      fc.property(someFacts.chain(anyDelivery), (delivery) => {
        const task = taskAfter(delivery);
        expect(kept(task)).toEqual(counted(task));
      }),
      cases(300),
    );
  });

  test('does not depend on the order where scopes have several contents and lie in circles, as only a foreign sender can make them', () => {
    const deliveries = tangle.chain((facts) => fc.tuple(fc.constant(facts), anyDelivery(facts), anyDelivery(facts)));
    fc.assert(
      fc.property(deliveries, ([facts, ...others]) => {
        const inOrder = taskAfter([facts]);
        expect(kept(inOrder)).toEqual(recounted(inOrder));
        for (const delivery of others) expect(kept(taskAfter(delivery))).toEqual(kept(inOrder));
      }),
      cases(500),
    );
  });

  test('counts all depths of a chain of 300 scopes, from the first fact on or from the last', () => {
    for (const size of [1, 7, 1000]) {
      const { facts, chain, attempt } = chainOf(300);
      chain.at(-1)!.fail({ name: 'Error', message: 'at the bottom' });
      const last = facts.slice();
      for (const order of [last, last.toReversed()]) {
        const counts = kept(taskAfter(batches(order, [size])));
        expect(counts.get(attempt)).toEqual([300, 1, 299]);
        expect(counts.get(chain[0]!.ref.spanId)).toEqual([299, 1, 298]);
        // The tree has nothing deeper than 200, and there all the rest.
        expect(counts.get(chain[198]!.ref.spanId)).toEqual([101, 1, 100]);
      }
    }
  });

  test('has nothing below the depth of 200 in the order of their starts, as the tree', () => {
    const { facts } = chainOf(300);
    const task = taskAfter([facts]);
    expect(kept(task)).toEqual(counted(task));
  });
});

/** Scopes each inside the one before. */
function chainOf(length: number): { facts: Fact[]; chain: ScriptedScope[]; attempt: string } {
  const script = new ScriptedTask();
  const attempt = script.attempt();
  const chain: ScriptedScope[] = [];
  for (let depth = 0; depth < length; depth++) chain.push((chain.at(-1) ?? attempt).scope('Level'));
  return { facts: script.facts, chain, attempt: attempt.ref.spanId };
}

const TRACE = 'ab'.repeat(16);
const TASK_SPAN = 'f'.repeat(16);

function refOf(number: number): SpanRef {
  return { taskUuid: UUID, traceId: TRACE, spanId: number.toString(16).padStart(16, '0'), taskSpanId: TASK_SPAN };
}

/** Starts and ends of a few scopes with any of them around them, some of them more than once. */
const tangle: fc.Arbitrary<Fact[]> = fc
  .array(
    fc.record({
      scope: fc.integer({ min: 1, max: 7 }),
      around: fc.integer({ min: 0, max: 7 }),
      kind: fc.constantFrom('start', 'start', 'end'),
      outcome: fc.constantFrom('completed' as const, 'failed' as const, 'timed_out' as const, 'cancelled' as const),
    }),
    { minLength: 1, maxLength: 24 },
  )
  .map((all) => {
    const facts = all.map(({ scope, around, kind, outcome }): Fact => {
      const span = refOf(scope);
      const parentSpanId = around === 0 ? TASK_SPAN : refOf(around).spanId;
      return kind === 'start'
        ? { kind: 'scope-start', span, seq: 0, time: 1000, name: 'Any', parentSpanId }
        : { kind: 'scope-end', span, seq: 1, time: 2000, outcome, duration: 1000, heading: false };
    });
    // A scope that only another one has named would be known or not by which of its starts comes first.
    const known = Array.from({ length: 7 }, (_, at): Fact => ({ kind: 'progress', span: refOf(at + 1), seq: 2, time: 1500, done: 1, total: undefined }));
    return [...facts, ...known];
  });

/** The counts by their definition, one scope after the other. */
function recounted(task: TaskFold): Map<string, Counts> {
  const counts = new Map<string, Counts>([...task.scopes].map(({ spanId }) => [spanId, [0, 0, 0]]));
  const at = (spanId: string): ScopeState => task.scopeAt(TRACE, spanId)!;
  const pathOf = (spanId: string): string[] => {
    const path: string[] = [];
    for (let outer = at(spanId).parentSpanId; outer !== '' && outer !== TASK_SPAN; outer = at(outer).parentSpanId) {
      path.push(outer);
      if (path.indexOf(outer) < path.length - 1) return path;
    }
    return path;
  };
  const isInCircle = (spanId: string): boolean => pathOf(spanId).includes(spanId);
  for (const scope of task.scopes) {
    if (isAttempt(scope)) continue;
    const path = isInCircle(scope.spanId) ? [] : pathOf(scope.spanId);
    const circleAt = path.findIndex(isInCircle);
    const around = circleAt < 0 ? path : path.slice(0, circleAt + 1);
    const hasFailed = scope.end?.outcome === 'failed' || scope.end?.outcome === 'timed_out';
    for (const spanId of [TASK_SPAN, ...around]) {
      const sum = counts.get(spanId)!;
      sum[0]++;
      sum[1] += Number(hasFailed);
      sum[2] += Number(scope.end === null);
    }
  }
  return counts;
}
