import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createReceiver, memoryStore } from '../../collector/index.ts';
import { announceTask, continueTask, runTask, TaskUpdater } from '../../src/index.ts';
import { ENCODINGS, MEDIA_TYPES, traceBody } from '../collector/otlp/receive/otlp-bodies.ts';
import { diagnosed } from './support/diagnosed.ts';
import { progressEvents } from './support/progress-events.ts';
import { recorded } from './support/recorded.ts';
import { thrown } from './support/thrown.ts';

/** What a type checker can't catch is corrected, never thrown, and reported once a task. */

const AMOUNT = 'a finite number of at least 0';
const PLAN = 'a whole number of at least 1, a list of different names or an object of positive weights by name';

function reported(task: TaskUpdater, warnings: readonly string[]): string[] {
  return warnings.map((line) => line.replace('taskspan: ', '').replaceAll(task.taskUuid, 'UUID'));
}

describe('progress', () => {
  test.each([NaN, -1, Infinity, -Infinity])('of %d is dropped', async (done) => {
    const recording = recorded();
    const warnings = diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Steps', (scope) => {
      scope.progress(1, 4);
      scope.progress(done, 4);
      scope.progress(done);
    });
    expect(progressEvents(await recording.span('Steps'))).toEqual(['1/4']);
    expect(reported(updater, warnings)).toEqual([`progress() in task UUID is dropped: expected done to be ${AMOUNT}, got ${done}`]);
  });

  test.each([NaN, -1, Infinity])('of a total of %d has none', async (total) => {
    const recording = recorded();
    const warnings = diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Steps', (scope) => scope.progress(1, total));
    updater.scope('Others', (scope) => [...scope.each(new Set(['a', 'b']).values(), { total })]);
    updater.scope('Sized', (scope) => [...scope.each(['a'], { total })]);
    expect(progressEvents(await recording.span('Steps'))).toEqual(['1']);
    expect(progressEvents(await recording.span('Others'))).toEqual(['0', '2']);
    expect(progressEvents(await recording.span('Sized'))).toEqual(['0/1', '1/1']);
    expect(reported(updater, warnings)).toEqual([`progress() in task UUID has no total: expected ${AMOUNT}, got ${total}`]);
  });

  test('is reported again for the next task', () => {
    recorded();
    const warnings = diagnosed();
    for (let task = 0; task < 3; task++) runTask('T', (updater) => updater.progress(NaN));
    expect(warnings).toHaveLength(3);
  });
});

describe('a blank name', () => {
  test.each(['', ' \n\t', '\u00a0'])('%j of a task, a scope, a part, a child or an announcement is (unnamed)', async (blank) => {
    const { record, attempts } = recorded();
    const warnings = diagnosed();
    const announced = await announceTask({ taskName: blank });
    expect(await record(announced)).toMatchObject({ task_name: '(unnamed)', state: 'queued' });
    const updater = new TaskUpdater({ taskName: blank });
    expect(updater.scope(blank, () => 42)).toBe(42);
    expect(continueTask(updater.carrier()).scope(blank, () => 43)).toBe(43);
    const child = continueTask(updater.carrier()).child(blank, ({ taskUuid }) => taskUuid);
    updater.complete();
    expect(await record(updater)).toMatchObject({ task_name: '(unnamed)', state: 'completed' });
    expect((await attempts(updater))[0]!.scopes.map(({ name }) => name)).toEqual(['(unnamed)', '(unnamed)', '(unnamed)']);
    expect((await record(child)).task_name).toBe('(unnamed)');
    expect(warnings).toEqual([announced, updater.taskUuid, child].map((uuid) => `taskspan: a blank name in task ${uuid} is replaced by (unnamed)`));
  });

  test('may also be the result of a redaction', async () => {
    const { record, attempts } = recorded();
    diagnosed();
    const updater = new TaskUpdater({ taskName: 'secret', redact: (text) => text.replace('secret', '') });
    updater.plan(['secret', 'other']);
    updater.scope('secret', () => undefined);
    expect(await record(updater)).toMatchObject({ task_name: '(unnamed)', progress: 0.5 });
    expect((await attempts(updater))[0]!.scopes[0]!.name).toBe('(unnamed)');
  });
});

describe('a plan', () => {
  const progressAfter = async (plan: unknown, ...scopes: string[]): Promise<{ progress: number | null; warnings: string[] }> => {
    const { record } = recorded();
    const warnings = diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.plan(plan as never);
    for (const scope of scopes) updater.scope(scope, () => undefined);
    return { progress: (await record(updater)).progress, warnings: reported(updater, warnings) };
  };

  test.each<[unknown, string]>([
    [0, '0'],
    [-1, '-1'],
    [1.5, '1.5'],
    [NaN, 'NaN'],
    [2 ** 60, '1152921504606847000'],
    [[], '[]'],
    [{}, '{}'],
    [{ a: 0 }, '{"a":0}'],
    [{ a: Infinity, b: NaN, c: -1 }, '{"a":null,"b":null,"c":-1}'],
  ])('of %o is dropped', async (plan, shown) => {
    const message = `plan() in task UUID is dropped: expected ${PLAN}, got ${shown}`;
    expect(await progressAfter(plan, 'a')).toEqual({ progress: null, warnings: [message] });
  });

  test('that is dropped does not count as the first plan', async () => {
    const { record } = recorded();
    diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.plan(0);
    updater.plan(2);
    updater.scope('a', () => undefined);
    expect((await record(updater)).progress).toBe(0.5);
  });

  test.each<[unknown, string[], number]>([
    [['a', 'a', 'b'], ['b'], 1 / 3],
    [{ a: 1, b: 3, c: NaN, d: -2 }, ['b'], 0.75],
  ])('of %j counts as far as it is valid', async (plan, scopes, progress) => {
    const after = await progressAfter(plan, ...scopes);
    expect(after.progress).toBeCloseTo(progress);
    expect(after.warnings).toEqual([expect.stringContaining('plan() in task UUID counts as far as it is valid: expected ')]);
  });

  test('matches its blank names with the blank names of scopes', async () => {
    expect((await progressAfter(['', 'a'], '')).progress).toBe(0.5);
  });
});

class Money {
  readonly cents = 5n;
  readonly of = { day: new Date(0), tags: new Set(['a']) };
}

describe('an attribute', () => {
  test.each<[string, unknown, unknown, string | undefined]>([
    ['a Date', new Date('2026-11-30T10:15:02.123Z'), '2026-11-30T10:15:02.123Z', 'an object: it is kept as text'],
    ['an invalid Date', new Date(NaN), undefined, 'an object: it is left out'],
    ['an object', { a: 1, b: ['x', null], c: undefined, d: () => 1 }, '{"a":1,"b":["x",null]}', 'an object: it is kept as text'],
    ['an object of a class', new Money(), '{"cents":"5","of":{"day":"1970-01-01T00:00:00.000Z","tags":["a"]}}', 'an object: it is kept as text'],
    ['a Map', new Map<unknown, unknown>([['a', new Map([[1, 2n]])]]), '{"a":{"1":"2"}}', 'an object: it is kept as text'],
    ['a Set', new Set([1, 'a', NaN]), '[1,"a","NaN"]', 'an object: it is kept as text'],
    ['a URL', new URL('http://tasks.example/'), 'http://tasks.example/', 'an object: it is kept as text'],
    ['an error', new RangeError('no'), 'RangeError: no', 'an object: it is kept as text'],
    ['bytes', new Uint8Array([1, 2]), '[1,2]', 'an object: it is kept as text'],
    ['a Buffer', Buffer.from([1, 2]), '[1,2]', 'an object: it is kept as text'],
    ['boxed values', { a: new Number(NaN), b: new String('x'), c: Object(1n) as unknown }, '{"a":"NaN","b":"x","c":"1"}', 'an object: it is kept as text'],
    ['an object inside itself', circular(), undefined, 'a value that can not be kept: it is left out'],
    ['a bigint', 2n ** 70n, '1180591620717411303424', 'a bigint: it is kept as text'],
    ['NaN', NaN, 'NaN', 'NaN: it is kept as text'],
    ['a large number', 2 ** 60, '1152921504606846976', 'a whole number beyond 2^53: it is kept as text'],
    ['a list of large numbers', [2 ** 60, null], ['1152921504606846976', null], 'whole numbers beyond 2^53: it is kept as text'],
    ['a mixed list', [1, 'a'], '[1,"a"]', 'a mixed or nested list: it is kept as text'],
    ['a list of objects', [{ a: 1 }], '[{"a":1}]', 'a mixed or nested list: it is kept as text'],
    ['a list with holes', Object.assign(['a'], { 2: undefined, 3: null }), ['a', null, null, null], undefined],
    ['null', null, undefined, 'null: it is left out'],
    ['a function', () => 1, undefined, 'a function: it is left out'],
    ['a symbol', Symbol('s'), undefined, 'a symbol: it is left out'],
    ['nothing', undefined, undefined, undefined],
  ])('that is %s', async (_, value, kept, report) => {
    const { record, attempts } = recorded();
    const warnings = diagnosed();
    const attributes = { value } as never;
    const updater = new TaskUpdater({ taskName: 'T', attributes });
    updater.notify('said', attributes);
    updater.notify('said', attributes);
    expect((await record(updater)).attributes).toEqual(kept === undefined ? {} : { value: kept });
    const { notifications } = (await attempts(updater))[0]!;
    expect(notifications.map((notification) => notification.attributes?.['value'])).toEqual([kept, kept]);
    expect(reported(updater, warnings)).toEqual(report === undefined ? [] : [`attribute "value" of task UUID has ${report}`]);
  });

  test('that can not be read is left out, and others stay', async () => {
    const { record } = recorded();
    const warnings = diagnosed();
    const attributes = {
      a: 1,
      get hostile(): string {
        return thrown(new Error('no'));
      },
      z: 2,
    };
    const updater = new TaskUpdater({ taskName: 'T', attributes });
    expect((await record(updater)).attributes).toEqual({ a: 1, z: 2 });
    expect(reported(updater, warnings)).toEqual(['attribute "hostile" of task UUID has a value that can not be kept: it is left out']);
  });

  test('of a notification with an empty name, or one that begins with taskspan., is left out', async () => {
    const { attempts } = recorded();
    const warnings = diagnosed();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.notify('said', { '': 1, 'taskspan.seq': 9, a: 1 });
    expect((await attempts(updater))[0]!.notifications[0]!.attributes).toEqual({ a: 1 });
    expect(reported(updater, warnings)).toEqual(['attribute "" of task UUID has an empty name, or one that begins with taskspan.: it is left out']);
  });

  test('that is a large object is cut at its limit, and costs no more', async () => {
    const { record } = recorded();
    diagnosed();
    let read = 0;
    const item = { get field(): string { read++; return 'x'.repeat(90); } };
    const limits = { attributeValue: 1000 };
    const updater = new TaskUpdater({ taskName: 'T', attributes: { value: Array.from({ length: 900 }, () => item) as never }, limits });
    const whole = JSON.stringify(Array.from({ length: 900 }, () => item));
    expect((await record(updater)).attributes).toEqual({ value: `${whole.slice(0, 1000)}… (cut: more than 1,000 characters)` });
    expect(read).toBeLessThan(900 + 2000);
  });

  const NAMES = Array.from({ length: 5000 }, (_, at) => `name ${at}`);

  test.each<[string, (count: () => void) => object]>([
    ['an object', (count) => Object.defineProperties({}, Object.fromEntries(NAMES.map((name) => [name, { enumerable: true, get: () => (count(), 'x') }])))],
    ['a list', (count) => [new Proxy(NAMES, { get: (names, name) => (count(), Reflect.get(names, name) as unknown) })]],
    ['a map', (count) => new (class extends Map<string, string> {
      override get(name: string): string | undefined { count(); return super.get(name); }
      override *[Symbol.iterator](): MapIterator<[string, string]> { for (const entry of super.entries()) { count(); yield entry; } }
    })(NAMES.map((name) => [name, 'x']))],
    ['a set', (count) => new (class extends Set<string> {
      override *[Symbol.iterator](): SetIterator<string> { for (const item of super.values()) { count(); yield item; } }
    })(NAMES)],
  ])('that is %s is read no further than it is kept', async (_, make) => {
    const { record } = recorded();
    diagnosed();
    let read = 0;
    const value = make(() => read++);
    read = 0;
    const updater = new TaskUpdater({ taskName: 'T', attributes: { value } as never, limits: { attributeValue: 1000 } });
    expect((await record(updater)).attributes['value']).toMatch(/^[[{].{999}… \(cut: more than 1,000 characters\)$/);
    expect(read).toBeLessThan(300);
  });

  test('that is a typed array is cut at its limit', async () => {
    const { record } = recorded();
    diagnosed();
    const updater = new TaskUpdater({ taskName: 'T', attributes: { value: new Float64Array(100_000) } as never, limits: { attributeValue: 5 } });
    expect((await record(updater)).attributes).toEqual({ value: '[0,0,… (cut: more than 5 characters)' });
  });

  test('that is an object is redacted as a whole before it is cut', async () => {
    const { record } = recorded();
    diagnosed();
    const redact = (text: string): string => text.replaceAll('hunter2', '***');
    const value = { padding: 'x'.repeat(80), password: 'hunter2' };
    const updater = new TaskUpdater({ taskName: 'T', attributes: { value } as never, redact, limits: { attributeValue: 108 } });
    const text = JSON.stringify(value).replace('hunter2', '***');
    expect((await record(updater)).attributes).toEqual({ value: `${text.slice(0, 108)}… (cut: ${text.length} characters)` });
  });
});

test('any value is accepted, and is the same in process and on the wire', async () => {
  const recording = recorded();
  diagnosed();
  const stores = new Map(ENCODINGS.map((encoding) => [encoding, memoryStore()]));
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.string({ unit: 'binary', maxLength: 5 }), anyValue(), { maxKeys: 5 }), async (attributes) => {
      // fast-check itself would read properties of such a proxy.
      for (const [key, value] of Object.entries(attributes)) if (value === 'revoked') attributes[key] = revoked();
      const own = Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== ''));
      const updater = new TaskUpdater({ taskName: 'T', attributes: own as never });
      updater.notify('said', attributes as never);
      updater.complete();
      const expected = await recording.record(updater);
      const [attempt] = await recording.attempts(updater);
      const spans = (await recording.spans()).filter((span) => span.attributes['taskspan.task.uuid'] === updater.taskUuid);
      for (const [encoding, store] of stores) {
        const body = traceBody(encoding, spans);
        const headers = { 'Content-Type': MEDIA_TYPES[encoding] };
        const { status } = await createReceiver({ store }).request('/v1/traces', { method: 'POST', body, headers });
        expect(status).toBe(200);
          const received = JSON.parse((await store.stored(updater.taskUuid))!.summary) as typeof expected;
        expect(received.attributes).toStrictEqual(expected.attributes);
        expect((await store.scopes(updater.taskUuid))!.attempts[0]!.notifications).toStrictEqual(attempt!.notifications);
      }
    }),
  );
});

function anyValue(): fc.Arbitrary<unknown> {
  const plain = fc.anything({
    withBigInt: true,
    withBoxedValues: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withObjectString: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
  } as never);
  const lists = fc.oneof(fc.array(fc.double()), fc.array(fc.integer()), fc.array(fc.string({ unit: 'binary' })), fc.array(fc.option(fc.boolean())));
  const odd = fc.constantFrom<unknown>(-0, 2 ** 53, -(2 ** 63), 1e300, 5e-324, '\ud800', Symbol('s'), () => 1, circular(), new Error('no'), 'revoked', [[]], new Date(NaN));
  return fc.oneof({ weight: 4, arbitrary: plain }, { weight: 2, arbitrary: lists }, { weight: 1, arbitrary: odd });
}

function circular(): object {
  const object: Record<string, unknown> = {};
  object['self'] = object;
  return object;
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
