import { expect, test } from 'vitest';
import { runTask } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';

/** What log and record show of an error that a scope of a task throws. */
async function shownOf(thrown: unknown): Promise<{ lines: string[]; causes: unknown; error: unknown }> {
  const { log, record } = recorded();
  let uuid = '';
  const running = runTask('Import', async (updater) => {
    uuid = updater.taskUuid;
    await updater.scope('Read', () => updater.scope('Customers', async () => Promise.reject(thrown as Error)));
  });
  await running.catch(() => undefined);
  const lines = (await log(uuid)).split('See error message:\n')[1]!.split('\tTask Finished')[0]!.trimEnd().split('\n');
  const { exception_causes: causes, error } = await record(uuid);
  return { lines, causes, error };
}

test('an error is recorded with its chain of causes', async () => {
  const refused = new Error('connect ECONNREFUSED 127.0.0.1:5432');
  const { lines, causes, error } = await shownOf(new TypeError('fetch failed', { cause: new RangeError('', { cause: refused }) }));
  expect(lines).toEqual(['TypeError: fetch failed', '\t  | caused by RangeError', '\t  | caused by Error: connect ECONNREFUSED 127.0.0.1:5432']);
  expect(causes).toEqual(['RangeError', 'Error: connect ECONNREFUSED 127.0.0.1:5432']);
  expect(error).toMatchObject({
    name: 'TypeError', message: 'fetch failed', path: ['Read', 'Customers'],
    causes: [{ name: 'RangeError', message: '' }, { name: 'Error', message: refused.message }],
  });
});

test('an AggregateError is recorded with the errors that it has, depth first', async () => {
  const first = new Error('mirror A: 503', { cause: new Error('too busy') });
  const { causes } = await shownOf(new AggregateError([first, 'mirror B: timeout', first], 'All promises were rejected', { cause: 7 }));
  expect(causes).toEqual(['Error: mirror A: 503', 'Error: too busy', 'Error: mirror B: timeout', 'Error: 7']);
});

test('a SuppressedError is recorded with both of its errors', async () => {
  const suppressed = Object.assign(new Error('An error was suppressed during disposal'), {
    name: 'SuppressedError', error: new Error('could not close'), suppressed: new Error('disk is full'),
  });
  expect((await shownOf(suppressed)).causes).toEqual(['Error: could not close', 'Error: disk is full']);
});

test('errors that contain each other are recorded once', async () => {
  const circle = new Error('circle');
  circle.cause = new Error('inner', { cause: circle });
  expect((await shownOf(circle)).causes).toEqual(['Error: inner']);
});

test('of many causes the first eight are recorded', async () => {
  const many = new AggregateError(Array.from({ length: 20 }, (_, at) => new Error(`error ${at}`)));
  expect((await shownOf(many)).causes).toHaveLength(8);
});

test('an `errors` that is no list of errors is left alone', async () => {
  const invalid = Object.assign(new Error('invalid'), { errors: ['name is required', { path: 'name' }] });
  expect((await shownOf(invalid)).causes).toEqual([]);
});

test('a hostile cause does no harm', async () => {
  const hostile = new Proxy({}, { get: () => { throw new Error('no'); } });
  expect((await shownOf(new Error('outer', { cause: hostile }))).lines[0]).toBe('Error: outer');
});

test('a task that fails by an error named TimeoutError has timed out', async () => {
  const { record, attempts } = recorded();
  let uuid = '';
  const running = runTask('Import', async (updater) => {
    uuid = updater.taskUuid;
    await updater.scope('Read', async () => Promise.reject(new DOMException('The operation was aborted due to timeout', 'TimeoutError')));
  });
  await running.catch(() => undefined);
  expect(await record(uuid)).toMatchObject({ state: 'failed', outcome: 'timed_out', error: { name: 'TimeoutError', path: ['Read'] } });
  expect((await attempts(uuid))[0]!.scopes[0]).toMatchObject({ outcome: 'timed_out' });
});

test('the error of a task is the one that its code threw, also where another scope failed later', async () => {
  const { record, log } = recorded();
  let uuid = '';
  const running = runTask('Import', async (updater) => {
    uuid = updater.taskUuid;
    const failing = new Error('the first');
    const first = updater.scope('First', async () => Promise.reject(failing));
    await first.catch(() => undefined);
    await updater.scope('Second', async () => Promise.reject(new Error('the second'))).catch(() => undefined);
    throw failing;
  });
  await running.catch(() => undefined);
  const { error, exception } = await record(uuid);
  expect({ exception, error }).toMatchObject({ exception: 'the first', error: { message: 'the first', path: ['First'] } });
  const text = Buffer.from(await log(uuid)).subarray(error!.log_offset!).toString();
  expect(text).toMatch(/^\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nError: the first\n/);
});
