/** The programs of `examples/frameworks`, in projects of their own. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EventReader } from '../collector/server/live/event-reader.ts';
import { installed, passed, versions } from './project.ts';
import type { Project } from './project.ts';
import type { TestProcess } from '../support/node-process.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/frameworks/', import.meta.url));
const TSC = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

/** What a person does with a server that has the tasks under /jobs: starts one, follows it and cancels it in a browser. */
async function expectTasksAt(url: string): Promise<void> {
  expect(await (await fetch(url)).text()).toContain('the application');
  const started = await fetch(`${url}/invoices`, { method: 'POST' });
  expect(started.status).toBe(202);
  const task = new URL(started.headers.get('Location')!, url);
  const record = (await (await fetch(task)).json()) as { task_name: string; state: string };
  expect(record).toMatchObject({ task_name: 'Send invoices', state: 'running' });

  task.search = '';
  const text = await fetch(task, { headers: { Accept: 'text/plain' } });
  expect([text.status, text.headers.get('Content-Type')]).toEqual([200, 'text/plain; charset=utf-8']);
  await using events = new EventReader(await fetch(`${task.href}/events`));
  expect(await events.next()).toMatchObject({ event: 'record' });

  const cancel = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${task.href}/cancel`, { method: 'POST', headers: { 'Content-Type': 'application/json', ...headers }, body: '{}' });
  expect((await cancel({ Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' })).status).toBe(403);
  const cancelled = await cancel({ Origin: new URL(url).origin, 'Sec-Fetch-Site': 'same-origin' });
  expect(cancelled.status).toBe(202);
  expect(await cancelled.json()).toMatchObject({ url: task.href });
  expect((await events.rest()).at(-1)).toMatchObject({ event: 'end', data: expect.stringContaining('"cancelled"') });

  const list = await fetch(`${url}/jobs/tasks?state=cancelled&limit=1`);
  expect(await list.json()).toMatchObject({ tasks: [{ task_name: 'Send invoices', task_uuid: task.pathname.split('/').at(-1) }] });
  expect((await fetch(task, { method: 'HEAD' })).status).toBe(200);
}

async function listening(program: TestProcess): Promise<string> {
  const [, port] = await program.printed(/port: (\d+)/);
  return `http://127.0.0.1:${port}`;
}

const ENV = { PORT: '0' };

async function serves(project: Project, program: string): Promise<void> {
  const server = project.node(['--disable-warning=ExperimentalWarning', program], { env: ENV });
  await expectTasksAt(await listening(server));
  server.kill('SIGTERM');
  expect((await server.ended).stderr).toBe('');
}

const PROGRAMS = ['express.ts', 'fastify.ts', 'hono.ts', 'node-http.ts'];

describe.each(versions<Record<string, string>>([{}], [{ express: '4.22.3', '@types/express': '4.17.25', fastify: '4.29.1' }]))('with %j', (packages) => {
  test('a task is started, followed and cancelled in each server, and the programs type-check', async () => {
    const project = await installed('frameworks', { packages });
    await cp(EXAMPLES, project.folder, { recursive: true, filter: (path) => !path.endsWith('/next') });
    const strict = ['--strict', '--noEmit', '--allowImportingTsExtensions', '--module', 'nodenext', '--target', 'es2024', '--skipLibCheck'];
    await passed(project.node([TSC, ...strict, ...PROGRAMS]));
    for (const program of PROGRAMS) await serves(project, program);
  });
});

test.each(versions(['16.4.6'], ['15.5.29']))('a task is started, followed and cancelled in Next %s', async (next) => {
  const project = await installed('next-mounted', { packages: { next } });
  await cp(join(EXAMPLES, 'next'), project.folder, { recursive: true });
  const env = { NEXT_TELEMETRY_DISABLED: '1' };
  await passed(project.command('next', ['build'], { env }));
  const server = project.command('next', ['start', '--hostname', '127.0.0.1', '--port', '0'], { env });
  const [, url = ''] = await server.printed(/Local:\s+(http:\S+)/);
  await server.printed(/Ready/);
  await expectTasksAt(url);
  server.kill('SIGTERM');
  expect((await server.ended).stderr).toBe('');
});
