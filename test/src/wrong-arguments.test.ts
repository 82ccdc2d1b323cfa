import { describe, expect, test } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';

const OPTIONS = 'taskName, taskUuid, attempt, attributes, verbose, suppressException, redact, limits';

describe('new TaskUpdater refuses, with a message that has the expected and the received value,', () => {
  test.each<[string, unknown, string]>([
    ['no options', undefined, 'TaskUpdater: expected an object of options, got undefined'],
    ['null', null, 'TaskUpdater: expected an object of options, got null'],
    ['a bare name', 'Import', 'TaskUpdater: expected an object of options, got "Import"'],
    ['an unknown option', { taskName: 'T', uuid: 'x' }, `TaskUpdater: expected options among ${OPTIONS}, got "uuid"`],
    ['no name', {}, 'taskName: expected the name to be a string, got undefined'],
    ['a name that is no string', { taskName: 5 }, 'taskName: expected the name to be a string, got 5'],
    ['a malformed uuid', { taskName: 'T', taskUuid: 'abc' }, 'taskUuid: expected a UUID (RFC 9562), got "abc"'],
    ['null as uuid', { taskName: 'T', taskUuid: null }, 'taskUuid: expected a UUID (RFC 9562), got null'],
    ['attempt 0', { taskName: 'T', attempt: 0 }, 'attempt: expected a whole number of at least 1, got 0'],
    ['attempt 1.5', { taskName: 'T', attempt: 1.5 }, 'attempt: expected a whole number of at least 1, got 1.5'],
    ['attempt NaN', { taskName: 'T', attempt: NaN }, 'attempt: expected a whole number of at least 1, got NaN'],
    ['attempt "2"', { taskName: 'T', attempt: '2' }, 'attempt: expected a whole number of at least 1, got "2"'],
    ['attributes that are no object', { taskName: 'T', attributes: 'a=b' }, 'attributes: expected an object, got "a=b"'],
    ['a list of attributes', { taskName: 'T', attributes: ['a'] }, 'attributes: expected an object, got ["a"]'],
    [
      'an attribute of our own',
      { taskName: 'T', attributes: { 'taskspan.outcome': 'completed' } },
      'attributes: expected names that are not empty and not of taskspan.*, got "taskspan.outcome"',
    ],
    [
      'an attribute without a name',
      { taskName: 'T', attributes: { '': 1 } },
      'attributes: expected names that are not empty and not of taskspan.*, got ""',
    ],
    ['verbose: 1', { taskName: 'T', verbose: 1 }, 'verbose: expected a boolean, got 1'],
    ['suppressException: "no"', { taskName: 'T', suppressException: 'no' }, 'suppressException: expected a boolean, got "no"'],
    ['a limit of nothing', { taskName: 'T', limits: { message: 0 } }, 'limits.message: expected a whole number of at least 1, got 0'],
    ['an unknown limit', { taskName: 'T', limits: { text: 1 } }, 'limits: expected message, name, attributes, attributeValue, stack, result, got "text"'],
    ['a pattern to redact', { taskName: 'T', redact: /x/ }, 'redact: expected a function, got {}'],
  ])('%s', async (_, options, message) => {
    const { spans } = recorded();
    expect(() => new TaskUpdater(options as never)).toThrow(new TypeError(message));
    expect(await spans()).toEqual([]);
  });

  test('but takes options that are undefined for absent', () => {
    const options = { taskName: 'T', taskUuid: undefined, attempt: undefined, redact: undefined } as never;
    expect(new TaskUpdater(options).taskUuid).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('and quotes only the beginning of a long value', () => {
    const taskUuid = 'x'.repeat(10_000);
    expect(() => new TaskUpdater({ taskName: 'T', taskUuid })).toThrow(
      new TypeError(`taskUuid: expected a UUID (RFC 9562), got "${'x'.repeat(200)}…"`),
    );
  });
});

describe('a scope refuses', () => {
  const updater = new TaskUpdater({ taskName: 'T' });

  test.each<[string, unknown[], string]>([
    ['no name', [], 'scope: expected the name to be a string, got undefined'],
    ['a number for a name', [5, () => 1], 'scope: expected the name to be a string, got 5'],
    ['a name after the function', [() => 1, 'S'], 'scope: expected an object of options, got "S"'],
    ['a promise for a function', ['S', Promise.resolve()], 'scope: expected a function, got {}'],
    ['null for a function', ['S', null], 'scope: expected a function, got null'],
    [
      'an unknown option',
      ['S', () => 1, { supressException: false }],
      'scope: expected options among suppressException, got "supressException"',
    ],
    [
      'an option of another type',
      ['S', () => 1, { suppressException: 'no' }],
      'suppressException: expected a boolean, got "no"',
    ],
    ['options that are none', ['S', () => 1, false], 'scope: expected an object of options, got false'],
  ])('%s', (_, args, message) => {
    expect(() => updater.scope(...(args as [string]))).toThrow(new TypeError(message));
  });

  test('but no name that a task in another language could have', () => {
    expect(updater.scope('  名前 \u{1f600} ', () => 1)).toBe(1);
  });
});

describe('notify refuses', () => {
  const updater = new TaskUpdater({ taskName: 'T' });

  test.each<[string, unknown[], string]>([
    ['nothing', [], 'notify: expected the message to be a string, got undefined'],
    ['a number', [5], 'notify: expected the message to be a string, got 5'],
    ['an error', [new Error('no')], 'notify: expected the message to be a string, got {}'],
    ['attributes that are no object', ['m', 'a=b'], 'notify: expected the attributes to be an object, got "a=b"'],
    ['null for attributes', ['m', null], 'notify: expected the attributes to be an object, got null'],
    ['a list of attributes', ['m', ['a']], 'notify: expected the attributes to be an object, got ["a"]'],
  ])('%s', (_, args, message) => {
    expect(() => updater.notify(...(args as [string]))).toThrow(new TypeError(message));
  });

  test('but no empty message', async () => {
    const { log } = recorded();
    const task = new TaskUpdater({ taskName: 'T' });
    task.notify('');
    expect(await log(task)).toBe('\t\n');
  });
});
