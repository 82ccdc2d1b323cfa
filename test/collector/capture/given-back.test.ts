import { expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import { readAll, WrittenRing } from './written-ring.ts';

test('what a burst took is given back once it is committed, but for a few segments, though nothing is written any more', () => {
  const ring = new WrittenRing({ segmentBytes: 4096 });
  const reader = ring.reader();
  const freed: number[] = [];
  ring.ring.onFreed = (id) => freed.push(id);
  for (let seq = 1; seq <= 2000; seq++) ring.write(notificationFact(seq));
  const { length } = ring.ring.segments;
  expect(length).toBeGreaterThan(50);
  readAll(reader);
  ring.ring.reclaim();
  expect(freed).toHaveLength(0);
  reader.acknowledge();
  ring.ring.reclaim();
  expect(freed.length).toBe(length - 1 - 16);
});

function notificationFact(seq: number): Fact {
  const ids = { taskUuid: '54bf5712-b9ec-11e9-afdd-8c16454a0938', traceId: 'a'.repeat(32), taskSpanId: 'b'.repeat(16) };
  return { kind: 'notification', span: { ...ids, spanId: ids.taskSpanId }, seq, time: seq, message: 'x'.repeat(100) };
}
