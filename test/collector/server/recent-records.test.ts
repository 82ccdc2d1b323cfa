import { expect, test } from 'vitest';
import { RecentRecords } from '../../../collector/server/task-route.ts';
import type { RecentRecord } from '../../../collector/server/task-route.ts';
import type { StoredTask } from '../../../collector/store/task-store.ts';

function task(uuid: string, summary = '{}'): StoredTask {
  return { uuid, summary, state: 'running', version: 1, logBytes: 0, logLines: 0 };
}

/** A record of the length, its task's summary included. */
function record(uuid: string, length: number, tag = '"1"'): RecentRecord {
  return { task: task(uuid), tag, json: uuid.repeat(length - 2) };
}

function kept(records: RecentRecords, ...uuids: string[]): string[] {
  return uuids.filter((uuid) => records.of(task(uuid), '"1"') !== undefined);
}

test('as many records are kept as there is room for, the last requested ones', () => {
  const records = new RecentRecords(30);
  for (const uuid of ['a', 'b', 'c']) records.keep(record(uuid, 10));
  expect(records.of(task('a'), '"1"')?.json).toBe('aaaaaaaa');
  records.keep(record('d', 10));
  expect(kept(records, 'a', 'b', 'c', 'd')).toEqual(['a', 'c', 'd']);
  expect(records.of(task('a'), '"1"')?.json).toBe('aaaaaaaa');
  records.keep(record('e', 20));
  expect(kept(records, 'a', 'c', 'd', 'e')).toEqual(['a', 'e']);
});

test('a task takes the room of one record, its latest', () => {
  const records = new RecentRecords(30);
  records.keep(record('a', 10));
  for (let version = 2; version < 20; version++) records.keep(record('b', 20, `"${version}"`));
  expect(kept(records, 'a')).toEqual(['a']);
  expect(records.of(task('b'), '"18"')).toBeUndefined();
  expect(records.of(task('b'), '"19"')).toBeDefined();
});

test('a record without room for it is not kept, nor is the one before it, and all other records stay', () => {
  const records = new RecentRecords(30);
  records.keep(record('b', 10));
  records.keep(record('a', 10));
  records.keep(record('a', 31, '"2"'));
  expect(kept(records, 'a', 'b')).toEqual(['b']);
  expect(records.of(task('a'), '"1"')).toBeUndefined();
  expect(records.of(task('a'), '"2"')).toBeUndefined();
});

test('a record is that of a task in the same state only', () => {
  const records = new RecentRecords();
  records.keep(record('a', 10));
  expect(records.of(task('a'), '"2"')).toBeUndefined();
  expect(records.of(task('a', '{"start":1}'), '"1"')).toBeUndefined();
  expect(records.of(task('a'), '"1"')).toBeDefined();
});
