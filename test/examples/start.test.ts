import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { TaskRecord } from '../../src/task-record.ts';
import { startNode, temporaryFolder } from '../support/node-process.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

it('the server of docs/start.md answers a request with the address of its task, and serves the front end', async () => {
  const cwd = await temporaryFolder();
  await mkdir(join(cwd, 'web'));
  await writeFile(join(cwd, 'web/index.html'), '<title>Import</title>');
  const server = startNode(['--disable-warning=ExperimentalWarning', '--import', `${EXAMPLES}from-source.ts`, `${EXAMPLES}start/server.ts`], {
    cwd,
    env: { PORT: '0' },
  });
  const [url] = await server.printed(/^http:\S+$/m);
  expect(await (await fetch(url)).text()).toBe('<title>Import</title>');

  const accepted = await fetch(`${url}/imports`, { method: 'POST' });
  expect(accepted.status).toBe(202);
  const task = new URL(accepted.headers.get('Location') ?? '', url);
  const record = async (): Promise<TaskRecord> => (await (await fetch(task)).json()) as TaskRecord;
  expect(await record()).toMatchObject({ task_name: 'Import customers', state: 'running' });
  await expect.poll(async () => (await record()).progress).toBeGreaterThan(0.1);

  expect((await fetch(`${task.href}/cancel`, { method: 'POST' })).status).toBe(202);
  await expect.poll(async () => (await record()).state).toBe('cancelled');
});
