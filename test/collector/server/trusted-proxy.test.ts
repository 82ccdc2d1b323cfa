import * as fc from 'fast-check';
import { Hono } from 'hono';
import { describe, expect, test, vi } from 'vitest';
import type { AccessOptions } from '../../../collector/server/access.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';

const PATH = `/tasks/${UUID}`;
const TOKEN = '0123456789abcdef';
const BEHIND: AccessOptions = { trustProxy: true, allowedHosts: ['tasks.example'] };

async function appWith(access: AccessOptions): Promise<Hono> {
  const store = memoryStore();
  const task = new ScriptedTask();
  task.attempt();
  await store.append(task.facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, cancellable: true, workerId: 'w' } : fact)));
  return createTasksApp({ store, access });
}

/** What comes of a request to cancel: the URL of the record, or the status and what is wrong. */
async function cancel(app: Hono, headers: Record<string, string>, at = ''): Promise<string> {
  const response = await app.request(`http://127.0.0.1:4320${at}${PATH}/cancel`, { method: 'POST', headers });
  const { url, detail } = (await response.json()) as { url?: string; detail?: string };
  return url ?? `${response.status} ${detail}`;
}

/** A request of a browser at https://tasks.example through a proxy with its default settings and forwarded headers. */
const FORWARDED = {
  Host: '127.0.0.1:4320',
  Origin: 'https://tasks.example',
  'Sec-Fetch-Site': 'same-origin',
  'X-Forwarded-Host': 'tasks.example',
  'X-Forwarded-Proto': 'https',
};

describe('with trustProxy', () => {
  test.each<[string, Record<string, string>, string]>([
    ['the X-Forwarded headers', {}, 'https://tasks.example'],
    ['a port', { 'X-Forwarded-Host': 'tasks.example:8443', Origin: 'https://tasks.example:8443' }, 'https://tasks.example:8443'],
    ['a default port', { 'X-Forwarded-Host': 'Tasks.Example:443' }, 'https://tasks.example'],
    ['the port on which TLS does not end', { 'X-Forwarded-Host': 'tasks.example:80' }, 'https://tasks.example'],
    ['port 443 without TLS', { 'X-Forwarded-Host': 'tasks.example:443', 'X-Forwarded-Proto': 'http', Origin: 'http://tasks.example:443' }, 'http://tasks.example:443'],
    ['a prefix', { 'X-Forwarded-Prefix': '/jobs/' }, 'https://tasks.example/jobs'],
    ['no prefix', { 'X-Forwarded-Prefix': '/' }, 'https://tasks.example'],
    ['prefixes of two proxies', { 'X-Forwarded-Prefix': '/api, /jobs' }, 'https://tasks.example/api/jobs'],
    ['lists of two proxies', { 'X-Forwarded-Host': 'tasks.example, localhost:81', 'X-Forwarded-Proto': 'HTTPS,http' }, 'https://tasks.example'],
    ['the standard header', { 'X-Forwarded-Host': '', 'X-Forwarded-Proto': '', Forwarded: 'for=192.0.2.1;host=tasks.example;proto=https;by=_p' }, 'https://tasks.example'],
    ['the standard header before others', { 'X-Forwarded-Host': 'localhost', 'X-Forwarded-Proto': 'http', Forwarded: 'HOST=tasks.example;Proto="https"' }, 'https://tasks.example'],
    ['the standard header of two proxies', { Forwarded: 'for="[2001:db8::1]:4711", host="tasks.example:443"; proto=https ,, host=localhost;proto=http;' }, 'https://tasks.example'],
    ['a host as the client sent it', { Host: 'tasks.example', 'X-Forwarded-Host': '' }, 'https://tasks.example'],
    ['a protocol alone, with the port that the proxy listens to', { Host: 'tasks.example:80', 'X-Forwarded-Host': '' }, 'https://tasks.example'],
    ['nothing', { Host: 'localhost:4320', Origin: 'http://localhost:4320', 'X-Forwarded-Host': '', 'X-Forwarded-Proto': '' }, 'http://localhost:4320'],
  ])('a page cancels, and the URL is that of its browser: the proxy sends %s', async (_, headers, url) => {
    const app = await appWith(BEHIND);
    expect(await cancel(app, { ...FORWARDED, ...headers })).toBe(url + PATH);
  });

  test('the path where the app is mounted follows the prefix', async () => {
    const app = new Hono().route('/tasks-of', await appWith(BEHIND));
    expect(await cancel(app, { ...FORWARDED, 'X-Forwarded-Prefix': '/jobs' }, '/tasks-of')).toBe(`https://tasks.example/jobs/tasks-of${PATH}`);
  });

  test('the host that is forwarded has to be allowed, as the one of the proxy', async () => {
    const app = await appWith({ trustProxy: true });
    expect(await cancel(app, FORWARDED)).toMatch(/^403 the host "tasks\.example" is not allowed: .*"allowedHosts".*"token"/);
    const other = { ...FORWARDED, 'X-Forwarded-Host': 'localhost', Origin: 'https://localhost' };
    expect(await cancel(app, { ...other, Host: 'tasks.internal' })).toMatch(/^403 the host "tasks\.internal" is not allowed/);
    expect(await cancel(await appWith({ trustProxy: true, token: TOKEN }), { ...FORWARDED, Authorization: `Bearer ${TOKEN}` })).toBe(`https://tasks.example${PATH}`);
  });

  // A page that points its own name at the proxy, or at the server, can send any header.
  test.each<Record<string, string>>([
    { Host: 'evil.example', 'X-Forwarded-Host': 'tasks.example' },
    { 'X-Forwarded-Host': 'tasks.example, evil.example' },
    { 'X-Forwarded-Host': 'evil.example', Forwarded: 'host=tasks.example' },
    { 'X-Forwarded-Host': 'tasks.example', Forwarded: 'for=192.0.2.1, host=evil.example' },
  ])('a page under a name of its own can not hide it: %j', async (headers) => {
    const app = await appWith(BEHIND);
    expect(await cancel(app, { ...FORWARDED, ...headers })).toMatch(/^403 the host "evil\.example" is not allowed/);
    const { Origin: _, ...reading } = FORWARDED;
    expect((await app.request(PATH, { headers: { ...reading, ...headers } })).status).toBe(403);
  });

  test('a foreign page may not, whatever the proxy sends', async () => {
    const app = await appWith(BEHIND);
    expect(await cancel(app, { ...FORWARDED, Origin: 'https://evil.example' })).toMatch(
      /^403 the origin "https:\/\/evil\.example" is not allowed: the host is "tasks\.example"; .*X-Forwarded-Host.*"allowedOrigins"$/,
    );
    expect(await cancel(app, { ...FORWARDED, 'Sec-Fetch-Site': 'cross-site' })).toMatch(/^403 /);
  });

  test.each([
    ['X-Forwarded-Host', 'evil.example/x', 'a host such as "tasks.example"'],
    ['X-Forwarded-Host', 'a b', 'a host such as "tasks.example"'],
    ['X-Forwarded-Host', 'tasks.example:99999', 'a host such as "tasks.example"'],
    ['X-Forwarded-Host', 'ada@tasks.example', 'a host such as "tasks.example"'],
    ['X-Forwarded-Proto', 'javascript', 'http or https'],
    ['X-Forwarded-Prefix', '//evil.example', 'a path such as "/jobs"'],
    ['X-Forwarded-Prefix', 'jobs', 'a path such as "/jobs"'],
    ['X-Forwarded-Prefix', '/jobs/../..', 'a path such as "/jobs"'],
    ['X-Forwarded-Prefix', '/%2E%2e/x', 'a path such as "/jobs"'],
    ['X-Forwarded-Prefix', '/jobs?x=', 'a path such as "/jobs"'],
    ['X-Forwarded-Prefix', '/<script>', 'a path such as "/jobs"'],
    ['Forwarded', 'tasks.example', 'pairs such as host=tasks.example;proto=https'],
    ['Forwarded', 'host="tasks.example', 'pairs such as host=tasks.example;proto=https'],
    ['Forwarded', 'host=tasks.example proto=https', 'pairs such as host=tasks.example;proto=https'],
  ])('%s: %s is a 400 with what is expected', async (header, value, expected) => {
    const app = await appWith(BEHIND);
    const problem = `400 ${header}: expected ${expected}, got ${JSON.stringify(value)}`;
    expect(await cancel(app, { ...FORWARDED, [header]: value })).toBe(problem);
    const read = await app.request(PATH, { headers: { ...FORWARDED, [header]: value } });
    expect([read.status, read.headers.get('Content-Type')]).toEqual([400, 'application/problem+json']);
  });
});

describe('a forwarded header that is not needed', () => {
  test.each(['Forwarded', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-Prefix'])('%s of more than 1024 characters is a 400', async (header) => {
    const app = await appWith({ guarded: true, trustProxy: true });
    const answer = `400 ${header}: expected at most 1024 characters, got 1025`;
    expect(await cancel(app, { Host: 'localhost', [header]: 'x'.repeat(1025) })).toBe(answer);
    expect(await cancel(app, { Host: 'localhost', [header]: 'x'.repeat(1024) })).not.toContain('1024');
  });

  // A pattern that takes quadratic time needs more than 30 seconds for so many requests, a linear one some milliseconds: the
  // test would time out.
  test.each([
    ['spaces', `a=b;${' '.repeat(16_000)}@`],
    ['spaces after a pair', `a=b${' \t'.repeat(8000)}@`],
    ['a quoted text without end', `a="${'\\"'.repeat(8000)}`],
    ['a name without a value', 'a'.repeat(16_000)],
    ['pairs', 'a=b;'.repeat(4000) + '@'],
  ])('of 16 kB is answered at once, before anything else is checked: %s', async (_, Forwarded) => {
    const app = await appWith({ trustProxy: true, token: TOKEN });
    for (let request = 0; request < 300; request++) expect(await cancel(app, { Host: 'localhost', Forwarded })).toMatch(/^400 /);
  });

  test('is read once a request', async () => {
    const app = await appWith({ ...BEHIND, allowedOrigins: ['https://app.example'] });
    const request = new Request(`http://127.0.0.1:4320${PATH}/cancel`, { method: 'POST', headers: { ...FORWARDED, Forwarded: 'host=tasks.example' } });
    const reads = vi.spyOn(request.headers, 'get');
    expect((await app.request(request)).status).toBe(202);
    expect(reads.mock.calls.filter(([name]) => name === 'X-Forwarded-Prefix')).toHaveLength(1);
  });
});

describe('the origin of the app itself in allowedOrigins', () => {
  const own = { Host: 'tasks.example', Origin: 'https://tasks.example' };
  const access = { allowedHosts: ['tasks.example'], allowedOrigins: ['https://tasks.example', 'https://app.example'] };

  test.each<[string, AccessOptions, Record<string, string>]>([
    ['asked directly', {}, { ...own, 'Sec-Fetch-Site': 'same-origin' }],
    ['asked by plain HTTP, where browsers send no Sec-Fetch-Site', { allowedOrigins: ['http://tasks.example:8080'] }, { Host: 'tasks.example:8080', Origin: 'http://tasks.example:8080' }],
    ['behind a proxy with its default settings', {}, { ...own, Host: '127.0.0.1:4320', 'Sec-Fetch-Site': 'same-origin' }],
    ['with trustProxy', { trustProxy: true }, FORWARDED],
    ['with trustProxy, without Sec-Fetch-Site', { trustProxy: true }, { ...FORWARDED, 'Sec-Fetch-Site': '' }],
    ['guarded', { guarded: true }, own],
  ])('does not take the right to cancel from its pages: %s', async (_, more, headers) => {
    const app = await appWith({ ...access, ...more });
    const sent = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== ''));
    expect(await cancel(app, sent)).toMatch(/^https?:.*tasks\//);
  });

  test('gives it to no other page', async () => {
    const app = await appWith(access);
    const other = { ...own, Origin: 'https://app.example' };
    for (const site of ['cross-site', 'same-site']) expect(await cancel(app, { ...other, 'Sec-Fetch-Site': site })).toMatch(/^403 pages of another origin/);
    expect(await cancel(app, other)).toMatch(/^403 pages of another origin/);
    // The page is of https, the server is asked by http: for a browser these are two sites.
    expect(await cancel(app, { ...own, 'Sec-Fetch-Site': 'cross-site' })).toMatch(/^403 pages of another origin/);
  });

  test('does not help a page whose host the proxy does not forward, and the error has the remedy', async () => {
    const app = await appWith(access);
    expect(await cancel(app, { ...own, Host: '127.0.0.1:4320' })).toMatch(
      /^403 pages of another origin .*the host is "127\.0\.0\.1:4320"; behind a proxy .*"trustProxy".*"guarded" and .*"allowedOrigins"$/,
    );
    const none = await appWith({ allowedHosts: ['tasks.example'] });
    expect(await cancel(none, { ...own, Host: '127.0.0.1:4320' })).toMatch(/"trustProxy"; a page of another origin that is to cancel needs "guarded" and "allowedOrigins"$/);
  });
});

describe('without trustProxy', () => {
  test('what is forwarded is ignored, and the error names the option', async () => {
    const app = await appWith({ allowedHosts: ['tasks.example'] });
    expect(await cancel(app, FORWARDED)).toMatch(
      /^403 the origin "https:\/\/tasks\.example" is not allowed: the host is "127\.0\.0\.1:4320"; .*"trustProxy".*"allowedOrigins"$/,
    );
    const { Origin: _, ...noPage } = FORWARDED;
    const hostile = { 'X-Forwarded-Host': 'a b', 'X-Forwarded-Proto': 'x', 'X-Forwarded-Prefix': '//', Forwarded: '"' };
    for (const headers of [noPage, { ...noPage, ...hostile }]) expect(await cancel(app, headers)).toBe(`http://127.0.0.1:4320${PATH}`);
    expect(await cancel(app, { ...FORWARDED, Host: 'evil.example' })).toMatch(/^403 the host "evil\.example"/);
  });

  test('a proxy that hands on Host with its own port will do', async () => {
    const app = await appWith({ allowedHosts: ['tasks.example'] });
    const headers = { Host: 'tasks.example:443', Origin: 'https://tasks.example', 'Sec-Fetch-Site': 'same-origin' };
    // The server does not know that the browser used https.
    expect(await cancel(app, headers)).toBe(`http://tasks.example:443${PATH}`);
  });

  test.each([
    ['tasks.example', 'tasks.example'],
    ['tasks.example:80', 'tasks.example'],
    ['tasks.example:443', 'tasks.example:443'],
    ['tasks.example:8080', 'tasks.example:8080'],
    ['[::1]:443', '[::1]:443'],
  ])('a client of http://%s gets a URL that leads there', async (Host, host) => {
    expect(await cancel(await appWith({ allowedHosts: ['tasks.example'] }), { Host })).toBe(`http://${host}${PATH}`);
  });
});

describe('forwarded headers of any form', () => {
  const token = fc.stringMatching(/^[a-z0-9_-]{1,10}$/);
  const host = fc.tuple(fc.array(token, { minLength: 1, maxLength: 3 }), fc.option(fc.oneof(fc.integer({ min: 1, max: 65_535 }), fc.constantFrom(80, 443)), { nil: undefined }));
  const hostText = host.map(([labels, port]) => `h${labels.join('.h')}z${port === undefined ? '' : `:${port}`}`);

  test('give the URL of the browser, in a list of pairs as RFC 7239 has them', async () => {
    const app = await appWith({ guarded: true, trustProxy: true });
    const quoted = (value: string, escaped: boolean): string => `"${escaped ? value.replaceAll(/./g, '\\$&') : value}"`;
    await fc.assert(
      fc.asyncProperty(
        hostText, fc.constantFrom('http', 'https'), fc.array(fc.tuple(token, token)), fc.array(hostText), fc.boolean(), fc.boolean(), fc.constantFrom('', ' ', '\t '),
        async (name, protocol, others, more, escaped, isFirst, space) => {
          const pairs = [`host=${quoted(name, escaped)}`, `proto=${protocol}`];
          // Another pair may have any name but these two.
          const rest = others.map(([key, value]) => `x${key}=${quoted(value, !escaped)}`);
          const first = (isFirst ? [...pairs, ...rest] : [...rest, ...pairs]).join(`${space};${space}`);
          const header = [first, ...more.map((other) => `host=${other};proto=http`)].join(`${space},${space}`);
          const origin = new URL(`${protocol}://${protocol === 'https' ? name.replace(/:80$/, '') : name}`).origin;
          expect(await cancel(app, { Host: 'localhost', Forwarded: header, Origin: origin })).toBe(origin + PATH);
        },
      ),
    );
  });

  test('are read as a parser reads them that takes one character after another', async () => {
    const app = await appWith({ guarded: true, trustProxy: true });
    const pair = fc.constantFrom('host=tasks.example', 'Host="a:81"', 'proto=https', 'proto="h\\ttp"', 'by=', 'for=" ;,="', '', 'host=""');
    const space = fc.constantFrom('', '', ' ', ' \t  ');
    const noise = fc.constantFrom('', '', '', '', '', '', '=', '"', '\\', '@', 'host', ' x');
    const item = fc.tuple(space, pair, noise, space, fc.constantFrom(';', ',')).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(fc.array(item, { maxLength: 8 }).map((items) => items.join('').trim()), async (header) => {
        const answer = await cancel(app, { Host: 'localhost', Forwarded: header });
        const pairs = referencePairs(header);
        expect(answer.startsWith('400 Forwarded: expected pairs')).toBe(pairs === undefined);
        if (/^400 Forwarded: expected (?:pairs|a host|http or https)/.test(answer)) return;
        const first = (name: string, otherwise: string): string => pairs!.find(([key]) => key === name)?.[1] ?? otherwise;
        expect(answer).toBe(new URL(PATH, `${first('proto', 'http')}://${first('host', 'localhost')}`).href);
      }),
      { numRuns: 500 },
    );
  });

  test('are taken, or are a 400; a URL stays one of a host that was named', async () => {
    const app = await appWith({ guarded: true, trustProxy: true });
    const piece = fc.constantFrom('host', '=', ';', ',', '"', '\\', ' ', '/', '//', '..', ':', ':80', '@', 'evil.example', 'tasks.example', '%2e', 'proto', 'https', '?', '#', '[::1]', '[');
    const value = fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join('').trim());
    await fc.assert(
      fc.asyncProperty(value, value, value, value, async (forwarded, name, protocol, prefix) => {
        const headers = { Host: 'localhost', Forwarded: forwarded, 'X-Forwarded-Host': name, 'X-Forwarded-Proto': protocol, 'X-Forwarded-Prefix': prefix };
        const answer = await cancel(app, headers);
        if (answer.startsWith('4')) {
          expect(answer).toMatch(/^400 (?:Forwarded|X-Forwarded-(?:Host|Proto|Prefix)): expected /);
          return;
        }
        const url = new URL(answer);
        expect(url.pathname.endsWith(PATH)).toBe(true);
        expect(url.protocol).toMatch(/^https?:$/);
        expect(`localhost, ${forwarded}, ${name}`.replaceAll('\\', '')).toContain(url.hostname);
      }),
    );
  });
});

/** The pairs of a `Forwarded` header, read by the letter; `undefined` where it is malformed. */
function referencePairs(header: string): [name: string, value: string][] | undefined {
  const pairs: [string, string][] = [];
  let at = 0;
  const take = (pattern: RegExp): string => {
    const begin = at;
    while (at < header.length && pattern.test(header[at]!)) at++;
    return header.slice(begin, at);
  };
  for (;;) {
    take(/[ \t]/);
    const name = take(/[!#$%&'*+.^_`|~\w-]/);
    if (name !== '') {
      if (header[at++] !== '=') return undefined;
      let value = '';
      if (header[at] === '"') {
        for (at++; header[at] !== '"'; at++) {
          if (header[at] === '\\') at++;
          if (at >= header.length) return undefined;
          value += header[at];
        }
        at++;
      } else value = take(/[^\s;,"]/);
      pairs.push([name.toLowerCase(), value]);
      take(/[ \t]/);
    }
    if (at === header.length) return pairs;
    if (!/[;,]/.test(header[at++]!)) return undefined;
  }
}
