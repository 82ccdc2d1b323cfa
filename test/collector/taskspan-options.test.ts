import { describe, expect, test } from 'vitest';
import { resolveOptions } from '../../collector/start-taskspan.ts';
import type { TaskspanOptions } from '../../collector/start-taskspan.ts';

describe('the live streams of a server', () => {
  const streamsOf = (options: TaskspanOptions, env: NodeJS.ProcessEnv = {}): unknown => resolveOptions(options, env).serve?.streams;
  const ENV = { TASKSPAN_STREAM_ALIVE_MS: '2000', TASKSPAN_STREAM_MAX_BEHIND_BYTES: '100000' };

  test('have defaults, variables, and options that override these one by one', () => {
    expect(streamsOf({ serve: true })).toEqual({ aliveMs: 15_000, maxBehindBytes: 1_048_576 });
    expect(streamsOf({ serve: true }, ENV)).toEqual({ aliveMs: 2000, maxBehindBytes: 100_000 });
    expect(streamsOf({ serve: { streams: { aliveMs: 300 } } }, ENV)).toEqual({ aliveMs: 300, maxBehindBytes: 100_000 });
    expect(streamsOf({}, ENV)).toBeUndefined();
  });

  test.each<[TaskspanOptions, NodeJS.ProcessEnv, string]>([
    [{ serve: { streams: { aliveMs: 99 } } }, {}, 'serve.streams.aliveMs: expected a whole number from 100 to 2147483647, got 99'],
    [{ serve: true }, { TASKSPAN_STREAM_MAX_BEHIND_BYTES: '1' }, 'TASKSPAN_STREAM_MAX_BEHIND_BYTES: expected a whole number of at least 65536, got 1'],
    [{ serve: true }, { TASKSPAN_STREAM_ALIVE_MS: 'often' }, 'TASKSPAN_STREAM_ALIVE_MS: expected a whole number from 100 to 2147483647, got "often"'],
    [{ serve: { streams: { every: 1 } as never } }, {}, 'streams: expected options among aliveMs, maxBehindBytes, got "every"'],
    [{ serve: { streams: 7 as never } }, {}, 'streams: expected an object of options, got 7'],
  ])('%j with %j is refused', (options, env, message) => {
    expect(() => resolveOptions(options, env)).toThrow(message);
  });
});

describe('facts of other processes', () => {
  const receiveOf = (options: TaskspanOptions, env: NodeJS.ProcessEnv = {}): unknown => resolveOptions(options, env).serve?.receive;
  const MIB = 1024 * 1024;
  const ENV = { TASKSPAN_RECEIVE: 'true', TASKSPAN_RECEIVE_MAX_BODY_BYTES: '5000', TASKSPAN_RECEIVE_MAX_WAITING_BYTES: '9000' };

  test('are not taken by default', () => {
    expect(receiveOf({ serve: true })).toBe(false);
    expect(receiveOf({ serve: { receive: true } })).toEqual({ maxBodyBytes: 64 * MIB, maxWaitingBytes: 128 * MIB });
    expect(receiveOf({ serve: { receive: false } }, ENV)).toBe(false);
    expect(receiveOf({}, ENV)).toBeUndefined();
  });

  test('have limits by variables, and by options that override these one by one', () => {
    expect(receiveOf({ serve: true }, ENV)).toEqual({ maxBodyBytes: 5000, maxWaitingBytes: 9000 });
    expect(receiveOf({ serve: { receive: { maxBodyBytes: 6000 } } }, ENV)).toEqual({ maxBodyBytes: 6000, maxWaitingBytes: 9000 });
    expect(receiveOf({ serve: { receive: { maxBodyBytes: 200 * MIB } } })).toEqual({ maxBodyBytes: 200 * MIB, maxWaitingBytes: 200 * MIB });
  });

  test.each<[TaskspanOptions, NodeJS.ProcessEnv, string]>([
    [{ serve: { receive: { maxBodyBytes: 1023 } } }, {}, 'serve.receive.maxBodyBytes: expected a whole number of at least 1024, got 1023'],
    [{ serve: { receive: { maxBodyBytes: 9001 } } }, ENV, 'TASKSPAN_RECEIVE_MAX_WAITING_BYTES: expected a whole number of at least 9001, got 9000'],
    [{ serve: { receive: 'yes' as never } }, {}, 'serve.receive: expected true, false or an object of options, got "yes"'],
    [{ serve: { receive: { most: 1 } as never } }, {}, 'serve.receive: expected options among maxBodyBytes, maxWaitingBytes, got "most"'],
    [{ serve: true }, { TASKSPAN_RECEIVE: 'yes' }, 'TASKSPAN_RECEIVE: expected true or false, got "yes"'],
  ])('%j with %j is refused', (options, env, message) => {
    expect(() => resolveOptions(options, env)).toThrow(message);
  });
});

describe('the token of a server', () => {
  const TASKSPAN_TOKEN = 'token-of-the-environment';

  test('comes from its variable unless the option is given', () => {
    expect(resolveOptions({ serve: { port: 1 } }, { TASKSPAN_TOKEN }).serve).toMatchObject({ port: 1, token: TASKSPAN_TOKEN });
    expect(resolveOptions({ serve: { token: 'token-of-the-option' } }, { TASKSPAN_TOKEN }).serve).toMatchObject({ token: 'token-of-the-option' });
    expect(resolveOptions({ serve: true }, { TASKSPAN_TOKEN: '' }).serve).not.toHaveProperty('token');
    expect(resolveOptions({}, { TASKSPAN_TOKEN: 'short' }).serve).toBeUndefined();
  });

  test('is refused with the name of the option or variable', () => {
    expect(() => resolveOptions({ serve: true }, { TASKSPAN_TOKEN: 'short' })).toThrow(/^TASKSPAN_TOKEN: expected 16 to 1024 characters of .*, got 5$/);
    expect(() => resolveOptions({ serve: { token: 'short' } }, {})).toThrow(/^serve\.token: expected 16 to 1024 characters of .*, got 5$/);
  });
});

describe('access to a server', () => {
  const accessOf = (options: TaskspanOptions, env: NodeJS.ProcessEnv = {}): unknown => resolveOptions(options, env).serve?.access;

  test('has variables, and options that override these one by one', () => {
    expect(accessOf({ serve: true })).toEqual({ trustProxy: false, guarded: false });
    const env = { TASKSPAN_TRUST_PROXY: 'true', TASKSPAN_GUARDED: 'true' };
    expect(accessOf({ serve: true }, env)).toEqual({ trustProxy: true, guarded: true });
    expect(accessOf({ serve: { access: { guarded: false } } }, env)).toEqual({ trustProxy: true, guarded: false });
    expect(accessOf({ serve: { access: { trustProxy: true } } })).toEqual({ trustProxy: true, guarded: false });
    expect(accessOf({ serve: true }, { TASKSPAN_TRUST_PROXY: '', TASKSPAN_ALLOWED_HOSTS: ' , ' })).toEqual({ trustProxy: false, guarded: false });
  });

  test.each<[TaskspanOptions, NodeJS.ProcessEnv, string]>([
    [{ serve: { access: { trustProxy: 'yes' as never } } }, {}, 'serve.access.trustProxy: expected true or false, got "yes"'],
    [{ serve: { access: { guarded: 1 as never } } }, {}, 'serve.access.guarded: expected true or false, got 1'],
    [{ serve: { access: { token: 'x' } as never } }, {}, 'serve.access: expected options among trustProxy, guarded, got "token"'],
    [{ serve: true }, { TASKSPAN_TRUST_PROXY: 'yes' }, 'TASKSPAN_TRUST_PROXY: expected true or false, got "yes"'],
    [{ serve: true }, { TASKSPAN_GUARDED: '1' }, 'TASKSPAN_GUARDED: expected true or false, got "1"'],
    [{ serve: true }, { TASKSPAN_ALLOWED_HOSTS: 'a.example, *' }, 'TASKSPAN_ALLOWED_HOSTS: expected a host name such as "tasks.example", got "*"; there is no wildcard'],
    [{ serve: true }, { TASKSPAN_ALLOWED_ORIGINS: 'https://*.example' }, 'TASKSPAN_ALLOWED_ORIGINS: expected an origin such as "https://app.example", got "https://*.example"'],
    [{ serve: { allowedOrigins: ['https://müller.example'] } }, {}, 'serve.allowedOrigins: expected an origin such as "https://app.example", got "https://müller.example"; browsers send'],
    [{ serve: { allowedHosts: ['tasks.example/path'] } }, {}, 'serve.allowedHosts: expected a host name such as "tasks.example", got "tasks.example/path"'],
  ])('is refused: %j with %j', (options, env, message) => {
    expect(() => resolveOptions(options, env)).toThrow(message);
  });
});

test.each([
  [{ handleSignals: 'yes' }, 'handleSignals: expected true or false, got "yes"'],
  [{ registerProvider: 1 }, "registerProvider: expected 'auto', true or false, got 1"],
  [{ serve: null }, 'serve: expected true, false or an object of options, got null'],
  [{ serve: { host: 5 } }, 'serve.host: expected a string that is not empty, got 5'],
  [{ serve: { allowedHosts: 'x' } }, 'serve.allowedHosts: expected a list, got "x"'],
  [{ serve: { allowedOrigins: ['x'] } }, 'serve.allowedOrigins: expected an origin such as "https://app.example", got "x"'],
])('%j is refused', (options, message) => {
  expect(() => resolveOptions(options as never, {})).toThrow(new TypeError(message));
});

describe('a variable that is empty or blank', () => {
  test.each(['', ' '])('is unset, whichever it is: %j', (text) => {
    const names = new Set<string | symbol>();
    const env = new Proxy({}, { get: (_, name) => (names.add(name), text) });
    expect(resolveOptions({}, env)).toEqual(resolveOptions({}, {}));
    expect(resolveOptions({ serve: true }, env)).toEqual(resolveOptions({ serve: true }, {}));
    expect(names).toContain('TASKSPAN_STORE');
    expect(names.size).toBeGreaterThan(15);
  });
});
