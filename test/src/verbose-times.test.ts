import { expect, test } from 'vitest';
import { runTask, TaskUpdater } from '../../src/index.ts';
import { capturedStdout } from './support/stdout.ts';

test('verbose prints the time before each line where it is asked to', () => {
  const printed = capturedStdout();
  runTask('T', (updater) => updater.scope('Read', (scope) => scope.notify('one\ntwo')), { verbose: { times: true } });
  const lines = printed().split('\n').slice(0, -1);
  expect(lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /, ''))).toEqual([
    '\t - Read', '\tone', '\t  | two', '\t\tSuccessfully completed', '\t\tTime spent: 0h0m', '\tTask Finished - 1 out of 1 jobs finished',
  ]);
  expect(lines.every((line) => /^\d{4}-/.test(line))).toBe(true);
});

test('verbose without times prints the log as it is', () => {
  const printed = capturedStdout();
  runTask('T', () => undefined, { verbose: {} });
  expect(printed()).toBe('\tTask Finished\n');
});

test.each([
  [{ time: true }, 'verbose: expected options among times, got "time"'],
  [{ times: 1 }, 'verbose.times: expected a boolean, got 1'],
  [1, 'verbose: expected a boolean, got 1'],
])('verbose %j is refused', (verbose, message) => {
  expect(() => new TaskUpdater({ taskName: 'T', verbose: verbose as never })).toThrow(new TypeError(message));
});
