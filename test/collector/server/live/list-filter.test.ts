import { expect, test } from 'vitest';
import { ListFilter } from '../../../../collector/server/live/list-filter.ts';
import { filterOf } from '../../../../src/filter-parameters.ts';
import type { TaskRecord } from '../../../../src/task-record.ts';
import { shownTask } from '../../cli/view/shown-task.ts';

function filter(query: string): ListFilter {
  return new ListFilter(filterOf(new URLSearchParams(query)));
}

test.each<[string, Partial<TaskRecord>, boolean]>([
  ['state=running', { state: 'completed' }, true],
  ['state=queued', { state: 'completed' }, true],
  ['state=failed', { state: 'running' }, false],
  ['state=failed', { state: 'queued' }, false],
  ['state=failed', { state: 'running', attempt: 2 }, true],
  ['state=running&name=Import*', { state: 'completed' }, true],
  ['state=running&name=Export*', { state: 'completed' }, false],
  ['state=running&attribute.customer=a', { state: 'completed', attributes: { customer: 'b' } }, false],
  ['attribute.customer=a', { attributes: { customer: 'b' } }, false],
  ['name=Export*', {}, false],
  ['error=disk', { error: null }, true],
  ['error=disk&service=billing', { error: null, service_name: 'mail' }, false],
  ['longer_than=10m&state=running', { state: 'lost' }, true],
  ['longer_than=10m&state=running', { state: 'completed', start: '2026-01-02T03:04:05.000000Z', end: '2026-01-02T03:24:05.000000Z' }, true],
  ['longer_than=10m&state=running', { state: 'completed', start: '2026-01-02T03:04:05.000000Z', end: '2026-01-02T03:05:05.000000Z' }, false],
])('a task that does not fit %s, with %j, may have fitted before: %s', (query, fields, expected) => {
  expect(filter(query).mayHaveFitted(shownTask(fields))).toBe(expected);
});

test('equal filters have one key, whatever the order of their parameters and values', () => {
  const key = filter('state=failed,lost&name=a&name=b&attribute.x=1&attribute.y=2').key;
  expect(filter('attribute.y=2&name=b&name=a&attribute.x=1&state=lost,failed').key).toBe(key);
  expect(filter('state=failed,lost&name=a&attribute.x=1&attribute.y=2').key).not.toBe(key);
  expect(filter('attribute.x=1%0Aattribute.y=2').key).not.toBe(filter('attribute.x=1&attribute.y=2').key);
});
