import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import type { AccessOptions } from '../../../collector/server/access.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { plainStore, plainTask, UUID } from './plain-store.ts';

const PATHS = ['/tasks', `/tasks/${UUID}`, `/tasks/${UUID}/scopes`, `/tasks/${UUID}/log`, '/healthz'];
const CANCEL = `/tasks/${UUID}/cancel`;

function guarded(access: AccessOptions = {}): Hono {
  const store = plainStore(plainTask());
  store.cancel = async () => 'requested';
  return createTasksApp({ store, access: { guarded: true, ...access } });
}

async function cancel(app: Hono, headers: Record<string, string>): Promise<number> {
  return (await app.request(CANCEL, { method: 'POST', headers })).status;
}

describe('an app that is guarded', () => {
  test.each(PATHS)('answers %s for any host name, and to pages of any origin', async (path) => {
    expect((await guarded().request(path, { headers: { Host: 'shop.example:8080' } })).status).toBe(200);
    const response = await guarded().request(path, { headers: { Host: 'shop.example', Origin: 'https://partner.example' } });
    // The application's own CORS decides whether the page may see the answer.
    expect([response.status, response.headers.get('Access-Control-Allow-Origin')]).toEqual([200, null]);
  });

  test('takes a cancel from its own pages alone', async () => {
    const Host = 'shop.example';
    expect(await cancel(guarded(), { Host })).toBe(202);
    expect(await cancel(guarded(), { Host, Origin: 'https://shop.example', 'Sec-Fetch-Site': 'same-origin' })).toBe(202);
    // A browser adds the cookies of the application to these.
    expect(await cancel(guarded(), { Host, Origin: 'https://evil.example' })).toBe(403);
    expect(await cancel(guarded(), { Host, Origin: 'null' })).toBe(403);
    expect(await cancel(guarded(), { Host, 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
  });

  test('takes a cancel from pages of allowedOrigins, after a preflight request', async () => {
    const app = guarded({ allowedOrigins: ['https://app.example'] });
    const page = { Host: 'api.example', Origin: 'https://app.example', 'Sec-Fetch-Site': 'cross-site' };
    const leave = await app.request(CANCEL, {
      method: 'OPTIONS',
      headers: { ...page, 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' },
    });
    expect([leave.status, leave.headers.get('Access-Control-Allow-Methods')]).toEqual([204, 'POST,DELETE']);
    const answer = await app.request(CANCEL, { method: 'POST', headers: page });
    expect([answer.status, answer.headers.get('Access-Control-Allow-Origin')]).toEqual([202, page.Origin]);
    expect(answer.headers.get('Access-Control-Allow-Credentials')).toBe('true');
    expect(await cancel(app, { ...page, Origin: 'https://evil.example' })).toBe(403);
  });

  test('still needs a token that it was given', async () => {
    const token = '0123456789abcdef';
    const app = guarded({ token });
    expect((await app.request('/tasks', { headers: { Host: 'shop.example' } })).status).toBe(401);
    expect((await app.request('/tasks', { headers: { Host: 'shop.example', Authorization: `Bearer ${token}` } })).status).toBe(200);
  });

  test('leaves the question who may ask to middleware of the app in which it is mounted', async () => {
    const app = new Hono();
    app.use('/jobs/*', async (c, next) => (c.req.header('Cookie') === 'user=ada' ? next() : c.text('who are you?', 401)));
    app.route('/jobs', guarded());
    const headers = { Host: 'shop.example' };
    expect((await app.request('/jobs/tasks', { headers })).status).toBe(401);
    expect((await app.request('/jobs/tasks', { headers: { ...headers, Cookie: 'user=ada' } })).status).toBe(200);
  });
});

test('an app that is not guarded answers a page of allowedOrigins with what a cancel needs', async () => {
  const app = createTasksApp({ store: plainStore(plainTask()), access: { allowedOrigins: ['https://app.example'] } });
  const response = await app.request(CANCEL, { method: 'POST', headers: { Host: 'localhost', Origin: 'https://app.example' } });
  expect(response.status).toBe(403);
  expect(await response.json()).toMatchObject({ detail: expect.stringMatching(/not change anything: .*"guarded".*"allowedOrigins"/) });
});
