import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headOfRow, idsOfRow, isOpenRow, scopeRow, scopeOfRow } from '../../../collector/store/scope-row.ts';
import { rankOf } from '../../../collector/record/scope-line.ts';
import { anyText, arbitraryTask, cases } from '../record/arbitrary-task.ts';
import { taskAfter } from '../record/folding.ts';

describe('the row of a scope', () => {
  test('gives back the scope, whatever it has reported', () => {
    fc.assert(
      fc.property(arbitraryTask(), fc.nat(), anyText, ({ facts }, told, name) => {
        const { scopes, attempts } = taskAfter([facts.slice(0, 1 + (told % facts.length))]);
        for (const scope of scopes) {
          for (const one of [scope, { ...scope, name }]) {
            const row = scopeRow(one, attempts, 1);
            expect(scopeOfRow(row, attempts)).toEqual(one);
            expect(row).not.toContain('\n');
            const { spanId, number, within } = one;
            expect(headOfRow(row)).toEqual({ spanId, number, within, version: 1, attempt: attempts.findIndex((attempt) => attempt.taskSpanId === one.taskSpanId), rank: rankOf(one) });
            expect(isOpenRow(row)).toBe(one.end === null);
            expect(idsOfRow(row, attempts)).toEqual({ traceId: one.traceId, spanId: one.spanId });
          }
        }
      }),
      cases(300),
    );
  });

  test('of an ordinary scope takes at most 120 bytes and its name', () => {
    const scope = {
      traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'c'.repeat(16), parentSpanId: 'c'.repeat(16),
      number: 12, within: 1, stepsInside: 0, failedInside: 0, runningInside: 0, name: 'Part 12', start: 1_790_000_000_000_000,
      end: { time: 1_790_000_000_100_000, seq: 3, outcome: 'completed' as const, duration: 100_000, heading: false, error: null }, errorOffset: null,
      seen: [0, 3], seenPages: null, hangsIn: '', partWorkerId: '', remote: false, encloses: false, share: null, latestProgress: null, plan: null,
      insideUnits: 0, names: null, units: 1_000_000_000, notifications: 2, recent: [12_345, 2],
    };
    expect(scopeRow(scope, [scope], 1).length).toBeLessThanOrEqual(120 + scope.name.length);
  });
});
