import { expect, test } from 'vitest';
import type { Fact } from '../../../src/fact.ts';
import { readAll, WrittenRing } from './written-ring.ts';

const task = { taskUuid: '54bf5712-b9ec-11e9-afdd-8c16454a0938', traceId: 'a'.repeat(32), taskSpanId: 'b'.repeat(16) };

function scopeStart(number: number): Fact {
  const span = { ...task, spanId: number.toString(16).padStart(16, 'c') };
  return { kind: 'scope-start', span, seq: 0, time: number, name: 'part', parentSpanId: task.taskSpanId };
}

function notification(seq: number): Fact {
  const span = { ...task, spanId: task.taskSpanId };
  return { kind: 'notification', span, seq, time: seq, message: 'x'.repeat(100) };
}

test('when the ring is full of notifications there is room for starts and ends, and none for notifications in between', () => {
  const ring = new WrittenRing({ segmentBytes: 4096, limitBytes: 64 * 1024 });
  const reader = ring.reader();
  let written = 0;
  while (ring.write(notification(written))) written++;
  expect(written).toBeGreaterThan(200);
  let begun = 0;
  for (; begun < 40; begun++) {
    expect(ring.write(scopeStart(begun))).toBe(true);
    expect(ring.write(notification(1000))).toBe(false);
  }
  const facts = readAll(reader);
  expect(facts.filter(({ kind }) => kind === 'notification')).toHaveLength(written);
  expect(facts.filter(({ kind }) => kind === 'scope-start')).toHaveLength(40);
  reader.acknowledge();
  expect(ring.write(notification(1001))).toBe(true);
  expect(readAll(reader)).toEqual([notification(1001)]);
});
