import { describe, expect, test } from 'vitest';
import { SpanMap } from '../../../collector/record/span-map.ts';

const [one, other] = ['1'.repeat(32), '2'.repeat(32)];
const [first, second] = ['a'.repeat(16), 'b'.repeat(16)];

describe('spans by their ids', () => {
  test('are apart where two traces have the same span id, and stand in the order of their coming', () => {
    const spans = [{ traceId: one, spanId: first }, { traceId: other, spanId: first }, { traceId: one, spanId: second }];
    const map = new SpanMap<(typeof spans)[number]>();
    expect(map.get(other, first)).toBeUndefined();
    for (const span of spans) map.add(span);
    expect([...map]).toEqual(spans);
    for (const span of spans) expect(map.get(span.traceId, span.spanId)).toBe(span);
    expect(map.has(other, second)).toBe(false);
    map.delete(spans[0]!);
    expect([map.size, map.has(one, first), map.has(other, first), map.has(one, second)]).toEqual([2, false, true, true]);
    map.add(spans[0]!);
    expect([...map]).toEqual([spans[1], spans[2], spans[0]]);
  });
});
