import { gunzipSync, brotliDecompressSync } from 'node:zlib';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { factsOf, uuidOf } from '../../store/stored-task.ts';
import { plainStore } from '../plain-store.ts';
import { BROWSER, opened, storeWith, textOf } from './page-of.ts';

const UUID = uuidOf(1);

describe('a task is a page', () => {
  test.each([[BROWSER.Accept], ['text/html'], ['text/html, application/json;q=0.9'], ['text/plain;q=0, text/*']])('for %s', async (accept) => {
    const app = createTasksApp({ store: await storeWith(factsOf(UUID)) });
    const response = await app.request(`/tasks/${UUID}`, { headers: { Accept: accept } });
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, 'text/html; charset=utf-8']);
    expect(response.headers.get('Vary')?.split(', ')).toContain('Accept');
    expect(await response.text()).toMatch(/^<!doctype html>/);
  });

  test('whose title is its state and its name', async () => {
    const { html } = await opened(await storeWith(factsOf(UUID, { end: 'completed' })), `/tasks/${UUID}`);
    expect(html).toContain('<title>Completed · work</title>');
  });

  test('without a script or a style in its markup, and its policy allows none', async () => {
    const { response, html } = await opened(await storeWith(factsOf(UUID)), `/tasks/${UUID}`);
    expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|javascript:|<script(?! type="module" src=")/);
    expect(response.headers.get('Content-Security-Policy')).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
  });

  test('that only pages of frameAncestors show in a frame, and only without its actions', async () => {
    const store = await storeWith(factsOf(UUID));
    const options = { frameAncestors: ['https://app.example', 'https://b.example'] };
    const ancestors = async (path: string): Promise<string | undefined> =>
      /frame-ancestors (.*)$/.exec((await opened(store, path, options)).response.headers.get('Content-Security-Policy') ?? '')?.[1];
    expect(await ancestors(`/tasks/${UUID}?embed=1`)).toBe('https://app.example https://b.example');
    expect(await ancestors(`/tasks/${UUID}`)).toBe("'none'");
    const { html } = await opened(store, `/tasks/${UUID}?embed=1`, options);
    expect(html).not.toMatch(/<form|All tasks/);
  });
});

describe('each URL in a page is relative, and leads to what is there', () => {
  test.each([
    ['', {}],
    ['/internal/jobs', {}],
  ])('mounted at "%s"', async (mount) => {
    const tasks = createTasksApp({ store: await storeWith(factsOf(UUID)) });
    const app = mount === '' ? tasks : new Hono().route(mount, tasks);
    const at = `http://localhost${mount}/tasks/${UUID}`;
    const html = await (await app.request(at, { headers: BROWSER })).text();
    const urls = [...html.matchAll(/\b(?:href|src)="([^"#]+)/g)].map(([, url = '']) => url.replaceAll('&amp;', '&'));
    expect(urls.length).toBeGreaterThan(4);
    for (const url of urls) {
      expect(url).not.toMatch(/^(?:\w+:|\/)/);
      const response = await app.request(new URL(url, at).href);
      expect([url, response.status]).toEqual([url, 200]);
      await response.body?.cancel();
    }
  });
});

describe('an asset', () => {
  const asset = async (name: string, headers: Record<string, string> = {}): Promise<Response> =>
    createTasksApp({ store: plainStore() }).request(`/tasks/assets/${name}`, { headers });

  test.each([['page.css', 'text/css'], ['task-page.js', 'text/javascript'], ['failed.svg', 'image/svg+xml']])('such as %s has its type', async (name, type) => {
    const response = await asset(name);
    expect([response.status, response.headers.get('Content-Type')]).toEqual([200, expect.stringContaining(type)]);
    expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff');
  });

  test('needs no token', async () => {
    const app = createTasksApp({ store: plainStore(), access: { token: 'a-token-of-this-test' } });
    expect((await app.request('/tasks/assets/page.css')).status).toBe(200);
  });

  test('is there for a page of any host: a browser sends the origin of the page with a script', async () => {
    const response = await asset('task-page.js', { Origin: 'https://behind.example', Host: 'behind.example' });
    expect([response.status, response.headers.get('Access-Control-Allow-Origin')]).toEqual([200, '*']);
  });

  test.each([['br, gzip', 'br'], ['gzip, deflate', 'gzip'], ['br;q=0, gzip', 'gzip'], ['gzip;q=0', null], ['', null]])('for "%s" is encoded as %s', async (accepted, encoding) => {
    const response = await asset('page.css', { 'Accept-Encoding': accepted });
    expect(response.headers.get('Content-Encoding')).toBe(encoding);
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = encoding === 'br' ? brotliDecompressSync(bytes) : encoding === 'gzip' ? gunzipSync(bytes) : bytes;
    expect(text.toString()).toContain('--ground');
  });

  test('is kept for ever under the URL that a page has, and asked for again under any other', async () => {
    const { html } = await opened(await storeWith(factsOf(UUID)), `/tasks/${UUID}`);
    const [, url = ''] = /href="assets\/(page\.css[^"]*)"/.exec(html)!;
    expect((await asset(url)).headers.get('Cache-Control')).toContain('immutable');
    for (const other of ['page.css', 'page.css?v=old']) {
      const response = await asset(other);
      expect(response.headers.get('Cache-Control')).toBe('no-cache');
      expect((await asset(other, { 'If-None-Match': response.headers.get('ETag')! })).status).toBe(304);
    }
  });

  test.each(['none.js', '..%2Fwords.ts', 'constructor', '__proto__', 'words.ts'])('named %s is not there', async (name) => {
    expect((await asset(name)).status).toBe(404);
  });
});

describe('a problem is a page for a browser', () => {
  test.each([
    ['an unknown task', `/tasks/${uuidOf(2)}`, 404, 'There is no such task'],
    ['no UUID', '/tasks/1', 400, 'This address is not right'],
    ['no path', '/else', 404, 'There is nothing here'],
  ])('%s', async (_, path, status, title) => {
    const { response, html } = await opened(await storeWith(factsOf(UUID)), path);
    expect([response.status, response.headers.get('Content-Type')]).toEqual([status, 'text/html; charset=utf-8']);
    expect(response.headers.get('Content-Security-Policy')).toContain("default-src 'none'");
    expect(textOf(html)).toContain(title);
    expect(html).not.toContain('http-equiv');
  });

  test('of a request to cancel that came too late leads back to the task', async () => {
    const app = createTasksApp({ store: await storeWith(factsOf(UUID, { end: 'completed' })) });
    const at = `http://localhost/tasks/${UUID}/cancel`;
    const response = await app.request(at, { method: 'POST', headers: { ...BROWSER, Origin: 'http://localhost' } });
    const html = await response.text();
    expect([response.status, textOf(html)]).toEqual([409, expect.stringContaining(`task ${UUID} has ended`)]);
    expect(new URL(/<nav[^>]*><a href="([^"]+)/.exec(html)![1]!, at).pathname).toBe(`/tasks/${UUID}`);
  });

  test('of a store that fails loads itself again', async () => {
    const store = { ...plainStore(), stored: () => Promise.reject(new Error('disk on fire')) };
    const { response, html } = await opened(store, `/tasks/${UUID}`);
    expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '1']);
    expect(html).toContain('<meta http-equiv="refresh"');
    expect(html).not.toContain('disk on fire');
  });

  test('of a missing token still asks for it', async () => {
    const { response } = await opened(plainStore(), '/tasks', { access: { token: 'a-token-of-this-test' } });
    expect([response.status, response.headers.get('WWW-Authenticate')]).toEqual([401, expect.stringContaining('Basic')]);
  });

  test('shows what a hostile address says as text', async () => {
    const { html } = await opened(plainStore(), '/tasks/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E');
    expect(html).not.toContain('<img');
  });
});

describe('the path / leads to the list', () => {
  test('where the option index is set', async () => {
    const response = await createTasksApp({ store: plainStore(), index: true }).request('/');
    expect([response.status, response.headers.get('Location')]).toEqual([302, 'tasks']);
  });

  test('and is nothing where it is not', async () => {
    expect((await createTasksApp({ store: plainStore() }).request('/')).status).toBe(404);
  });
});

describe('invalid options', () => {
  test.each([
    [{ traceUrl: 'https://jaeger.example' }, 'traceUrl: expected a URL with {trace_id} such as https://jaeger.example/trace/{trace_id}, got "https://jaeger.example"'],
    [{ traceUrl: 'javascript:alert("{trace_id}")' }, 'traceUrl: expected a URL with {trace_id}'],
    [{ frameAncestors: ['*'] }, 'frameAncestors: expected an origin such as "https://app.example", got "*"'],
    [{ index: 'yes' as never }, 'index: expected a boolean, got "yes"'],
  ])('%o', (options, message) => {
    expect(() => createTasksApp({ store: plainStore(), ...options })).toThrow(message);
  });
});
