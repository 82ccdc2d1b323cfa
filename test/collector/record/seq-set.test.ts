import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addSeen, addSeq, missingBelow, missingSeen, missingSeenBelow } from '../../../collector/record/fact-sequence.ts';
import type { SeenSeqs, SeqSet } from '../../../collector/record/fact-sequence.ts';
import { cases } from './arbitrary-task.ts';

function setOf(seqs: readonly number[]): SeqSet {
  const set: SeqSet = [];
  for (const seq of seqs) addSeq(set, seq);
  return set;
}

/** Each number of a set, as its intervals have them. */
function numbersIn(set: SeqSet): number[] {
  const numbers: number[] = [];
  for (let at = 0; at < set.length; at += 2) {
    for (let seq = set[at]!; seq <= set[at + 1]!; seq++) numbers.push(seq);
  }
  return numbers;
}

const anySeqs = fc.array(fc.oneof(fc.nat(30), fc.nat(400)), { maxLength: 120, size: 'max' });

describe('a set of sequence numbers', () => {
  test('holds what a plain set holds, and gives of each number whether it is new', () => {
    fc.assert(
      fc.property(anySeqs, (seqs) => {
        const set: SeqSet = [];
        const plain = new Set<number>();
        for (const seq of seqs) {
          expect(addSeq(set, seq)).toBe(!plain.has(seq));
          plain.add(seq);
        }
        expect(numbersIn(set)).toEqual([...plain].toSorted((a, b) => a - b));
      }),
      cases(500),
    );
  });

  test('is the same intervals in whatever order the numbers came, ascending and not touching', () => {
    const orders = anySeqs.chain((seqs) =>
      fc.tuple(fc.constant(seqs), fc.shuffledSubarray(seqs, { minLength: seqs.length, maxLength: seqs.length })),
    );
    fc.assert(
      fc.property(orders, ([seqs, shuffled]) => {
        const set = setOf(seqs);
        expect(setOf(shuffled)).toEqual(set);
        for (let at = 0; at < set.length; at += 2) {
          expect(set[at]!).toBeLessThanOrEqual(set[at + 1]!);
          if (at > 0) expect(set[at]!).toBeGreaterThan(set[at - 1]! + 1);
        }
      }),
      cases(500),
    );
  });

  test('knows how many numbers below another it lacks', () => {
    fc.assert(
      fc.property(anySeqs, fc.nat(402), (seqs, limit) => {
        const plain = new Set(seqs.filter((seq) => seq < limit));
        expect(missingBelow(setOf(seqs), limit)).toBe(limit - plain.size);
      }),
      cases(500),
    );
  });

  test('of a million numbers in a row is one interval', () => {
    const set: SeqSet = [];
    for (let seq = 0; seq < 1_000_000; seq++) addSeq(set, seq);
    expect(set).toEqual([0, 999_999]);
  });
});

describe('the sequence numbers of a span with many gaps', () => {
  const seqs = fc.array(fc.oneof(fc.nat(30), fc.nat(5000), fc.nat(1_000_000)), { minLength: 100, maxLength: 600, size: 'max' });

  test('are what a plain set holds, whatever their order', () => {
    fc.assert(
      fc.property(seqs, fc.nat(5000), (numbers, limit) => {
        const seen: SeenSeqs = { seen: [], seenPages: null };
        const plain = new Set<number>();
        for (const seq of numbers) {
          expect(addSeen(seen, seq)).toBe(!plain.has(seq));
          plain.add(seq);
        }
        const last = Math.max(...plain);
        expect(missingSeen(seen)).toBe(last + 1 - plain.size);
        expect(missingSeenBelow(seen, last)).toBe(last + 1 - plain.size);
        const exact = limit - [...plain].filter((seq) => seq < limit).length;
        const counted = missingSeenBelow(seen, limit);
        // Of many pages it is the least that it may be.
        if (counted !== exact) expect(counted).toBe(Math.max(0, limit - plain.size));
      }),
      cases(200),
    );
  });
});
