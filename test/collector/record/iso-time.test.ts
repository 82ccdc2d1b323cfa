import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isoTime } from '../../../src/task-record.ts';
import { cases } from './arbitrary-task.ts';

describe('a time in a record', () => {
  test.each([
    [1_565_276_052_788_631, '2019-08-08T14:54:12.788631Z'],
    [1_700_000_000_000_000, '2023-11-14T22:13:20.000000Z'],
    [1_700_000_000_000_001, '2023-11-14T22:13:20.000001Z'],
    [1_700_000_000_999_999, '2023-11-14T22:13:20.999999Z'],
    [1_700_000_000_012_003, '2023-11-14T22:13:20.012003Z'],
    [0, '1970-01-01T00:00:00.000000Z'],
  ])('of %i microseconds is %s', (micros, text) => {
    expect(isoTime(micros)).toBe(text);
  });

  test('gives back every microsecond, and sorts as text as it does as time', () => {
    const time = fc.integer({ min: 0, max: 4_102_444_800_000_000 });
    fc.assert(
      fc.property(time, time, (one, other) => {
        const text = isoTime(one);
        expect(Date.parse(`${text.slice(0, 23)}Z`) * 1000 + Number(text.slice(23, 26))).toBe(one);
        expect(text < isoTime(other)).toBe(one < other);
      }),
      cases(1000),
    );
  });
});
