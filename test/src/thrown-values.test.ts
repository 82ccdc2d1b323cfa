import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { TaskUpdater } from '../../src/index.ts';
import { describeFailure, failureText, received } from '../../src/failure.ts';
import { recorded } from './support/recorded.ts';
import { caught, thrown } from './support/thrown.ts';

class NamedError extends Error {
  override readonly name = 'NamedError';
}

const hostile: ProxyHandler<object> = Object.fromEntries(
  Object.getOwnPropertyNames(Reflect).map((trap) => [trap, () => thrown(new Error(`no ${trap}`))]),
);

/** A thrown value, the name and the message in its log, and the exception in its record. */
const VALUES: [what: string, value: unknown, name: string, message: string, exception: string][] = [
  ['an error', new Error('no'), 'Error', 'no', 'no'],
  ['an error of a class of its own', new NamedError('no'), 'NamedError', 'no', 'no'],
  ['an error without a message', new NamedError(), 'NamedError', '', 'NamedError'],
  ['an error with a blank message', new RangeError(' \n '), 'RangeError', ' \n ', 'RangeError'],
  ['an error without message and name', withName(new RangeError(''), ''), 'RangeError', '', 'RangeError'],
  ['an error with a blank name', withName(new RangeError(''), ' \t'), 'RangeError', '', 'RangeError'],
  ['an error whose name is a number', withName(new TypeError('no'), 42), 'TypeError', 'no', 'no'],
  ['an error whose name is an object', withName(new TypeError('no'), {}), 'TypeError', 'no', 'no'],
  ['an error whose message is a number', Object.assign(new Error('x'), { message: 7 }), 'Error', '', 'Error'],
  ['a type error with a code', Object.assign(new TypeError('no'), { code: 'ENOENT' }), 'TypeError', 'no', 'no'],
  ['an aggregate', new AggregateError([new Error('a'), 'b'], 'all failed'), 'AggregateError', 'all failed', 'all failed'],
  ['an aggregate without a message', new AggregateError([1]), 'AggregateError', '', 'AggregateError'],
  ['an error of another realm', runInNewContext('new RangeError("far")'), 'RangeError', 'far', 'far'],
  ['a frozen error', Object.freeze(new RangeError('cold')), 'RangeError', 'cold', 'cold'],
  ['a DOMException', new DOMException('stop', 'AbortError'), 'AbortError', 'stop', 'stop'],
  ['a string', 'just text', 'Error', 'just text', 'just text'],
  ['an empty string', '', 'Error', '', 'Error'],
  ['null', null, 'Error', 'null', 'null'],
  ['undefined', undefined, 'Error', 'undefined', 'undefined'],
  ['a number', 42, 'Error', '42', '42'],
  ['a bigint', 42n, 'Error', '42', '42'],
  ['false', false, 'Error', 'false', 'false'],
  ['a symbol', Symbol('s'), 'Error', 'Symbol(s)', 'Symbol(s)'],
  ['a function', () => 1, 'Error', 'a function', 'a function'],
  ['an object', { code: 5 }, 'Error', '{"code":5}', '{"code":5}'],
  ['an object like an error', { name: 'Odd', message: 'no' }, 'Odd', 'no', 'no'],
  ['an object with a message', { message: 'no' }, 'Error', 'no', 'no'],
  ['an object without a prototype', Object.create(null), 'Error', '{}', '{}'],
  ['an object that is a circle', circle(), 'Error', 'a value that can not be shown', 'a value that can not be shown'],
  ['an error whose message throws', throwing(new RangeError('x'), 'message'), 'RangeError', '', 'RangeError'],
  ['an error whose name throws', throwing(new RangeError('no'), 'name'), 'RangeError', 'no', 'no'],
  ['an error whose stack throws', throwing(new RangeError('no'), 'stack'), 'RangeError', 'no', 'no'],
  ['an error whose cause throws', throwing(new RangeError('no'), 'cause'), 'RangeError', 'no', 'no'],
  ['an error whose constructor throws', throwing(withName(new Error('no'), 0), 'constructor'), 'Error', 'no', 'no'],
  [
    'a proxy that throws on everything',
    new Proxy({}, hostile),
    'Error',
    'a value that can not be shown',
    'a value that can not be shown',
  ],
  [
    'a callable proxy that throws on everything',
    new Proxy(() => undefined, hostile),
    'Error',
    'a function',
    'a function',
  ],
];

describe('a thrown value is recorded, kept and rethrown, whatever it is:', () => {
  test.each(VALUES)('%s', async (_, value, name, message, exception) => {
    const { record, span } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(updater.scope('Job', () => thrown(value))).toBeUndefined();
    expect(updater.latestException === value).toBe(true);
    const raised = caught(() => updater.raiseLatestException());
    expect(raised === value).toBe(true);
    const thrownOn = caught(() => updater.scope('Again', () => thrown(value), { suppressException: false }));
    expect(thrownOn === value).toBe(true);

    expect(await record(updater)).toMatchObject({ state: 'failed', exception, jobs: { total: 1, failed: 1 } });
    const { events, status, attributes } = await span('Job');
    expect(events.map((event) => [event.name, event.attributes])).toEqual([
      ['exception', expect.objectContaining({ 'exception.type': name, 'exception.message': message })],
    ]);
    expect(status).toEqual({ code: 2, message });
    expect(attributes).toMatchObject({ 'taskspan.error': name, 'error.type': name, 'taskspan.outcome': 'failed' });
  });

  test.each(VALUES)('%s from an asynchronous function', async (_, value, __, ___, exception) => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    await updater.scope('Job', async () => thrown(value));
    expect(updater.latestException === value).toBe(true);
    expect(await record(updater)).toMatchObject({ exception, jobs: { total: 1, failed: 1 } });
  });
});

describe('the stack of an error', () => {
  test('goes on with its causes', () => {
    const root = new Error('the disk is full');
    const error = new Error('can not save', { cause: new TypeError('can not write', { cause: root }) });
    const { stack } = describeFailure(error);
    expect(stack).toMatch(
      /^Error: can not save\n(.|\n)*\nCaused by: TypeError: can not write\n(.|\n)*\nCaused by: Error: the disk is full\n/,
    );
  });

  test('shows a cause that is no error', () => {
    expect(describeFailure(new Error('no', { cause: 'a string' })).stack).toMatch(/\nCaused by: a string$/);
    expect(describeFailure(new Error('no', { cause: 0 })).stack).toMatch(/\nCaused by: 0$/);
  });

  test('shows what an aggregate contains', () => {
    const { stack } = describeFailure(new AggregateError([new Error('a'), new RangeError('b')], 'all failed'));
    expect(stack).toMatch(/^AggregateError: all failed\n(.|\n)*\nContains: Error: a\n(.|\n)*\nContains: RangeError: b\n/);
  });

  test('ends where causes run in a circle, however long', () => {
    const errors = Array.from({ length: 100_000 }, (_, at) => new Error(`error ${at}`));
    for (const [at, error] of errors.entries()) error.cause = errors[(at + 1) % errors.length];
    const itself = new Error('alone');
    itself.cause = itself;
    expect(describeFailure(errors[0]).stack!.match(/^Caused by: /gm)).toHaveLength(7);
    expect(describeFailure(itself).stack).not.toContain('Caused by');
  });

  test('is absent if there is none', () => {
    const error = new Error('no');
    Object.defineProperty(error, 'stack', { value: undefined });
    expect(describeFailure(error).stack).toBeUndefined();
    expect(describeFailure('text').stack).toBeUndefined();
  });

  test('of an error that has none names the error before its cause', () => {
    const error = new RangeError('no', { cause: 'why' });
    Object.defineProperty(error, 'stack', { value: undefined });
    expect(describeFailure(error).stack).toBe('RangeError: no\nCaused by: why');
  });

  test('is on the exception event', async () => {
    const { span } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const error = new Error('no');
    updater.scope('Job', () => thrown(error));
    expect((await span('Job')).events[0]!.attributes).toMatchObject({ 'exception.stacktrace': error.stack });
  });
});

describe('failureText', () => {
  test.each([
    [{ name: 'TypeError', message: 'no' }, 'no'],
    [{ name: 'TypeError', message: '' }, 'TypeError'],
    [{ name: 'TypeError', message: ' \n' }, 'TypeError'],
    [{ name: '', message: '' }, 'Error'],
  ])('of %j is %j, never empty', (failure, text) => {
    expect(failureText(failure)).toBe(text);
  });
});

describe('received', () => {
  test.each<[unknown, string]>([
    ['text', '"text"'],
    ['two\nlines "quoted"', '"two\\nlines \\"quoted\\""'],
    [['a'], '["a"]'],
    [{ toJSON: () => undefined }, '[object Object]'],
    [-0, '0'],
    [new Proxy({}, hostile), 'a value that can not be shown'],
    ['x'.repeat(201), `"${'x'.repeat(200)}…"`],
    [Array.from({ length: 1000 }, () => 1), `[${'1,'.repeat(99)}1…`],
  ])('shows a value shortly and safely', (value, text) => {
    expect(received(value)).toBe(text);
  });
});

function withName(error: Error, name: unknown): Error {
  return Object.defineProperty(error, 'name', { value: name });
}

function throwing(error: Error, property: string): Error {
  return Object.defineProperty(error, property, { get: () => thrown(new Error(`no ${property}`)) });
}

function circle(): unknown {
  const circular: { self?: unknown } = {};
  circular.self = circular;
  return circular;
}
