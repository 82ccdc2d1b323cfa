import { describe, expect, test } from 'vitest';
import { cleanAttributes } from '../../src/attributes.ts';
import { runTask, TaskUpdater } from '../../src/index.ts';
import type { Redact } from '../../src/index.ts';
import { cleanerWith, cleanJson } from '../../src/text.ts';
import { diagnosed } from './support/diagnosed.ts';
import { recorded } from './support/recorded.ts';
import type { Recorded } from './support/recorded.ts';
import { capturedStdout } from './support/stdout.ts';
import { thrown } from './support/thrown.ts';

const SECRET = 'hunter2';
const redact: Redact = (text) => text.replaceAll(SECRET, '***');
const LEFT_OUT = '[redact failed: text left out]';

/** A task that has its secret in every text. */
function careless(own: Redact): TaskUpdater {
  const updater = new TaskUpdater({
    taskName: `Login ${SECRET}`,
    attributes: { password: SECRET, passwords: [SECRET, 'x'], nested: [{ password: SECRET }] as never },
    verbose: true,
    redact: own,
  });
  updater.plan([`Scope ${SECRET}`, 'Other']);
  updater.plan({ [SECRET]: 1 });
  updater.scope(`Scope ${SECRET}`, (scope) => {
    scope.notify(`Using ${SECRET}`, { password: SECRET, passwords: [SECRET], nested: [{ password: SECRET }] as never });
  });
  updater.scope('Breaks', () => {
    const error = new Error(`refused ${SECRET}`, { cause: new Error(`because of ${SECRET}`) });
    error.name = `Error ${SECRET}`;
    throw error;
  });
  updater.scope('Heading', (heading) => {
    heading.scope('Inside', () => thrown(SECRET), { suppressException: false });
  });
  {
    using incomplete = updater.scope(`Block ${SECRET}`);
    incomplete.progress(1);
  }
  updater.setResult({ token: SECRET });
  updater.fail({ password: SECRET });
  updater.scope(`Late ${SECRET}`, () => undefined);
  return updater;
}

/** Everything that is visible of a task. */
async function allOf({ record, attempts, spans }: Recorded, updater: TaskUpdater): Promise<string> {
  const seen = (await spans()).map(({ name, attributes, events, status }) => ({ name, attributes, events, status }));
  return JSON.stringify([await record(updater), await attempts(updater), seen, updater.taskName]);
}

describe('redact', () => {
  test('keeps a secret from span, record, log, standard output and diag, wherever the task has it', async () => {
    const recording = recorded();
    const [warnings, printed] = [diagnosed(), capturedStdout()];
    const updater = careless(redact);
    const seen = await allOf(recording, updater);
    expect(seen).not.toContain(SECRET);
    expect(printed()).not.toContain(SECRET);
    expect(warnings.join('\n')).not.toContain(SECRET);
    for (const word of ['Login', 'Scope', 'Using', 'Error', 'refused', 'because of', 'Block']) {
      expect(seen).toContain(`${word} ***`);
    }
  });

  test('does not change what the task\'s own code sees', () => {
    recorded();
    const error = new Error(SECRET);
    const updater = new TaskUpdater({ taskName: 'T', redact });
    expect(updater.scope('Job', () => SECRET)).toBe(SECRET);
    updater.scope('Breaks', () => thrown(error));
    expect(updater.latestException).toBe(error);
    expect(error.message).toBe(SECRET);
  });

  test('makes the names of a plan match the redacted names of its scopes', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T', redact });
    updater.plan({ [`Read ${SECRET}`]: 3, Write: 1 });
    updater.scope(`Read ${SECRET}`, () => undefined);
    expect((await record(updater)).progress).toBe(0.75);
  });

  test.each<[string, Redact]>([
    ['throws', () => thrown(new Error(SECRET))],
    ['gives a number', (() => 5) as never],
    ['gives nothing', (() => undefined) as never],
    ['gives a promise', (() => Promise.resolve(SECRET)) as never],
    ['gives a hostile object', (() => ({ toString: () => thrown(new Error(SECRET)) })) as never],
  ])('that %s leaves the text out, and the task goes on', async (_, broken) => {
    const recording = recorded();
    const [warnings, printed] = [diagnosed(), capturedStdout()];
    const updater = careless(broken);
    const seen = await allOf(recording, updater);
    expect(seen + printed() + warnings.join('\n')).not.toContain(SECRET);
    const record = await recording.record(updater);
    expect(record).toMatchObject({ task_name: LEFT_OUT, exception: LEFT_OUT, result: LEFT_OUT, state: 'failed' });
    expect(record.log).toContain(`\t${LEFT_OUT}\n`);
  });

  test('that leaves an empty text still leaves a failed task with an exception', async () => {
    const { record, log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T', redact: () => '' });
    updater.scope('Breaks', () => thrown(new Error(SECRET)));
    updater.insertFinalUpdate();
    expect(await record(updater)).toMatchObject({ state: 'failed', exception: 'Error', jobs: { failed: 1 } });
    expect(await log(updater)).toContain('\t\tFailed\n\t\tTime spent: 0h0m\n\t\tSee error message:\nError\n');
  });

  test.each([
    ['of several lines', '-----BEGIN KEY-----\nabc\n-----END KEY-----'],
    ['with quotes and backslashes', 'say "hunter2" \\o/'],
  ])('finds a secret %s in a result and in attributes, as values and as names', async (_, secret) => {
    const { record, spans } = recorded();
    const updater = new TaskUpdater({
      taskName: 'T',
      attributes: { object: { key: [secret] } as never, [`name ${secret}`]: 1 },
      redact: (text) => text.replaceAll(secret, '***'),
    });
    updater.setResult({ key: `the ${secret}`, list: [{ [secret]: secret }], count: 2 });
    updater.setAttribute('later', secret);
    updater.notify('With attributes', { [secret]: secret });
    updater.complete();
    expect(await record(updater)).toMatchObject({
      result: { key: 'the ***', list: [{ '***': '***' }], count: 2 },
      attributes: { object: '{"key":["***"]}', 'name ***': 1, later: '***' },
    });
    const events = (await spans()).flatMap((span) => span.events.map(({ attributes }) => attributes));
    expect(events).toContainEqual(expect.objectContaining({ '***': '***' }));
  });

  test('gets the name beside the value, of an attribute and of a property in a result', async () => {
    const { record } = recorded();
    const hidden = new Set(['password', 'tokens']);
    const updater = new TaskUpdater({
      taskName: 'T',
      attributes: { user: 'ada', password: 'x', tokens: ['a', 'b'], login: { user: 'ada', password: 'x' } as never },
      redact: (text, name) => (name !== undefined && hidden.has(name) ? '***' : text),
    });
    updater.setResult({ user: 'ada', password: 'x', tokens: ['a', 'b'], inner: [{ password: 'x' }] });
    updater.complete();
    expect(await record(updater)).toMatchObject({
      result: { user: 'ada', password: '***', tokens: ['***', '***'], inner: [{ password: '***' }] },
      attributes: { user: 'ada', password: '***', tokens: ['***', '***'], login: '{"user":"ada","password":"***"}' },
    });
  });

  test('that breaks the JSON of a result makes it a string', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T', redact: (text) => text.replace('"token":', '') });
    updater.setResult({ token: 'a "quoted" one' });
    expect((await record(updater)).result).toBe('{"a \\"quoted\\" one"}');
  });

  test('may change a result, as long as it is JSON', async () => {
    const { record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T', redact: () => '[1, 2]' });
    updater.setResult({ token: SECRET });
    expect((await record(updater)).result).toEqual([1, 2]);
  });

  test('is not called for what is not recorded: results of functions, and progress', () => {
    recorded();
    const asked: string[] = [];
    const note: Redact = (text) => {
      asked.push(text);
      return text;
    };
    runTask('Task', (updater) => updater.scope('Scope', () => SECRET), { redact: note });
    expect(asked).toEqual(['Task', 'Scope']);
  });
});

describe('every text', () => {
  test.each([
    ['a lone surrogate', 'a\ud800b\udc00', 'a\ufffdb\ufffd'],
    ['an emoji', '\u{1f600}', '\u{1f600}'],
    ['NUL and ESC', '\0\u001b[31m', '\0\u001b[31m'],
  ])('is well-formed: %s', (_, text, clean) => {
    expect(cleanerWith(undefined, undefined).message(text)).toBe(clean);
    expect(cleanerWith((own) => own, undefined).message(text)).toBe(clean);
  });

  test('is well-formed in span, record and log', async () => {
    const recording = recorded();
    const bad = 'x\ud800';
    const updater = new TaskUpdater({ taskName: bad, attributes: { a: bad, list: [bad] } });
    updater.scope(bad, () => updater.notify(bad, { a: bad }));
    updater.scope('Breaks', () => thrown(new Error(bad)));
    updater.insertFinalUpdate();
    const seen = await allOf(recording, updater);
    expect(seen).not.toContain('\\ud800');
    expect(await recording.record(updater)).toMatchObject({
      task_name: 'x\ufffd',
      exception: 'x\ufffd',
      attributes: { a: 'x\ufffd', list: ['x\ufffd'] },
    });
  });
});

describe('attributes', () => {
  const of = { clean: cleanerWith(undefined, undefined), title: 'a test' };

  test('keep texts, numbers, booleans and lists of them', () => {
    const attributes = { text: 'a', number: 1.5, yes: true, texts: ['a', 'b'], numbers: [1, 2], none: [] };
    expect(cleanAttributes(attributes, of)).toEqual(attributes);
  });

  test('leave out values that OpenTelemetry does not have', () => {
    const attributes = {
      nothing: undefined,
      null: null,
      fn: () => 1,
      symbol: Symbol('s'),
      get hostile(): string {
        return thrown(new Error('no'));
      },
      revoked: revoked(),
    };
    expect(cleanAttributes(attributes as never, of)).toEqual({});
  });

  test('have numbers that JSON does not have as text', () => {
    expect(cleanAttributes({ nan: NaN, far: -Infinity }, of)).toEqual({ nan: 'NaN', far: '-Infinity' });
  });

  test('are redacted in objects and lists too, whose JSON they are', () => {
    const attributes = { list: ['a', { password: SECRET }, null, ['b']], object: { password: SECRET } } as never;
    expect(cleanAttributes(attributes, { ...of, clean: cleanerWith(redact, undefined) })).toEqual({
      list: '["a",{"password":"***"},null,["b"]]',
      object: '{"password":"***"}',
    });
  });

  test('are the same on the span and in the record', async () => {
    const { record, span } = recorded();
    const attributes = { customer: 'acme', size: 3, vip: true, tags: ['a', 'b'] };
    const updater = new TaskUpdater({ taskName: 'T', attributes });
    updater.complete();
    expect((await record(updater)).attributes).toEqual(attributes);
    expect((await span('T')).attributes).toMatchObject(attributes);
  });

  test('of a notification are on its event and in the tree', async () => {
    const { attempts, span } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => updater.notify('m', { row: 5 }));
    const [job] = (await attempts(updater))[0]!.scopes;
    expect(job!.notifications).toEqual([{ time: expect.any(String), message: 'm', attributes: { row: 5 } }]);
    expect((await span('Job')).events[0]!.attributes).toEqual({
      'taskspan.message': 'm',
      'taskspan.seq': 1,
      row: 5,
    });
  });
});

describe('a result in JSON', () => {
  test.each([
    ['"a secret"', '"a secret"'],
    ['{"a":1}', '{"a":1}'],
  ])('%s stays as it is where nothing is redacted', (json, cleaned) => {
    expect(cleanJson(json, cleanerWith(undefined, undefined))).toBe(cleaned);
  });
});

function revoked(): unknown[] {
  const { proxy, revoke } = Proxy.revocable<unknown[]>([], {});
  revoke();
  return proxy;
}
