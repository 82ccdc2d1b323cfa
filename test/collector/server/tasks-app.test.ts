import { diag, DiagLogLevel } from '@opentelemetry/api';
import { Hono } from 'hono';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { unavailableStore } from '../../../collector/store/store-at.ts';
import { plainStore, plainTask, UUID } from './plain-store.ts';

const PATHS = ['/tasks', `/tasks/${UUID}`, `/tasks/${UUID}/scopes`, `/tasks/${UUID}/log`, '/healthz'];
const STREAMS = ['/tasks/events', `/tasks/${UUID}/events`, `/tasks/${UUID}/log?follow=1`];

function app(): Hono {
  return createTasksApp({ store: plainStore(plainTask({ log: '\tline\n' })) });
}

function mounted(at: string): Hono {
  const store = plainStore(plainTask(), plainTask({ uuid: '00000000-0000-4000-8000-000000000000' }));
  const outer = new Hono();
  outer.onError((error, c) => c.text(error.message, 500));
  outer.route(at, createTasksApp({ store }));
  outer.get('/about', (c) => c.text('about'));
  return outer;
}

function failing(message = 'connect ECONNREFUSED db.internal:5432'): TaskStore {
  return unavailableStore(message);
}

async function expectProblem(response: Response, status: number, title: string): Promise<{ detail: string }> {
  expect(response.status).toBe(status);
  expect(response.headers.get('Content-Type')).toBe('application/problem+json');
  const problem: { detail: string } = JSON.parse(await response.text());
  expect(problem).toEqual({ type: 'about:blank', title, status, detail: expect.any(String) });
  return problem;
}

describe('each path', () => {
  test.each(PATHS)('%s answers GET and, without a body, HEAD', async (path) => {
    const [get, head] = [await app().request(path), await app().request(path, { method: 'HEAD' })];
    expect([get.status, head.status]).toEqual([200, 200]);
    expect(await head.text()).toBe('');
    expect([...head.headers]).toEqual([...get.headers]);
    expect(get.headers.get('X-Content-Type-Options')).toBe('nosniff');
  });

  test.each([...PATHS, ...STREAMS])('%s refuses to be changed', async (path) => {
    const allowed = path === `/tasks/${UUID}` ? ['GET', 'HEAD', 'DELETE'] : ['GET', 'HEAD'];
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].filter((one) => !allowed.includes(one))) {
      const response = await app().request(path, { method });
      expect(response.headers.get('Allow')).toBe(allowed.join(', '));
      await expectProblem(response, 405, 'Method Not Allowed');
    }
  });
});

describe('what is not there', () => {
  test.each(['/', '/task', '/tasks/', `/tasks/${UUID}/logs`, `/tasks/${UUID}/`, '/healthz/x'])('%s is a 404', async (path) => {
    const { detail } = await expectProblem(await app().request(path), 404, 'Not Found');
    expect(detail).toContain(path);
  });

  test('an unknown task is a 404 that names it', async () => {
    const unknown = '00000000-0000-4000-8000-000000000000';
    const { detail } = await expectProblem(await app().request(`/tasks/${unknown}`), 404, 'Not Found');
    expect(detail).toBe(`there is no task ${unknown}`);
  });

  test.each(['1', 'import', UUID.slice(1), `${UUID}0`, UUID.replace('-11e9-', '-91e9-'), '%FF', '%00'])(
    'a task named %s is a 400, since that is no UUID',
    async (name) => {
      const { detail } = await expectProblem(await app().request(`/tasks/${name}`), 400, 'Bad Request');
      expect(detail).toContain('UUID');
    },
  );

  test.each([1, 2, 3, 4, 5, 6, 7, 8])('a UUID of version %i is a task', async (version) => {
    const uuid = `01234567-89ab-${version}def-8123-456789abcdef`;
    const response = await createTasksApp({ store: plainStore(plainTask({ uuid })) }).request(`/tasks/${uuid}`);
    expect(response.status).toBe(200);
  });
});

describe('a client that may not read', () => {
  test.each([...PATHS, ...STREAMS])('gets nothing from %s', async (path) => {
    const headers = [{ Host: 'evil.example' }, { Origin: 'https://evil.example' }];
    for (const header of headers) await expectProblem(await app().request(path, { headers: header }), 403, 'Forbidden');
  });
});

describe('mounted in another app', () => {
  test('it answers below that path', async () => {
    for (const path of PATHS) expect((await mounted('/internal/jobs').request(`/internal/jobs${path}`)).status).toBe(200);
    expect((await mounted('/internal/jobs').request('/tasks')).status).toBe(404);
  });

  test('its Link leads on from wherever it is', async () => {
    const url = 'http://localhost/internal/jobs/tasks?limit=1';
    const response = await mounted('/internal/jobs').request(url);
    const link = response.headers.get('Link')!.match(/<(.+)>/)![1]!;
    const next = await mounted('/internal/jobs').request(new URL(link, url).href);
    expect(await next.json()).toMatchObject({ tasks: [{ task_uuid: UUID }], next: null });
  });

  test('it leaves the paths beside its own to the other app, its rules of access included', async () => {
    const response = await mounted('/').request('/about', { headers: { Host: 'shop.example' } });
    expect(await response.text()).toBe('about');
  });
});

describe('a store that fails', () => {
  test.each([...PATHS.slice(0, 4), ...STREAMS])('makes %s a 503 without the cause', async (path) => {
    const response = await createTasksApp({ store: failing() }).request(path);
    expect(response.headers.get('Retry-After')).toBe('1');
    const problem = await expectProblem(response, 503, 'Service Unavailable');
    expect(JSON.stringify(problem)).not.toContain('db.internal');
  });

  test('after the task was read makes it a 503 too, as JSON and as text', async () => {
    for (const accept of ['application/json', 'text/plain']) {
      const store = plainStore(plainTask({ log: '\tline\n' }));
      store.log = () => Promise.reject(new Error('gone away'));
      const response = await createTasksApp({ store }).request(`/tasks/${UUID}`, { headers: { Accept: accept } });
      await expectProblem(response, 503, 'Service Unavailable');
    }
  });

  test('that throws a RangeError of its own is not taken for a wrong cursor', async () => {
    const store = { ...failing(), tasks: () => Promise.reject(new RangeError('pool size')) };
    await expectProblem(await createTasksApp({ store }).request('/tasks'), 503, 'Service Unavailable');
  });

  test('leaves the health check alone', async () => {
    const response = await createTasksApp({ store: failing() }).request('/healthz');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });

  test('is reported through diag once per message', async () => {
    const told: string[] = [];
    const tell = (message: string): void => void told.push(message);
    diag.setLogger({ error: tell, warn: tell, info: tell, debug: tell, verbose: tell }, { logLevel: DiagLogLevel.WARN });
    onTestFinished(() => diag.disable());
    // No other test has reported these, nor does what another one has left behind.
    const [full, broken] = [`disk full: ${crypto.randomUUID()}`, `disk broken: ${crypto.randomUUID()}`];
    for (const message of [full, full, broken, full]) await createTasksApp({ store: failing(message) }).request('/tasks');
    const own = told.filter((message) => message.includes(full) || message.includes(broken));
    expect(own).toEqual([expect.stringContaining(full), expect.stringContaining(broken)]);
  });
});

test.each([
  [undefined, 'createTasksApp: expected an object of options, got undefined'],
  [{ store: plainStore(), acces: {} }, 'createTasksApp: expected options among store, access, streams, listen, metrics, traceUrl, frameAncestors, index, got "acces"'],
  [{ store: plainStore(), listen: 'no' }, 'listen: expected a boolean, got "no"'],
])('invalid options are refused: %#', (options, message) => {
  expect(() => createTasksApp(options as never)).toThrow(new TypeError(message));
});
