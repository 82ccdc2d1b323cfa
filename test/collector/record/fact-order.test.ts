import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import { inOrder } from '../../../collector/record/fact-sequence.ts';
import { arbitraryTask, cases } from './arbitrary-task.ts';
import { folded, logOf, taskAfter } from './folding.ts';
import { ScriptedTask } from './scripted-task.ts';

/** The same facts, by a clock that goes back by so many microseconds at a fact. */
function setBack(facts: readonly Fact[], at: number, micros: number): Fact[] {
  return facts.map((fact, index) => (index < at ? fact : { ...fact, time: fact.time - micros }));
}

describe('a sender whose clock goes back', () => {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  const scope = attempt.scope('Read');
  scope.notify('row 1');
  scope.notify('row 2');
  scope.complete();
  attempt.complete();
  const log = logOf(task.facts);

  test('has the log of one whose clock goes on, wherever within a scope that is', () => {
    for (let at = 2; at < 5; at++) {
      const read = setBack(task.facts.slice(0, 5), at, 5_000_000);
      expect(logOf([...read, ...task.facts.slice(5)])).toBe(log);
    }
  });

  test('misses nothing', () => {
    const facts = setBack(task.facts, 4, 5_000_000);
    expect(logOf(facts)).not.toContain('not received');
    expect(folded(taskAfter([facts])).summary['facts_missing']).toBe(0);
  });
});

describe('facts that are committed at once', () => {
  /** Facts as they came, of clocks that may go anywhere. */
  const arrived = fc
    .tuple(arbitraryTask(), fc.array(fc.integer({ min: -5000, max: 5000 })))
    .map(([{ facts }, steps]) => facts.map((fact, at) => ({ ...fact, time: fact.time + (steps[at] ?? 0) })))
    .chain((facts) => fc.shuffledSubarray(facts, { minLength: facts.length }));

  test('stand by sequence within each span, and none is lost', () => {
    fc.assert(
      fc.property(arrived, (facts) => {
        const ordered = inOrder(facts);
        expect(new Set(ordered)).toEqual(new Set(facts));
        expect(ordered).toHaveLength(facts.length);
        for (const [key, ofSpan] of Map.groupBy(ordered, ({ span }) => span.spanId)) {
          const numbers = ofSpan.map(({ seq }) => seq);
          expect(numbers, key).toEqual(numbers.toSorted((one, other) => one - other));
        }
      }),
      cases(200),
    );
  });

  test('stand by time where each span\'s clock goes on', () => {
    fc.assert(
      fc.property(
        arbitraryTask().chain(({ facts }) => fc.shuffledSubarray(facts, { minLength: facts.length })),
        (facts) => {
          const times = inOrder(facts).map(({ time }) => time);
          expect(times).toEqual(times.toSorted((one, other) => one - other));
        },
      ),
      cases(200),
    );
  });
});
