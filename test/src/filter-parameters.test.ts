import { describe, expect, test } from 'vitest';
import { filterOf, FILTER_PARAMETERS, isFilterParameter, parametersOf } from '../../src/filter-parameters.ts';
import type { TaskFilter } from '../../src/task-filter.ts';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

function read(query: string): TaskFilter {
  return filterOf(new URLSearchParams(query));
}

describe('the parameters of a URL', () => {
  test.each<[string, TaskFilter]>([
    ['', {}],
    ['state=failed,lost', { states: ['failed', 'lost'] }],
    ['state=failed&state=lost,failed', { states: ['failed', 'lost'] }],
    ['name=Import*&name=Export', { names: ['Import*', 'Export'] }],
    [`uuid=${UUID.toUpperCase()},54bf*`, { uuids: [UUID, '54bf*'] }],
    ['error=timeout&error=quota', { errors: ['timeout', 'quota'] }],
    ['q=import+acme', { texts: ['import acme'] }],
    ['attribute.tenant=acme&attribute.order.id=5&attribute.tenant=globex', { attributes: [{ key: 'tenant', values: ['acme', 'globex'] }, { key: 'order.id', values: ['5'] }] }],
    ['attribute.__proto__=x', { attributes: [{ key: '__proto__', values: ['x'] }] }],
    [`parent=${UUID.toUpperCase()}`, { parents: [UUID] }],
    ['service=billing', { services: ['billing'] }],
    ['started_after=2026-11-30', { startedAfter: '2026-11-30T00:00:00.000000Z' }],
    ['started_before=2026-11-30T10:15', { startedBefore: '2026-11-30T10:15:00.000000Z' }],
    ['ended_after=2026-11-30T10:15:02.1234567Z', { endedAfter: '2026-11-30T10:15:02.123456Z' }],
    ['ended_before=2026-11-30T10:15:00%2B01:00', { endedBefore: '2026-11-30T09:15:00.000000Z' }],
    ['queued_after=2026-11-30T10:15:00+0100', { queuedAfter: '2026-11-30T09:15:00.000000Z' }],
    ['queued_before=2026-11-30T23:15:00-01:00', { queuedBefore: '2026-12-01T00:15:00.000000Z' }],
    // Of several the one that lets more tasks pass, since one of them is enough.
    ['started_after=2026-11-30&started_after=2026-11-29&started_before=2026-12-01&started_before=2026-12-02', { startedAfter: '2026-11-29T00:00:00.000000Z', startedBefore: '2026-12-02T00:00:00.000000Z' }],
    ['longer_than=1.5h&longer_than=2h', { longerThanMs: 5_400_000 }],
    ['limit=10&cursor=x&order=oldest', {}],
  ])('%s', (query, filter) => {
    expect(read(query)).toEqual(filter);
    // What is written for it reads the same.
    expect(filterOf(parametersOf(filter))).toEqual(filter);
  });

  test.each([
    ['state=done', 'state: expected one of queued, running, completed, failed, cancelled, expired, lost, got "done"'],
    ['state=failed,', 'state: expected one of queued, running, completed, failed, cancelled, expired, lost, got "failed,"'],
    ['name=*', 'name: expected a name, or its beginning and *, got "*"'],
    ['uuid=54b*', 'uuid: expected a UUID, or its beginning of at least 4 characters and *, got "54b*"'],
    ['uuid=54bf', 'uuid: expected a UUID, or its beginning of at least 4 characters and *, got "54bf"'],
    ['q=---', 'q: expected words of letters or digits, got "---"'],
    ['parent=54bf*', 'parent: expected a UUID, got "54bf*"'],
    ['attribute.k=+', 'attribute.k: expected a value, got " "'],
    ['started_after=yesterday', 'started_after: expected a time such as 2026-11-30 or 2026-11-30T10:15:00Z, got "yesterday"'],
    ['ended_before=2026-02-30', 'ended_before: expected a time such as 2026-11-30 or 2026-11-30T10:15:00Z, got "2026-02-30"'],
    ['ended_before=2026-11-30T25:00', 'ended_before: expected a time such as 2026-11-30 or 2026-11-30T10:15:00Z, got "2026-11-30T25:00"'],
    ['longer_than=10', 'longer_than: expected a time such as 30s, 10m, 2h or 1d, got "10"'],
    [`error=${'word '.repeat(17).trim().replaceAll(' ', '+')}`, 'error: expected at most 16 words, got 17'],
    [Array.from({ length: 101 }, (_, at) => `name=${at}`).join('&'), 'name: expected at most 100 values, got 101'],
  ])('%s is refused', (query, message) => {
    expect(() => read(query)).toThrow(new RangeError(message));
  });

  test('of a filter are known by name, with any key of an attribute', () => {
    for (const { name, example } of FILTER_PARAMETERS) {
      expect(isFilterParameter(name)).toBe(true);
      expect(Object.keys(filterOf([[name, example]]))).toHaveLength(1);
    }
    for (const name of ['limit', 'cursor', 'order', 'attribute.', 'attribute', 'State', 'constructor']) expect(isFilterParameter(name)).toBe(false);
  });
});
