import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundedFact, eventFactOf } from '../../../collector/facts/fact-codec.ts';
import type { Fact } from '../../../src/fact.ts';
import { anyFact, SPANS } from '../capture/arbitrary-fact.ts';
import { cases } from '../record/arbitrary-task.ts';

const NOTICE: Fact = { kind: 'notification', span: SPANS[0]!, seq: 1, time: 5, message: 'x' };

describe('a received fact', () => {
  it('is the same fact in bounds, and once more in bounds stays as it is', () => {
    fc.assert(
      fc.property(anyFact.filter((fact) => fact.time > 0 && !(fact.kind === 'task-start' && fact.attempt > 1_000_000)), (fact) => {
        const bounded = boundedFact(fact) as Fact;
        expect(bounded).toMatchObject({ kind: fact.kind, span: fact.span, seq: fact.seq, time: fact.time });
        expect(boundedFact(bounded)).toEqual(bounded);
      }),
      cases(500),
    );
  });

  it.each([0, -1, 1.5, NaN, Infinity, 2 ** 60])('is invalid at the time %d', (time) => {
    expect(boundedFact({ ...NOTICE, time })).toBe('expected a time in nanoseconds since 1970');
  });

  it.each([-1, 1.5, 2 ** 53])('is invalid with the number %d', (seq) => {
    expect(boundedFact({ ...NOTICE, seq })).toBe(`expected a sequence number from 0, got ${seq}`);
  });
});

describe('an event', () => {
  const span = SPANS[0]!;

  it('of a later version of the contract counts as received', () => {
    const event = { name: 'taskspan.later', attributes: { 'taskspan.seq': 3 }, time: 5 };
    expect(eventFactOf(span, event)).toEqual({ kind: 'unknown', span, seq: 3, time: 5, name: 'taskspan.later' });
  });

  it.each(['cache.hit', 'toString', '__proto__', ''])('named %j is no fact, whatever its number', (name) => {
    expect(eventFactOf(span, { name, attributes: { 'taskspan.seq': 3 }, time: 5 })).toBeUndefined();
  });

  it('of the contract without a number is invalid', () => {
    expect(eventFactOf(span, { name: 'taskspan.progress', attributes: {}, time: 5 })).toBe('expected taskspan.seq to be a whole number from 1, got none');
  });
});
