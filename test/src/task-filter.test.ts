import { describe, expect, test } from 'vitest';
import { isEmptyFilter, matches } from '../../src/task-filter.ts';
import type { FilteredTask, TaskFilter } from '../../src/task-filter.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const TASK: FilteredTask = {
  task_name: 'Import Größen of ACME-17',
  task_uuid: '54bf5712-b9ec-41e9-afdd-8c16454a0938',
  start: '2026-11-30T10:00:00.000000Z',
  end: '2026-11-30T10:10:00.000001Z',
  state: 'failed',
  error: { name: 'ImportError', message: 'fetch failed', path: [], span_id: '', log_offset: null },
  exception_causes: ['Error: connect ECONNREFUSED 10.0.0.7:5432'],
  attributes: { tenant: 'acme', tries: 5, ratio: 0.5, dry: false, tags: ['a', 'b'], empty: '' },
  service_name: 'Billing',
  parent_task_uuid: '00000000-0000-4000-8000-000000000001',
  created: '2026-11-30T09:59:00.000000Z',
  heard: null,
};

function attribute(key: string, ...values: string[]): TaskFilter {
  return { attributes: [{ key, values }] };
}

describe('a task fits', () => {
  test.each<TaskFilter>([
    {},
    { states: ['lost', 'failed'] },
    { names: ['import größen of acme-17'] },
    // Composed or not, an accent is the same.
    { names: ['none', 'IMPORT GRO\u0308*'] },
    { uuids: ['54bf5712-b9*'] },
    { errors: ['econn fetch'] },
    { errors: ['importerror'] },
    { errors: ['none', '5432'] },
    { texts: ['größ imp'] },
    { texts: ['acme refused', 'acme econnrefused'] },
    { texts: ['54bf57'] },
    { texts: ['import 54bf5712-b9ec'] },
    attribute('tenant', 'globex', 'acme'),
    attribute('tries', '5'),
    attribute('ratio', '0.5'),
    attribute('dry', 'false'),
    attribute('tags', 'b'),
    { parents: ['00000000-0000-4000-8000-000000000001'] },
    { services: ['billing'] },
    { services: ['BILL*'] },
    { startedAfter: '2026-11-30T10:00:00.000000Z', startedBefore: '2026-11-30T10:00:00.000001Z' },
    { endedAfter: '2026-11-30T10:10:00.000001Z' },
    { queuedBefore: '2026-11-30T10:00:00.000000Z' },
    { longerThanMs: 599_999 },
    { states: ['failed'], names: ['import*'], ...attribute('tenant', 'acme') },
  ])('%j', (filter) => {
    expect(matches(filter, TASK, NOW)).toBe(true);
  });

  test.each<TaskFilter>([
    { states: ['completed'] },
    { names: ['import'] },
    { names: ['*import'] },
    { uuids: ['54bf5712-b9ec-41e9-afdd-8c16454a0939'] },
    { errors: ['econn missing'] },
    { errors: ['import acme'] },
    { texts: ['mport'] },
    { texts: ['b9ec'] },
    { texts: ['54b'] },
    attribute('tenant', 'ACME'),
    attribute('tenant', 'acm'),
    attribute('tries', '5.0'),
    attribute('constructor', 'x'),
    { attributes: [{ key: 'tenant', values: ['acme'] }, { key: 'tries', values: ['6'] }] },
    { parents: ['00000000-0000-4000-8000-000000000002'] },
    { services: ['bill'] },
    { startedBefore: '2026-11-30T10:00:00.000000Z' },
    { endedBefore: '2026-11-30T10:10:00.000001Z' },
    { queuedAfter: '2026-11-30T10:00:00.000000Z' },
    { longerThanMs: 600_000 },
    { states: ['failed'], names: ['export*'] },
  ])('not %j', (filter) => {
    expect(matches(filter, TASK, NOW)).toBe(false);
  });

  test('by how long it has run so far, or had run when its worker was last heard', () => {
    const running: FilteredTask = { ...TASK, end: null, state: 'running', heard: '2026-11-30T10:01:00.000000Z' };
    expect(matches({ longerThanMs: 7_199_999 }, running, NOW)).toBe(true);
    expect(matches({ longerThanMs: 7_200_000 }, running, NOW)).toBe(false);
    expect(matches({ longerThanMs: 59_999 }, { ...running, state: 'lost' }, NOW)).toBe(true);
    expect(matches({ longerThanMs: 60_000 }, { ...running, state: 'lost' }, NOW)).toBe(false);
    expect(matches({ longerThanMs: 0 }, { ...running, state: 'queued', start: null }, NOW)).toBe(false);
  });

  test('no filter of what it does not have', () => {
    const queued: FilteredTask = { ...TASK, start: null, end: null, state: 'queued', error: null, exception_causes: [], attributes: {}, service_name: null, parent_task_uuid: null, created: null };
    for (const filter of [{ errors: ['failed'] }, attribute('tenant', 'null'), { parents: ['null'] }, { services: ['null'] }, { startedBefore: '9999' }, { endedAfter: '0' }, { queuedAfter: '0' }]) {
      expect(matches(filter, queued, NOW)).toBe(false);
    }
  });

  test('every task, if the filter is empty', () => {
    expect([isEmptyFilter({}), isEmptyFilter({ states: ['failed'] }), isEmptyFilter({ longerThanMs: 0 })]).toEqual([true, false, false]);
  });
});
