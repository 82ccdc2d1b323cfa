import { expect, test } from 'vitest';
import { recentRecords } from '../../../collector/app/recent-records.ts';
import type { StoredTask } from '../../../collector/store/task-store.ts';

function task(uuid: string): StoredTask {
  return { uuid, summary: '{}', state: 'running', version: 1, logBytes: 0 };
}

test('as many records are kept as there is room for, those asked for last', () => {
  const records = recentRecords(30);
  for (const uuid of ['a', 'b', 'c']) records.keep(task(uuid), '"1"', uuid.repeat(10));
  expect(records.get(task('a'), '"1"')).toBe('aaaaaaaaaa');
  records.keep(task('d'), '"1"', 'd'.repeat(10));
  expect(['a', 'b', 'c', 'd'].filter((uuid) => records.get(task(uuid), '"1"') !== undefined)).toEqual(['a', 'c', 'd']);
  records.keep(task('e'), '"1"', 'e'.repeat(25));
  expect(['a', 'c', 'd', 'e'].filter((uuid) => records.get(task(uuid), '"1"') !== undefined)).toEqual(['e']);
});

test('a task takes the room of one record, its latest', () => {
  const records = recentRecords(30);
  records.keep(task('a'), '"1"', 'a'.repeat(10));
  for (let version = 2; version < 20; version++) records.keep(task('b'), `"${version}"`, 'b'.repeat(20));
  expect(records.get(task('a'), '"1"')).toBeDefined();
  expect(records.get(task('b'), '"18"')).toBeUndefined();
  expect(records.get(task('b'), '"19"')).toBeDefined();
});

test('a record without room for it is not kept, nor is the one before it, and all others stay', () => {
  const records = recentRecords(30);
  records.keep(task('b'), '"1"', 'b'.repeat(10));
  records.keep(task('a'), '"1"', 'a'.repeat(10));
  records.keep(task('a'), '"2"', 'a'.repeat(31));
  expect(records.get(task('a'), '"1"')).toBeUndefined();
  expect(records.get(task('a'), '"2"')).toBeUndefined();
  expect(records.get(task('b'), '"1"')).toBeDefined();
});
