import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENTRY_KINDS } from '../../../collector/record/journal.ts';
import type { JournalEntry } from '../../../collector/record/journal.ts';
import { decodeEntries, encodeEntries } from '../../../collector/store/stored-log.ts';
import { anyAttributes, anyText, cases } from '../record/arbitrary-task.ts';

const anyLines = {
  scope: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 2 ** 40 })),
  bytes: fc.oneof(fc.nat(300), fc.nat(2 ** 31)),
  time: fc.oneof(fc.integer({ min: 1_700_000_000_000_000, max: 1_700_000_000_100_000 }), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })),
};

const anyEntry: fc.Arbitrary<JournalEntry> = fc.oneof(
  fc.record({ kind: fc.constantFrom(...ENTRY_KINDS.filter((kind) => kind !== 'message')), ...anyLines }),
  fc.record({
    kind: fc.constant('message' as const),
    ...anyLines,
    notification: fc.record({ named: fc.boolean(), message: anyText, attributes: anyAttributes }, { requiredKeys: ['named'] }),
  }),
);

describe('the entries of a commit', () => {
  test('are read from bytes as they were written', () => {
    fc.assert(
      fc.property(fc.array(anyEntry, { maxLength: 30 }), (entries) => {
        expect(decodeEntries(encodeEntries(entries))).toEqual(entries);
      }),
      cases(1000),
    );
  });

  test('are none in no bytes', () => {
    expect(encodeEntries([])).toHaveLength(0);
    expect(decodeEntries(new Uint8Array(0))).toEqual([]);
  });

  test('of verbatim lines take at most five bytes each', () => {
    const entries = Array.from({ length: 1000 }, (_, at): JournalEntry => ({
      kind: 'message', scope: 7, bytes: 60, time: 1_700_000_000_000_000 + at * 900, notification: { named: false },
    }));
    expect(encodeEntries(entries).length).toBeLessThanOrEqual(5 * entries.length + 10);
    expect(decodeEntries(encodeEntries(entries))).toEqual(entries);
  });

  test('with a message longer than all that was foreseen are whole', () => {
    const entries: JournalEntry[] = [
      { kind: 'message', scope: 1, bytes: 9, time: 5, notification: { named: true, message: ' 🎉'.repeat(100_000) } },
      { kind: 'end', scope: 2, bytes: 9, time: 4 },
    ];
    expect(decodeEntries(encodeEntries(entries))).toEqual(entries);
  });

  test('are read from the middle of a larger buffer, as a database gives them', () => {
    const entries: JournalEntry[] = [{ kind: 'message', scope: 3, bytes: 12, time: 99, notification: { named: false, message: ' é' } }];
    const encoded = encodeEntries(entries);
    const larger = new Uint8Array(encoded.length + 20).fill(255);
    larger.set(encoded, 7);
    expect(decodeEntries(larger.subarray(7, 7 + encoded.length))).toEqual(entries);
  });

  test('that were cut are a RangeError, not a wrong entry', () => {
    const encoded = encodeEntries([{ kind: 'outcome', scope: 300, bytes: 300, time: 300 }]);
    for (let length = 1; length < encoded.length; length++) {
      expect(() => decodeEntries(encoded.subarray(0, length))).toThrow(RangeError);
    }
  });
});
