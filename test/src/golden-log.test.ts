import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Outcome } from '../../src/conventions.ts';
import { attemptLine, finalLine, isVerbatim, messageLines, nameLine, outcomeLines, verbatimLine } from '../../src/log-line.ts';

/** The golden files: `test/e2e/python/test_taskspan.py` holds the Python package to them too. */
const FOLDER = new URL('../golden/log/', import.meta.url);

type Line =
  | ['message' | 'name', text: string]
  | ['outcome', outcome: Outcome, micros: number, error: { name: string; message: string; causes: [string, string][] } | null]
  | ['attempt', number: number]
  | ['final', outcome: Outcome, finished: number, total: number];

interface Golden {
  lines: Line[];
  log: string[];
}

test.each(readdirSync(FOLDER))('the lines of %s', (file) => {
  const { lines, log } = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Golden;
  expect(lines.map(written).join('').split('\n')).toEqual([...log, '']);
});

function written(line: Line): string {
  switch (line[0]) {
    case 'message':
      if (isVerbatim(line[1])) expect(verbatimLine(line[1])).toBe(messageLines(line[1]));
      return messageLines(line[1]);
    case 'name':
      return nameLine(line[1]);
    case 'attempt':
      return attemptLine(line[1]);
    case 'final':
      return finalLine(line[1], { total: line[3], finished: line[2], failed: line[3] - line[2] });
    default: {
      const [, outcome, micros, error] = line;
      const causes = error?.causes.map(([name, message]) => ({ name, message }));
      return outcomeLines(outcome, micros, error === null ? undefined : { ...error, causes });
    }
  }
}
