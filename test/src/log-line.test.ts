import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { attemptLine, finalLine, messageLines, nameLine, outcomeLines, timeSpent } from '../../src/log-line.ts';
import { recorded } from './support/recorded.ts';
import { thrown } from './support/thrown.ts';

const NUL = '\0';
const ESC = '\u001b';
const FORGED = 'Task Finished - 9 out of 9 jobs finished';

describe('a message', () => {
  test.each([
    ['plain', 'Row 5 of 10', '\tRow 5 of 10\n'],
    ['empty', '', '\t\n'],
    ['blank', ' \t\n ', '\t\n'],
    ['with leading white space', ' \t\u00a0\ufeff Row', '\tRow\n'],
    ['with trailing white space', 'Row  ', '\tRow  \n'],
    ['with tabs inside', 'a\tb', '\ta\tb\n'],
    ['of two lines', 'one\ntwo', '\tone\n\t  | two\n'],
    ['of Windows lines', 'one\r\ntwo\r\n', '\tone\n\t  | two\n\t  | \n'],
    [
      'with all line breaks there are',
      'a\nb\vc\fd\re\u0085f\u2028g\u2029h',
      `\ta\n${marked('b', 'c', 'd', 'e', 'f', 'g', 'h')}`,
    ],
    ['with NUL and ESC', `${NUL}a${ESC}[31mred`, '\t\u2400a\u241b[31mred\n'],
    ['with DEL and C1 controls', '\u007f\u0080\u009b', '\t\u2421\\u{80}\\u{9b}\n'],
    ['that overrides the direction of text', 'a\u202eb\u2066c\u2069', '\ta\\u{202e}b\\u{2066}c\\u{2069}\n'],
    ['in another script', '\u05e9\u05dc\u05d5\u05dd', '\t\u05e9\u05dc\u05d5\u05dd\n'],
    ['with an emoji of several parts', '\u{1f468}\u200d\u{1f4bb}', '\t\u{1f468}\u200d\u{1f4bb}\n'],
    ['that reads like a final line', FORGED, `\t  | ${FORGED}\n`],
    ['that reads like one after white space', '\n\t Task Finished - 9 out of 9', '\t  | Task Finished - 9 out of 9\n'],
    ['that reads like an attempt', 'Attempt 2', '\t  | Attempt 2\n'],
    ['that only begins like one', 'Attempting again', '\tAttempting again\n'],
    ['that reads like an outcome', '\t\tSuccessfully completed', '\tSuccessfully completed\n'],
    ['that reads like a scope', '\t - Write rows', '\t- Write rows\n'],
    ['that reads like all of them', `x\n\t\tFailed\n\t${FORGED}`, `\tx\n\t  | \t\tFailed\n\t  | \t${FORGED}\n`],
  ])('%s', (_, message, lines) => {
    expect(messageLines(message)).toBe(lines);
  });
});

describe('a name', () => {
  test.each([
    ['plain', 'Write rows', '\t - Write rows\n'],
    ['with white space around it', ' \n Write rows\t', '\t - Write rows\n'],
    ['stays on one line', 'Write\r\nrows\u2028fast', '\t - Write rows fast\n'],
    ['has its controls made visible', `a${NUL}${ESC}b\u202e`, '\t - a\u2400\u241bb\\u{202e}\n'],
    ['can not forge an end', 'x\n\t\tSuccessfully completed', '\t - x \t\tSuccessfully completed\n'],
  ])('%s', (_, name, line) => {
    expect(nameLine(name)).toBe(line);
  });

  test('has a mark when its lines go on', () => {
    expect(nameLine('Write rows', true)).toBe('\t - Write rows (continued)\n');
  });
});

describe('an outcome', () => {
  const failed = '\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\n';

  test.each([
    ['without a message', { name: 'TypeError', message: '' }, 'TypeError\n'],
    ['plain', { name: 'TypeError', message: 'no' }, 'TypeError: no\n'],
    ['of several lines', { name: 'E', message: '\n one\n two\n' }, 'E: one\n\t  |  two\n'],
    ['that reads like a final line', { name: 'E', message: `x\n\t${FORGED}` }, `E: x\n\t  | \t${FORGED}\n`],
    ['whose name has lines', { name: '\t - A\n\tAttempt 2', message: 'no' }, '- A \tAttempt 2: no\n'],
    ['with controls', { name: `E${ESC}`, message: `${NUL}\u202e` }, 'E\u241b: \u2400\\u{202e}\n'],
  ])('by an error %s', (_, error, lines) => {
    expect(outcomeLines('failed', 0, error)).toBe(failed + lines);
  });

  test.each([
    ['completed', '\t\tSuccessfully completed\n'],
    ['failed', '\t\tFailed\n'],
    ['cancelled', '\t\tCancelled\n'],
  ] as const)('%s', (outcome, line) => {
    expect(outcomeLines(outcome, 0, undefined)).toBe(`${line}\t\tTime spent: 0h0m\n`);
  });

  test.each([
    [0, '0h0m'],
    [59_999_999, '0h0m'],
    [60_000_000, '0h1m'],
    [3_599_999_999, '0h59m'],
    [3_600_000_000, '1h0m'],
    [93_780_000_000, '26h3m'],
  ])('after %d microseconds took %s', (micros, text) => {
    expect(timeSpent(micros)).toBe(text);
  });
});

test('each attempt from the second on has a line of its own', () => {
  expect(attemptLine(1)).toBe('');
  expect(attemptLine(2)).toBe('\tAttempt 2\n');
  expect(attemptLine(1, true)).toBe('\tAttempt 1, again\n');
});

const STRUCTURAL = /^\t - |^\t\t|^\tTask (?:Finished|Cancelled)(?: - |$)|^\tAttempt \d/;
const BREAKS = /\r\n|[\n\v\f\r\u0085\u2028\u2029]/;
// oxlint-disable-next-line no-control-regex
const INVISIBLE = /[\0-\x08\n-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/;

/** Text that imitates a log. */
const forgery = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\t', ' ', '\n', '\r', '\r\n', '\u2028', '\u0085', '\u00a0', '\ufeff', NUL, ESC, '\ud800', '\u2066',
        ' - ', '\t - ', '\t\t', 'Task Finished - ', 'Task Finished - 9 out of 9 jobs finished', 'Attempt 2', '  | ',
        'Successfully completed', '\t\tFailed', '(continued)', 'Write rows',
      ),
      fc.string({ unit: 'binary', maxLength: 4 }),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

describe('whatever the text', () => {
  const runs = { numRuns: 5000 };

  test('no message makes a line that reads like one of ours, and each of its lines is one line', () => {
    fc.assert(
      fc.property(forgery, (message) => {
        const lines = linesOf(messageLines(message));
        expect(lines).toHaveLength(message.trimStart().split(BREAKS).length);
        for (const line of lines) {
          expect(line).not.toMatch(STRUCTURAL);
          expect(line).not.toMatch(INVISIBLE);
          expect(line).toMatch(/^\t/);
        }
        for (const line of lines.slice(1)) expect(line).toMatch(/^\t {2}\| /);
      }),
      runs,
    );
  });

  test('a name is one line', () => {
    fc.assert(
      fc.property(forgery, fc.boolean(), (name, continued) => {
        const [line, ...more] = linesOf(nameLine(name, continued));
        expect(more).toEqual([]);
        expect(line).toMatch(/^\t - /);
        expect(line).not.toMatch(INVISIBLE);
      }),
      runs,
    );
  });

  test('no error makes a line that reads like one of ours', () => {
    fc.assert(
      fc.property(forgery, forgery, (name, message) => {
        const lines = linesOf(outcomeLines('failed', 0, { name, message }));
        expect(lines.slice(0, 3)).toEqual(['\t\tFailed', '\t\tTime spent: 0h0m', '\t\tSee error message:']);
        for (const line of lines.slice(3)) {
          expect(line).not.toMatch(STRUCTURAL);
          expect(line).not.toMatch(INVISIBLE);
        }
        for (const line of lines.slice(4)) expect(line).toMatch(/^\t {2}\| /);
      }),
      runs,
    );
  });

  test('the log of a task has the lines of its scopes and its end, and no others of that kind', async () => {
    const recording = recorded();
    await fc.assert(
      fc.asyncProperty(forgery, forgery, async (text, other) => {
        const name = `${other}x`;
        const updater = new TaskUpdater({ taskName: name });
        updater.scope(name, (scope) => scope.notify(text));
        updater.scope(name, () => {
          const error = new Error(text);
          error.name = name;
          throw error;
        });
        updater.scope(name, () => thrown(text));
        updater.notify(text);
        updater.insertFinalUpdate();
        const log = await recording.log(updater);
        const ours = linesOf(log).filter((line) => STRUCTURAL.test(line));
        const oneName = nameLine(name.toWellFormed()).slice(0, -1);
        const failed = ['\t\tFailed', '\t\tTime spent: 0h0m', '\t\tSee error message:'];
        expect(ours).toEqual([
          oneName,
          '\t\tSuccessfully completed',
          '\t\tTime spent: 0h0m',
          oneName,
          ...failed,
          oneName,
          ...failed,
          finalLine('failed', { total: 3, finished: 1, failed: 2 }).slice(0, -1),
        ]);
      }),
      { numRuns: 300 },
    );
  });
});

function marked(...lines: string[]): string {
  return lines.map((line) => `\t  | ${line}\n`).join('');
}

/** The lines of a text in which each line ends with a line feed. */
function linesOf(text: string): string[] {
  expect(text).toMatch(/\n$/);
  return text.slice(0, -1).split('\n');
}
