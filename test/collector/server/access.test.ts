import * as fc from 'fast-check';
import type { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import type { AccessOptions } from '../../../collector/server/access.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { plainStore, plainTask, UUID } from './plain-store.ts';

function appWith(access?: AccessOptions): Hono {
  const store = plainStore(plainTask());
  return createTasksApp(access === undefined ? { store } : { store, access });
}

function get(app: Hono, headers: Record<string, string>, method = 'GET'): Response | Promise<Response> {
  return app.request(`/tasks/${UUID}`, { method, headers });
}

async function expectForbidden(response: Response, option: string, named: string): Promise<void> {
  expect(response.status).toBe(403);
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
  const { detail }: { detail: string } = JSON.parse(await response.text());
  expect(detail).toContain(option);
  expect(detail).toContain(named);
}

describe('the host', () => {
  test.each([
    'localhost', 'localhost:4320', 'LOCALHOST:4320', 'tasks.localhost:4320', '127.0.0.1', '127.0.0.1:4320', '127.8.9.10', '[::1]', '[::1]:4320',
  ])('%s is this machine', async (host) => {
    expect((await get(appWith(), { Host: host })).status).toBe(200);
  });

  // A page at evil.example whose name is made to point at 127.0.0.1 sends its own name as Host.
  test.each([
    'evil.example', 'evil.example:4320', '127.0.0.1.evil.example', '127.0.0.999', '127.1', 'localhost.evil.example', 'notlocalhost', '0.0.0.0',
    '192.168.1.2', '128.0.0.1', '127.0.0.1@evil.example', '[::2]', '[::ffff:10.0.0.1]', '::1', '',
  ])('"%s" is refused', async (host) => {
    await expectForbidden(await get(appWith(), { Host: host }), 'allowedHosts', host);
  });

  test('is known from the URL where there is no Host header', async () => {
    expect((await appWith().request(`http://localhost/tasks`)).status).toBe(200);
    await expectForbidden(await appWith().request('http://evil.example/tasks'), 'allowedHosts', 'evil.example');
  });

  test('may be any that is allowed, in any case, with any port or the given one', async () => {
    const app = appWith({ allowedHosts: ['Tasks.Example', 'jobs.example:8080'] });
    expect((await get(app, { Host: 'tasks.example' })).status).toBe(200);
    expect((await get(app, { Host: 'TASKS.example:99' })).status).toBe(200);
    expect((await get(app, { Host: 'jobs.example:8080' })).status).toBe(200);
    await expectForbidden(await get(app, { Host: 'jobs.example' }), 'allowedHosts', 'jobs.example');
    await expectForbidden(await get(app, { Host: 'a.tasks.example' }), 'allowedHosts', 'a.tasks.example');
  });

  test.each(['tasks.example:80', 'tasks.example:443'])('%s in allowedHosts is the name with that port and without a port', async (entry) => {
    const app = appWith({ allowedHosts: [entry] });
    expect((await get(app, { Host: 'tasks.example' })).status).toBe(200);
    expect((await get(app, { Host: entry })).status).toBe(200);
    await expectForbidden(await get(app, { Host: 'tasks.example:8080' }), 'allowedHosts', 'tasks.example:8080');
  });

  test.each(['tasks.example.', '_tasks.example', '-tasks-.example', 't', '127.1', 'xn--mller-kva.example'])('%s in allowedHosts is a name', async (entry) => {
    expect((await get(appWith({ allowedHosts: [entry] }), { Host: new URL(`http://${entry}:81`).host })).status).toBe(200);
  });

  test('is asked for on every path', async () => {
    for (const path of ['/tasks', `/tasks/${UUID}`, `/tasks/${UUID}/scopes`, '/healthz']) {
      const response = await appWith().request(path, { headers: { Host: 'evil.example' } });
      await expectForbidden(response, 'allowedHosts', 'evil.example');
    }
  });
});

describe('a page', () => {
  const Host = 'localhost:4320';

  test('of the same host may read', async () => {
    expect((await get(appWith(), { Host, Origin: 'http://localhost:4320' })).status).toBe(200);
    // Behind a proxy that ends TLS.
    const app = appWith({ allowedHosts: ['tasks.example'] });
    expect((await get(app, { Host: 'tasks.example', Origin: 'https://tasks.example' })).status).toBe(200);
  });

  test.each([
    'https://evil.example', 'http://localhost', 'http://localhost:4321', 'http://127.0.0.1:4320', 'http://localhost:4320.evil.example', 'ftp://localhost:4320', 'null',
  ])('of %s may not', async (origin) => {
    await expectForbidden(await get(appWith(), { Host, Origin: origin }), 'allowedOrigins', origin);
    await expectForbidden(await get(appWith(), { Host, Origin: origin }, 'OPTIONS'), 'allowedOrigins', origin);
  });

  test.each([
    ['tasks.example', 'https://tasks.example:443'], ['tasks.example:443', 'https://tasks.example'], ['tasks.example:80', 'http://tasks.example'],
    ['[::1]:80', 'http://[::1]'], ['tasks.example:8443', 'https://tasks.example:8443'],
    // A proxy that ends TLS on its way to port 80.
    ['tasks.example:80', 'https://tasks.example'],
  ])('of host %s is one of origin %s', async (host, origin) => {
    expect((await get(appWith({ allowedHosts: ['tasks.example'] }), { Host: host, Origin: origin })).status).toBe(200);
  });

  test.each([
    ['tasks.example:8443', 'https://tasks.example'], ['tasks.example', 'https://tasks.example:8443'], ['tasks.example:4430', 'https://tasks.example:443'],
  ])('of host %s is none of origin %s', async (host, origin) => {
    const response = await get(appWith({ allowedHosts: ['tasks.example'] }), { Host: host, Origin: origin });
    await expectForbidden(response, 'trustProxy', origin);
  });

  const allowing = appWith({ allowedOrigins: ['https://app.example'] });

  test('of an allowed origin may read, whatever the answer is', async () => {
    const headers = { Host, Origin: 'https://app.example' };
    for (const [path, status] of [[`/tasks/${UUID}`, 200], ['/tasks', 200], ['/tasks/x', 400], ['/tasks?limit=0', 400]] as const) {
      const response = await allowing.request(path, { headers });
      expect(response.status).toBe(status);
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example');
      expect(response.headers.get('Vary')).toMatch(/\bOrigin\b/);
      expect(response.headers.get('Access-Control-Expose-Headers')).toContain('ETag');
    }
    expect((await get(allowing, headers)).headers.get('Vary')).toBe('Accept, Origin');
  });

  test('of an allowed origin may ask beforehand', async () => {
    const response = await get(
      allowing,
      { Host, Origin: 'https://app.example', 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'if-none-match' },
      'OPTIONS',
    );
    expect(response.status).toBe(204);
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example');
    expect(response.headers.get('Access-Control-Allow-Methods')).toBe('GET,HEAD');
    expect(response.headers.get('Access-Control-Allow-Headers')).toBe('if-none-match');
    expect(response.headers.get('Vary')).toContain('Origin');
  });

  test('of an allowed origin still may not come by a foreign name', async () => {
    const response = await get(allowing, { Host: 'evil.example', Origin: 'https://app.example' });
    expect(response.status).toBe(403);
    const preflight = await get(allowing, { Host: 'evil.example', Origin: 'https://app.example' }, 'OPTIONS');
    expect(preflight.status).toBe(403);
  });

  test('of another origin may not, although one origin is allowed', async () => {
    await expectForbidden(await get(allowing, { Host, Origin: 'https://evil.example' }), 'allowedOrigins', 'https://evil.example');
    await expectForbidden(await get(allowing, { Host, Origin: 'https://evil.example' }, 'OPTIONS'), 'allowedOrigins', 'https://evil.example');
  });

  test('of the same host, and a client that is no page, get no more by OPTIONS than before', async () => {
    for (const headers of [{ Host }, { Host, Origin: 'http://localhost:4320' }]) {
      expect((await get(allowing, headers, 'OPTIONS')).status).toBe(405);
    }
  });

  test('and a client without an origin share no cache entry where origins are allowed', async () => {
    const response = await get(allowing, { Host });
    expect(response.status).toBe(200);
    expect(response.headers.get('Vary')).toBe('Accept, Origin');
    expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull();
  });
});

describe('an option that can not match anything', () => {
  test.each([
    'https://app.example/', 'https://app.example/path', 'https://app.example?q', 'https://ada@app.example', 'app.example', 'null', '', 'https://',
    'https://app.example:port', 'https://app.example:65536', 'https://256.1.1.1', 'https://[::g]', 'https://app%2eexample', 'ws://app.example',
    'file://app', ' https://app.example', 'https://app..example', 'https://.', 'https://-', 'https://app.example:0', 'https://app.example:0443',
  ])('the origin "%s" is refused at once', (origin) => {
    const make = (): Hono => appWith({ allowedOrigins: [origin] });
    expect(make).toThrow(new TypeError(`access.allowedOrigins: expected an origin such as "https://app.example", got "${origin}"`));
  });

  test.each([
    'http://tasks.example', 'tasks.example/', 'tasks.example/path', 'a b', '::1', '', 'tasks.example:', 'tasks.example:99999', '256.1.1.1', '[::g]',
    'ada@tasks.example', '%74asks.example', 'tasks..example', '.', '..', '.tasks.example', 'tasks.example..', '-', 'tasks.-', 'tasks.example:0',
    'tasks.example:00', 'tasks.example:080',
  ])('the host "%s" is refused at once', (host) => {
    const make = (): Hono => appWith({ allowedHosts: [host] });
    expect(make).toThrow(new TypeError(`access.allowedHosts: expected a host name such as "tasks.example", got "${host}"`));
  });

  test.each([
    [{ allowedOrigins: ['*'] }, 'access.allowedOrigins: expected an origin such as "https://app.example", got "*"; there is no wildcard: each name needs an entry of its own'],
    [{ allowedOrigins: ['https://*.example'] }, 'got "https://*.example"; there is no wildcard'],
    [{ allowedHosts: ['*'] }, 'access.allowedHosts: expected a host name such as "tasks.example", got "*"; there is no wildcard'],
    [{ allowedHosts: ['*.example'] }, 'got "*.example"; there is no wildcard'],
    [{ allowedOrigins: ['https://müller.example'] }, 'got "https://müller.example"; browsers send "https://xn--mller-kva.example"'],
    [{ allowedHosts: ['müller.example:8080'] }, 'got "müller.example:8080"; browsers send "xn--mller-kva.example:8080"'],
  ])('%j is refused with what helps', (access, message) => {
    expect(() => appWith(access)).toThrow(message);
  });

  test.each([
    [{ allowedHosts: 'x' }, 'access.allowedHosts: expected a list, got "x"'],
    [{ allowedOrigins: [5] }, 'access.allowedOrigins: expected an origin such as "https://app.example", got 5'],
    [{ hosts: [] }, 'access: expected options among allowedHosts, allowedOrigins, token, trustProxy, guarded, got "hosts"'],
    [{ trustProxy: 1 }, 'access.trustProxy: expected true or false, got 1'],
    [{ guarded: 'yes' }, 'access.guarded: expected true or false, got "yes"'],
  ])('%j is refused at once', (access, message) => {
    expect(() => appWith(access as never)).toThrow(new TypeError(message));
  });
});

/** A part of a host name as browsers write it; one of digits alone could make an address of the name. */
const label = fc.stringMatching(/^[a-z][a-z0-9_-]{0,10}[a-z0-9]$/).filter((text) => !text.startsWith('xn--'));
const host = fc.oneof(
  fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join('.')),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
);
const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });

describe('an entry of any form', () => {
  test('of allowedOrigins lets the page read whose address it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom('http', 'https', 'HTTPS'), host, port, async (scheme, name, number) => {
        const entry = `${scheme}://${name}${number === undefined ? '' : `:${number}`}`;
        // As a browser makes an origin of the page's address.
        const { origin } = new URL(entry);
        const response = await get(appWith({ allowedOrigins: [entry] }), { Host: 'localhost', Origin: origin });
        expect(response.headers.get('Access-Control-Allow-Origin')).toBe(origin);
      }),
    );
  });

  test('of allowedHosts lets those ask who have its address', async () => {
    await fc.assert(
      fc.asyncProperty(host, port, fc.constantFrom('http', 'https'), async (name, number, scheme) => {
        const entry = `${name}${number === undefined ? '' : `:${number}`}`;
        const app = appWith({ allowedHosts: [entry] });
        // As a browser makes `Host` of the address.
        expect((await get(app, { Host: new URL(`${scheme}://${entry}`).host })).status).toBe(200);
        expect((await get(app, { Host: `another-${number ?? 1}.example` })).status).toBe(403);
      }),
    );
  });

  test('is refused, or has an address that a browser can be at', () => {
    const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary-ascii' }), fc.webUrl(), host);
    fc.assert(
      fc.property(fc.constantFrom('', 'http://', 'https://'), text, fc.boolean(), (scheme, rest, isHost) => {
        const entry = scheme + rest;
        try {
          appWith(isHost ? { allowedHosts: [entry] } : { allowedOrigins: [entry] });
        } catch (error) {
          expect(error).toBeInstanceOf(TypeError);
          return;
        }
        const url = new URL(isHost ? `http://${entry}` : entry);
        expect(url.pathname).toMatch(/^\/?$/);
        expect([url.search, url.hash, url.username]).toEqual(['', '', '']);
        expect(entry).toMatch(/^[!-~]+$/);
        expect(entry).not.toMatch(/[*/]$/);
      }),
    );
  });
});
