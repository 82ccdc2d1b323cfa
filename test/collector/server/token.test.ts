import type { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import type { AccessOptions } from '../../../collector/server/access.ts';
import type { TasksMetrics } from '../../../collector/server/health-routes.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { UUID } from './plain-store.ts';

const TOKEN = 'c3VwZXIgc2VjcmV0IDE=';
const BEARER = { Authorization: `Bearer ${TOKEN}` };

function appWith(access: AccessOptions = {}): Hono {
  const metrics: TasksMetrics = { watchers: { inc() {}, dec() {} }, contentType: 'text/plain', text: async () => '' };
  return createTasksApp({ store: memoryStore(), access: { token: TOKEN, ...access }, metrics });
}

function basic(password: string, user = ''): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

function statusOf(headers: Record<string, string>, path = '/tasks', access: AccessOptions = {}): Promise<number> {
  return Promise.resolve(appWith(access).request(path, { headers })).then(({ status }) => status);
}

describe('an app with a token', () => {
  test.each([
    `Bearer ${TOKEN}`, `bearer ${TOKEN}`, `BEARER  ${TOKEN}`, basic(TOKEN), basic(TOKEN, 'ada'), basic(TOKEN, 'ä').replace('Basic', 'basic'),
  ])('answers to "%s"', async (authorization) => {
    expect(await statusOf({ Authorization: authorization })).toBe(200);
  });

  test.each([
    '', TOKEN, 'Bearer', 'Bearer ', `Bearer${TOKEN}`, `Bearer ${TOKEN.slice(0, -1)}`, `Bearer ${TOKEN}x`, `Bearer ${TOKEN.toLowerCase()}`, `Bearer ${TOKEN} x`, `Digest ${TOKEN}`,
    'Basic', `Basic ${TOKEN}`, basic(TOKEN.slice(1)), basic(''), basic('x', TOKEN), `Basic ${Buffer.from(TOKEN).toString('base64')}`, basic(`${TOKEN}:`), 'Basic %%%%',
  ])('refuses "%s"', async (authorization) => {
    expect(await statusOf({ Authorization: authorization })).toBe(401);
  });

  test.each(['/tasks', '/tasks/events', `/tasks/${UUID}`, `/tasks/${UUID}/scopes`, `/tasks/${UUID}/events`, `/tasks/${UUID}/log`, '/metrics', '/elsewhere', '/tasks/x', '/healthz/'])(
    'names how it is to be sent: %s',
    async (path) => {
      const response = await appWith().request(path);
      expect(response.status).toBe(401);
      expect(response.headers.get('Content-Type')).toBe('application/problem+json');
      expect(response.headers.get('WWW-Authenticate')).toBe('Basic realm="taskspan", charset="UTF-8", Bearer realm="taskspan"');
      expect(response.headers.get('Cache-Control')).toBe('no-store');
      const { detail } = (await response.json()) as { detail: string };
      expect(detail).toBe('expected the token of this server (its "token", TASKSPAN_TOKEN), as "Authorization: Bearer TOKEN" or as the password of HTTP Basic, got none');
    },
  );

  test('cancels no task without it', async () => {
    const cancel = (headers: Record<string, string>) => appWith().request(`/tasks/${UUID}/cancel`, { method: 'POST', headers });
    expect((await cancel({})).status).toBe(401);
    // What the browser adds by itself on a foreign page is not enough.
    expect((await cancel({ ...BEARER, 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
    expect((await cancel(BEARER)).status).toBe(404);
  });

  test.each(['/healthz', '/readyz'])('answers %s without it', async (path) => {
    expect(await statusOf({}, path)).toBe(200);
  });

  test('answers for any host name, but to no foreign page', async () => {
    expect(await statusOf({ ...BEARER, Host: 'tasks.example:4320' })).toBe(200);
    expect(await statusOf({ Host: '10.0.0.7:4320' }, '/healthz')).toBe(200);
    expect(await statusOf({ ...BEARER, Host: 'tasks.example', Origin: 'https://tasks.example' })).toBe(200);
    expect(await statusOf({ ...BEARER, Host: 'tasks.example', Origin: 'https://evil.example' })).toBe(403);
  });

  test('answers a page of an allowed origin, whose preflight request has no token', async () => {
    const app = appWith({ allowedOrigins: ['https://app.example'] });
    const Origin = 'https://app.example';
    const leave = await app.request('/tasks', {
      method: 'OPTIONS',
      headers: { Origin, 'Access-Control-Request-Method': 'GET', 'Access-Control-Request-Headers': 'authorization' },
    });
    expect(leave.status).toBe(204);
    expect(leave.headers.get('Access-Control-Allow-Headers')).toBe('authorization');
    expect((await app.request('/tasks', { headers: { Origin, ...BEARER } })).status).toBe(200);
    const without = await app.request('/tasks', { headers: { Origin } });
    expect(without.status).toBe(401);
    expect(without.headers.get('Access-Control-Allow-Origin')).toBe(Origin);
  });
});

describe('what is no token', () => {
  const EXPECTED = 'access.token: expected 16 to 1024 characters of A-Z a-z 0-9 - . _ ~ + / and = at the end, got';

  test.each<[unknown, new (message: string) => Error, string]>([
    ['short', RangeError, '5'], ['', RangeError, '0'], ['x'.repeat(1025), RangeError, '1025'],
    [`${TOKEN}\n`, TypeError, 'others'], [`${TOKEN} ${TOKEN}`, TypeError, 'others'], [`=${TOKEN}`, TypeError, 'others'], ['ä'.repeat(16), TypeError, 'others'],
    [1234567890123456, TypeError, 'number'], [null, TypeError, 'null'],
  ])('is refused at once, and not in the message: %j', (token, kind, came) => {
    expect(() => appWith({ token: token as string })).toThrow(new kind(`${EXPECTED} ${came}`));
  });

  test('is neither the shortest nor the longest', async () => {
    for (const token of ['x'.repeat(16), 'x'.repeat(1024)]) {
      expect(await statusOf({ Authorization: `Bearer ${token}` }, '/tasks', { token })).toBe(200);
    }
  });
});
