import { describe, expect, it } from 'vitest';
import { listLines } from '../../../collector/cli/list.ts';
import type { CurrentScope } from '../../../src/task-record.ts';
import { screen, shownTask } from './view/shown-task.ts';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
const TASKS = [
  shownTask({ progress: 0.429 }),
  shownTask({ task_name: '顧客データの取り込み \u{1b}[31m', state: 'completed', progress: 1, end: '2026-11-24T09:00:04.500Z' }),
  shownTask({ task_name: 'Waits', state: 'queued', start: null }),
];

describe('a list of tasks', () => {
  const { now, paint } = screen(80);
  const shown = (columns: number | undefined): string => `\n${listLines(TASKS, { columns, now, paint }).join('\n')}\n`;

  it('of 120 columns has a task a line', () => {
    expect(shown(120)).toBe(`
running     42%   1m00s   1m00s ago  ${UUID}  Import customers
completed  100%    4.5s   1m00s ago  ${UUID}  顧客データの取り込み ␛[31m
queued                               ${UUID}  Waits
`);
  });

  it('is the same off a terminal, however long the names are', () => {
    expect(shown(undefined)).toBe(shown(120));
    const name = 'x'.repeat(200);
    expect(listLines([shownTask({ task_name: name })], { columns: undefined, now, paint })[0]).toContain(name);
  });

  it('of 80 columns has the UUID below', () => {
    expect(shown(80)).toBe(`
● Import customers                                         running    42%  1m00s
  ${UUID}
✓ 顧客データの取り込み ␛[31m                               completed 100%   4.5s
  ${UUID}
○ Waits                                                    queued
  ${UUID}
`);
  });

  it('of 40 columns too', () => {
    expect(shown(40)).toBe(`
● Import customers            42%  1m00s
  ${UUID}
✓ 顧客データの取り込み ␛[31m 100%   4.5s
  ${UUID}
○ Waits
  ${UUID}
`);
  });

  it('has what a running task is doing, after its name', () => {
    const current = { name: 'Write \u{1b}rows', span_id: 'a', done: 1204, total: 5000, share: 0.2408 };
    const line = (columns: number | undefined, fields: Partial<CurrentScope> = {}): string =>
      listLines([shownTask({ current: { ...current, ...fields } })], { columns, now, paint })[0]!;
    expect(line(undefined)).toMatch(/ {2}Import customers {2}Write ␛rows 1,204 of 5,000$/);
    expect(line(undefined, { total: null, share: null })).toMatch(/ {2}Import customers {2}Write ␛rows 1,204$/);
    expect(line(undefined, { done: null, total: null })).toMatch(/ {2}Import customers {2}Write ␛rows$/);
    expect(line(undefined, { name: '' })).toMatch(/ {2}Import customers$/);
    expect(line(80)).toBe('● Import customers  Write ␛rows 1,204 of 5,000             running         1m00s');
  });

  it('has the time of a lost task until the last heartbeat, or else the last fact', () => {
    const lost = (heard: string | null, updated: string): string =>
      listLines([shownTask({ state: 'lost', heard, updated })], { columns: undefined, now, paint })[0]!;
    expect(lost('2026-11-24T09:00:40Z', '2026-11-24T09:00:20Z')).toMatch(/^lost +40s {3}1m00s ago /);
    expect(lost(null, '2026-11-24T09:00:20Z')).toMatch(/^lost +20s {3}1m00s ago /);
  });
});
