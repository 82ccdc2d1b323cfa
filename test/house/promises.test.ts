import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { REPOSITORY } from './imports.ts';

const SUITE = 'test/faults/rounds.test.ts';
const read = (file: string): string => readFileSync(join(REPOSITORY, file), 'utf8');

/** The promises of `docs/reliability.md`, a row each: the last cell has the file and the name of the test that holds it. */
const promises = read('docs/reliability.md')
  .split('\n')
  .filter((line) => /^\| (?!promise \||---)/.test(line))
  .map((row) => {
    const [promise = '', , , test = ''] = row.split('|').slice(1, -1).map((cell) => cell.trim());
    const [, file = '', name = ''] = /^`([^`]+)`: (.+)$/.exec(test) ?? [];
    return { promise, file, name };
  });

describe('the promises', () => {
  it('are there', () => {
    expect(promises.length).toBeGreaterThan(15);
  });

  it.each(promises)('$promise: has its test', ({ file, name }) => {
    expect(file).toMatch(/^test\/.+\.test\.ts$/);
    expect(read(file).replaceAll("\\'", "'")).toContain(`('${name}'`);
  });

  it('are all that the fault suite proves', () => {
    const shown = [...read(SUITE).matchAll(/test\('([^']+)', \(\) => expectKept/g)].map(([, name]) => name);
    expect(shown.length).toBeGreaterThan(9);
    const promised = promises.filter(({ file }) => file === SUITE).map(({ name }) => name);
    expect(new Set(promised)).toEqual(new Set(shown));
  });
});
