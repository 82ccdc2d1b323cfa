import { expect, test } from 'vitest';
import type { AccessOptions } from '../../../collector/server/access.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { received } from '../../../src/failure.ts';

const SECRET = 's3cret-passw0rd';
const TOKEN = `${SECRET}-${SECRET}`;

function errorOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('expected an error');
}

test.each<[string, AccessOptions]>([
  ['a token with a blank', { token: `${TOKEN} x` }],
  ['a token that is too short', { token: 's3cret-passw0r' }],
  ['an origin', { allowedOrigins: [`https://app:${SECRET}@app.example`] }],
  ['a host', { allowedHosts: [`app:${SECRET}@app.example`] }],
])('the error of %s does not have what is secret in it', (_, access) => {
  const message = errorOf(() => createTasksApp({ store: memoryStore(), access }));
  expect(message).toMatch(/^access\.\w+: expected /);
  expect(message).not.toContain('s3cret');
});

test('a URL in the place of a store is refused without its password', () => {
  const url = `postgres://app:${SECRET}@db.example/tasks?password=${SECRET}`;
  expect(errorOf(() => createTasksApp({ store: url as never }))).toBe('createTasksApp: expected a store, got postgres://db.example/tasks');
  expect(errorOf(() => sqliteStore(url))).toBe('sqliteStore: expected the path of a file, got the URL postgres://db.example/tasks');
});

test.each([
  ['/tasks', { Authorization: `Bearer ${SECRET}` }, 401],
  ['/tasks', { Authorization: `Bearer ${TOKEN}`, Origin: `https://app:${SECRET}@app.example` }, 403],
  [`/tasks?token=${TOKEN}`, { Authorization: `Bearer ${TOKEN}` }, 400],
  ['/tasks', { Authorization: `Bearer ${TOKEN}`, 'X-Forwarded-Host': `app:${SECRET}@app.example` }, 400],
])('the answer to %s with %j is %i, and has no secret', async (path, headers, status) => {
  const app = createTasksApp({ store: memoryStore(), access: { token: TOKEN, trustProxy: true } });
  const answer = await app.request(path, { headers });
  expect([answer.status, await answer.text()]).toEqual([status, expect.not.stringContaining('s3cret')]);
});

test('a received text is shown without user and password, and any other text as it is', () => {
  expect(received(`https://app:p@ss/${SECRET}@app.example/x`)).toBe('"https://…@app.example/x"');
  expect(received(`app:${SECRET}@app.example`)).toBe('"…@app.example"');
  for (const text of ['ada@app.example', 'https://ada@app.example', '10:30', 'at 10:30 @home', 'https://app.example/@x']) expect(received(text)).toBe(JSON.stringify(text));
});
