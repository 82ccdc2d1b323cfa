import { describe, expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { factsOf, uuidOf } from '../store/stored-task.ts';

const UUID = uuidOf(1);

/** Every route with parameters, and a valid value of each. */
const ROUTES: [path: string, parameters: Record<string, string>][] = [
  ['/tasks', { limit: '10', state: 'running', cursor: 'dDE3', uuid: '0000*' }],
  ['/tasks/events', { after: '0' }],
  [`/tasks/${UUID}`, { wait: '1', times: '1' }],
  [`/tasks/${UUID}/scopes`, { wait: '1' }],
  [`/tasks/${UUID}/events`, { after: '0', wait: '1' }],
  [`/tasks/${UUID}/log`, { offset: '0', follow: '0', times: '1', wait: '1' }],
  ['/workers/w/cancellations', { after: '0', wait: '0' }],
];

const PARAMETERS = ROUTES.flatMap(([path, parameters]) => Object.entries(parameters).map(([name, value]) => [path, name, value] as const));

async function answerTo(path: string, method = 'GET'): Promise<{ status: number; detail?: string }> {
  const store = memoryStore();
  await store.append(factsOf(UUID));
  const metrics = { watchers: { inc: () => undefined, dec: () => undefined }, contentType: 'text/plain', text: () => Promise.resolve('') };
  const response = await createTasksApp({ store, metrics }).request(path, { method });
  if (response.ok) {
    await response.body?.cancel();
    return { status: response.status };
  }
  return { status: response.status, detail: ((await response.json()) as { detail: string }).detail };
}

describe('a parameter', () => {
  test.each(PARAMETERS)('of %s, %s, is taken', async (path, name, value) => {
    expect(await answerTo(`${path}?${name}=${value}`)).toEqual({ status: 200 });
  });

  test.each(PARAMETERS)('of %s, %s, that is given twice is a 400', async (path, name, value) => {
    expect(await answerTo(`${path}?${name}=${value}&${name}=${value}`)).toEqual({
      status: 400, detail: `${name}: expected one value, got 2`,
    });
  });

  test.each(PARAMETERS)('of %s, %s, without a value is a 400 that has what was expected', async (path, name) => {
    for (const query of [`${name}=`, name]) {
      expect(await answerTo(`${path}?${query}`)).toEqual({ status: 400, detail: expect.stringMatching(new RegExp(`^${name}: expected .+, got ""$`)) });
    }
  });

  test.each([...ROUTES, ['/metrics', {}], [`/tasks/${UUID}/cancel`, { children: '', by: '', reason: '' }]] as const)('that %s does not have is a 400 that names those that it has', async (path, parameters) => {
    const method = path.endsWith('/cancel') ? 'POST' : 'GET';
    for (const name of ['colour', 'Limit', '__proto__', 'constructor']) {
      const { status, detail } = await answerTo(`${path}?${name}=x`, method);
      expect([name, status]).toEqual([name, 400]);
      expect(detail).toMatch(new RegExp(`^"${name}": expected (one of .+|no parameters here)$`));
      for (const known of Object.keys(parameters)) expect(detail).toContain(known);
    }
  });

  test.each(['/healthz', '/readyz'])('of a health check, %s, may be any', async (path) => {
    expect(await answerTo(`${path}?verbose=&verbose`)).toEqual({ status: 200 });
  });
});
