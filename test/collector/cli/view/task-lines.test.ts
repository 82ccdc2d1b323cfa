import { stripVTControlCharacters, styleText } from 'node:util';
import * as fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import type { ScopeRecord, TaskRecord } from '../../../../src/task-record.ts';
import { taskLines } from '../../../../collector/cli/view/task-lines.ts';
import { screen, shownAttempt, shownScope, shownTask } from './shown-task.ts';

const RECORD = shownTask({ progress: 0.42, jobs: { total: 4, finished: 2, failed: 1, running: 1 } });

const ATTEMPT = shownAttempt(
  shownScope('Read file', { outcome: 'completed', progress: 1 }),
  shownScope('Write rows', {
    scopes: [
      shownScope('東京 offices', { progress: 0.5, done: 20, total: 40 }),
      shownScope('Family 👩‍👩‍👧 records of all the customers there are', { progress: 0.987, done: 1234, total: 1250 }),
      shownScope('Counted only', { done: 17 }),
    ],
  }),
  shownScope('Check totals', { outcome: 'failed', error: 'RangeError: the totals differ by 3' }),
  shownScope('Clean up', { outcome: 'cancelled' }),
);

const shown = (columns: number, rows?: number): string => `\n${taskLines({ record: RECORD, attempts: [ATTEMPT] }, screen(columns, rows)).join('\n')}\n`;

describe('a task on a screen', () => {
  it('of 80 columns', () => {
    expect(shown(80)).toBe(`
● Import customers                                                running  1m00s
  ━━━━━━━━━━━━━━━━────────────────────────  42%  2 of 4 jobs  1 failed
  ✓ Read file                                                               2.5s
  ● Write rows                                                               30s
    ● 東京 offices                        20/40 ━━━━━━━━━━──────────  50%    30s
    ● Family 👩‍👩‍👧 records of all the… 1,234/1,250 ━━━━━━━━━━━━━━━━━━━─  98%    30s
    ● Counted only                                                     17    30s
  ✗ Check totals  RangeError: the totals differ by 3                        2.5s
  ⊘ Clean up                                                                2.5s
`);
  });

  it('of 40 columns', () => {
    expect(shown(40)).toBe(`
● Import customers        running  1m00s
  ━━━──────  42%  2 of 4 jobs  1 failed
  ✓ Read file                       2.5s
  ● Write rows                       30s
    ● 東京 offices  ━━━━────  50%    30s
    ● Family 👩‍👩‍👧 re… ━━━━━━━─  98%    30s
    ● Counted only             17    30s
  ✗ Check totals  RangeError: th…   2.5s
  ⊘ Clean up                        2.5s
`);
  });

  it('of few rows has running scopes first, then failed ones, and counts the others', () => {
    expect(shown(40, 7)).toBe(`
● Import customers        running  1m00s
  ━━━──────  42%  2 of 4 jobs  1 failed
  ● Write rows                       30s
    ● 東京 offices  ━━━━────  50%    30s
    ● Family 👩‍👩‍👧 re… ━━━━━━━─  98%    30s
    ● Counted only             17    30s
  … and 3 others
`);
    expect(shown(40, 2)).toBe(`
● Import customers        running  1m00s
  ━━━──────  42%  2 of 4 jobs  1 failed
`);
  });

  it.each([
    [{ by: 'ada', reason: 'wrong file', heard: null }, 'cancel requested 30s ago by ada, not received yet: wrong file'],
    [{ by: null, reason: null, heard: '2026-11-24T09:00:40Z' }, 'cancel requested 30s ago, received 20s ago'],
  ])('that is to be cancelled shows whether its code has received that: %j', (request, line) => {
    const cancel = { requested: '2026-11-24T09:00:30Z', ...request };
    const lines = (record: Partial<TaskRecord>): string[] => taskLines({ record: shownTask({ cancel, ...record }), attempts: [] }, screen(80));
    expect(lines({})).toContain(`  ${line}`);
    expect(lines({ state: 'cancelled', finished: true, status: 0 }).join()).not.toContain('cancel requested');
  });

  it.each([
    [{ by: 'ada', reason: 'wrong file' }, ['  cancelled by ada: wrong file']],
    [{ by: 'ada', reason: null }, ['  cancelled by ada']],
    [{ by: null, reason: 'wrong file' }, ['  cancelled: wrong file']],
    [{ by: null, reason: null }, []],
  ])('that was cancelled shows by whom and why: %j', (request, notes) => {
    const cancel = { requested: '2026-11-24T09:00:30Z', heard: null, ...request };
    const record = shownTask({ cancel, state: 'cancelled', finished: true, status: 0, exception: '' });
    expect(taskLines({ record, attempts: [] }, screen(80)).filter((line) => line.startsWith('  cancelled'))).toEqual(notes);
  });

  it('whose stream has left scopes out counts these too', () => {
    const inside = [shownScope('Berlin'), shownScope('Paris', { outcome: 'failed' })];
    const attempt = { ...shownAttempt(...inside), steps: 10_002, failed: 3, running: 41 };
    expect(taskLines({ record: shownTask(), attempts: [attempt] }, screen(80)).at(-1)).toBe('  … and 40 running, 2 failed, 9,958 others');
    expect(taskLines({ record: shownTask(), attempts: [attempt] }, screen(80, 2)).at(-1)).toBe('  … and 41 running, 3 failed, 9,958 others');
  });

  it('that has failed shows the errors inside its error', () => {
    const record = shownTask({ state: 'failed', finished: true, status: 0, exception: 'row 7', exception_causes: ['RangeError: no date', 'Error: no file'] });
    const lines = taskLines({ record, attempts: [] }, screen(80));
    expect(lines.slice(lines.indexOf('  row 7'))).toEqual(['  row 7', '  caused by RangeError: no date', '  caused by Error: no file']);
  });

  it('that is lost: no sign turns, and no time goes on after the last heartbeat', () => {
    const record = shownTask({ state: 'lost', heard: '2026-11-24T09:00:40Z', progress: 0.42 });
    const lines = (columns: number, rows?: number): string[] => taskLines({ record, attempts: [ATTEMPT] }, { ...screen(columns, rows), frame: 1 });
    expect(`\n${lines(40).join('\n')}\n`).toBe(`
? Import customers           lost    40s
  ━━━━━━━━━━━━━───────────────────  42%
  its worker was last heard 20s ago
  ✓ Read file                       2.5s
  ? Write rows                       10s
    ? 東京 offices  ━━━━────  50%    10s
    ? Family 👩‍👩‍👧 re… ━━━━━━━─  98%    10s
    ? Counted only             17    10s
  ✗ Check totals  RangeError: th…   2.5s
  ⊘ Clean up                        2.5s
`);
    expect(lines(80, 6).at(-1)).toBe('  … and 2 lost, 1 completed, 1 failed, 1 cancelled');
  });

  it('has turning signs while it runs, and no longer than its task', () => {
    const turning = taskLines({ record: RECORD, attempts: [ATTEMPT] }, { ...screen(80), frame: 1 });
    expect(turning.filter((line) => line.includes('⠙'))).toHaveLength(5);
    const ended = shownTask({ state: 'failed', finished: true, status: 0, end: '2026-11-24T09:00:45Z' });
    const scope = taskLines({ record: ended, attempts: [ATTEMPT] }, screen(80)).find((line) => line.includes('Write rows'));
    expect(scope).toMatch(/ 15s$/);
  });

  it('has what it is doing where its progress is not known', () => {
    const current = { name: 'Write rows', span_id: 'a', done: 1204, total: 5000, share: 0.2408 };
    const jobs = { total: 3, finished: 2, failed: 0, running: 1 };
    expect(taskLines({ record: shownTask({ current, jobs }), attempts: [] }, screen(80)).slice(1)).toEqual(['  Write rows 1,204 of 5,000  2 of 3 jobs']);
    expect(taskLines({ record: shownTask({ current, progress: 0.5 }), attempts: [] }, screen(80)).join('\n')).not.toContain('Write rows');
  });

  it('of ten thousand scopes has the latest', () => {
    const scopes = Array.from({ length: 10_000 }, (_, index) => shownScope(`scope ${index}`, { outcome: 'completed' }));
    const lines = taskLines({ record: shownTask(), attempts: [shownAttempt(...scopes)] }, screen(40, 4));
    expect(lines.slice(1)).toEqual([
      '  ✓ scope 9998                      2.5s',
      '  ✓ scope 9999                      2.5s',
      '  … and 9,998 completed',
    ]);
  });

  it('is never wider than the screen, whatever the task has', () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 });
    const scopeWith = (inner: fc.Arbitrary<ScopeRecord[]>): fc.Arbitrary<ScopeRecord> =>
      fc
        .record({
          name,
          outcome: fc.constantFrom('running', 'completed', 'failed', 'cancelled'),
          progress: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
          done: fc.option(fc.nat()),
          total: fc.option(fc.nat()),
          error: fc.option(name),
          scopes: inner,
        })
        .map(({ name: text, ...fields }) => shownScope(text, fields));
    const few = (one: fc.Arbitrary<ScopeRecord>): fc.Arbitrary<ScopeRecord[]> => fc.array(one, { maxLength: 3 });
    const scope = scopeWith(few(scopeWith(few(scopeWith(fc.constant([]))))));
    const exception = fc.option(fc.string({ unit: 'binary' }), { nil: '' });
    fc.assert(
      fc.property(name, exception, fc.array(scope, { maxLength: 8 }), fc.integer({ min: 1, max: 120 }), fc.integer({ min: 1, max: 30 }), (title, error, scopes, columns, rows) => {
        const record = shownTask({ task_name: title, exception: error, state: 'failed', status: 0, progress: 0.3 });
        const paint = (format: Parameters<typeof styleText>[0], text: string): string => styleText(format, text, { validateStream: false });
        const lines = taskLines({ record, attempts: [shownAttempt(...scopes)], outage: error }, { ...screen(columns, rows), paint });
        expect(lines.length).toBeLessThanOrEqual(rows);
        for (const line of lines) {
          expect(stringWidth(line)).toBeLessThanOrEqual(columns);
          expect(stripVTControlCharacters(line)).not.toMatch(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u);
        }
      }),
    );
  });
});

describe('the notes about a task', () => {
  const noted = (record: Parameters<typeof shownTask>[0], outage?: string): string[] =>
    taskLines({ record: shownTask(record), attempts: undefined, outage }, screen(60)).slice(1);

  it('why it has failed', () => {
    expect(noted({ state: 'failed', status: 0, exception: 'disk full\u{1b}]0;owned\u{7}' })).toEqual(['  disk full␛]0;owned␇']);
  });

  it('that its worker is silent, or blocked', () => {
    expect(noted({ state: 'lost', heard: '2026-11-24T09:00:40Z' })).toEqual(['  its worker was last heard 20s ago']);
    expect(noted({ state: 'running', heard: '2026-11-24T09:00:40Z' })).toEqual([]);
    expect(noted({ state: 'running', heard: '2026-11-24T08:45:00Z' })).toEqual(['  last heard 16m00s ago']);
    expect(noted({ busy_since: '2026-11-24T09:00:56Z' })).toEqual(['  its worker is blocked for 4.0s']);
  });

  it('that the server is unreachable', () => {
    expect(noted({}, 'http://127.0.0.1:4320 can not be reached')).toEqual(['  http://127.0.0.1:4320 can not be reached']);
  });

  it('which attempt it is, but for the first', () => {
    expect(noted({ attempt: 2 })).toEqual(['  attempt 2']);
    expect(noted({ attempt: 1 })).toEqual([]);
  });
});
