import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ROW_BYTES } from '../../../collector/record/journal.ts';
import type { JournalRow } from '../../../collector/record/journal.ts';
import { TaskFold } from '../../../collector/record/task-fold.ts';
import type { Fact } from '../../../src/fact.ts';
import { factLines } from '../../../src/log-line.ts';
import { cases } from './arbitrary-task.ts';
import { commitFacts } from './folding.ts';
import { ScriptedTask, UUID } from './scripted-task.ts';

/** The rows of one commit of these facts, and the text that the commit adds to the log. */
function rowsOf(facts: readonly Fact[]): { rows: readonly JournalRow[]; text: string } {
  const { rows } = commitFacts(new TaskFold(UUID), facts)!;
  return { rows, text: rows.map((row) => row.text).join('') };
}

function taskSaying(...messages: readonly string[]): Fact[] {
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (const message of messages) attempt.notify(message);
  return task.facts;
}

function checkRows(rows: readonly JournalRow[]): void {
  let offset = 0;
  for (const row of rows) {
    expect(row.offset).toBe(offset);
    expect(row.bytes).toBe(Buffer.byteLength(row.text));
    expect(row.bytes).toBeLessThanOrEqual(ROW_BYTES);
    expect(row.entries.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(row.bytes);
    offset += row.bytes;
  }
}

describe('the text of one commit', () => {
  test('is in rows of at most 64 KiB that end with lines, and are nearly full', () => {
    const messages = Array.from({ length: 20_000 }, (_, at) => `row ${at} of the customers was written ${at % 3 === 0 ? '✓' : ''}`);
    const facts = taskSaying(...messages);
    const { rows, text } = rowsOf(facts);
    checkRows(rows);
    expect(text).toBe(facts.map(factLines).join(''));
    for (const row of rows) expect(row.text.endsWith('\n')).toBe(true);
    for (const { bytes } of rows.slice(0, -1)) expect(bytes).toBeGreaterThan(ROW_BYTES - 200);
  });

  test('is one row where it is short', () => {
    expect(rowsOf(taskSaying('one', 'two')).rows).toHaveLength(1);
  });

  test('is cut inside the lines of one fact where these are longer than a row: at ends of lines', () => {
    const lines = Array.from({ length: 1000 }, (_, at) => `${at} ${'é'.repeat(50)}`);
    const { rows, text } = rowsOf(taskSaying('before', lines.join('\n'), 'after'));
    checkRows(rows);
    expect(rows.length).toBeGreaterThan(2);
    for (const row of rows) expect(row.text.endsWith('\n')).toBe(true);
    expect(text).toContain(`\t0 ${'é'.repeat(50)}\n\t  | 1 `);
  });

  test('is cut between characters where one line is longer than a row, and the message is not lost', () => {
    const message = '🎉a✓'.repeat(16_000);
    const { rows, text } = rowsOf(taskSaying('before', message, 'after'));
    checkRows(rows);
    expect(text).toBe(`\tbefore\n\t${message}\n\tafter\n`);
    for (const row of rows) expect(row.text.isWellFormed()).toBe(true);
    const entries = rows.flatMap((row) => row.entries);
    expect(entries.map(({ notification }) => notification)).toEqual([
      { named: false },
      { named: false, message },
      ...Array<undefined>(entries.length - 3).fill(undefined),
      { named: false },
    ]);
  });

  test('is that of its facts, in rows whose entries are all of them, whatever the texts', () => {
    const part = fc.tuple(fc.constantFrom('a', 'é', '✓', '🎉', '\n', 'line of some length\n'), fc.integer({ min: 1, max: 30_000 }));
    const message = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.map(([text, count]) => text.repeat(count)).join('').slice(0, 65_536));
    fc.assert(
      fc.property(fc.array(message, { maxLength: 12 }), (messages) => {
        const facts = taskSaying(...messages.map((text) => text.toWellFormed()));
        const { rows, text } = rowsOf(facts);
        checkRows(rows);
        expect(text === facts.map(factLines).join('')).toBe(true);
      }),
      cases(100),
    );
  });

  test('leaves with its scope the rows that hold the last hundred notifications', () => {
    const task = new TaskFold(UUID);
    const facts = taskSaying(...Array.from({ length: 5000 }, (_, at) => `${at} ${'x'.repeat(100)}`));
    const { rows } = commitFacts(task, facts)!;
    const { recent } = task.attempts[0]!;
    const inRow = (row: JournalRow): number => row.entries.filter(({ notification }) => notification !== undefined).length;
    const last = rows.at(-1)!;
    const expected = inRow(last) >= 100 ? [last] : rows.slice(-2);
    expect(recent).toEqual(expected.flatMap((row) => [row.offset, inRow(row)]));
  });
});
