import { expect, test } from 'vitest';
import { INTERVAL_MS, LOST_MS, scheduleOf } from './schedule.ts';

const SCHEDULES = Array.from({ length: 50 }, (_, seed) => scheduleOf(seed));

test('a seed gives the same schedule each time, another seed another schedule', () => {
  expect(scheduleOf(7)).toEqual(scheduleOf(7));
  expect(new Set(SCHEDULES.map((schedule) => JSON.stringify({ ...schedule, seed: 0 }))).size).toBe(SCHEDULES.length);
});

test('50 rounds have each kind of fault several times', () => {
  const times = new Map<string, number>();
  for (const { kind } of SCHEDULES.flatMap(({ faults }) => faults)) times.set(kind, (times.get(kind) ?? 0) + 1);
  expect([...times.keys()].toSorted()).toEqual(KINDS);
  for (const [kind, count] of times) expect(count, kind).toBeGreaterThan(4);
});

const KINDS = ['block-loop', 'full-disk', 'kill-server', 'kill-thread', 'kill-worker', 'locked-file', 'stop-server', 'stop-worker'];

test('workers stop for clearly less than an interval, or for clearly longer than it takes to be lost', () => {
  const stops = SCHEDULES.flatMap(({ faults }) => faults.flatMap((fault) => (fault.kind === 'stop-worker' ? [fault.forMs] : [])));
  expect(stops.filter((ms) => ms < INTERVAL_MS - 100).length).toBeGreaterThan(0);
  expect(stops.filter((ms) => ms > LOST_MS + 200).length).toBeGreaterThan(0);
  expect(stops.filter((ms) => ms >= INTERVAL_MS - 100 && ms <= LOST_MS + 200)).toEqual([]);
});

test('faults come in time, to workers that exist', () => {
  for (const { workers, faults } of SCHEDULES) {
    expect(faults.length).toBeGreaterThan(1);
    expect(faults).toEqual(faults.toSorted((one, other) => one.at - other.at));
    for (const fault of faults) if ('worker' in fault) expect(workers[fault.worker]).toBeDefined();
  }
});
