import { access, mkdir, open, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TaskRecord } from '../../src/task-record.ts';
import { optionsOf } from '../../examples/demo/options.ts';
import { createTasksApp, sqliteStore } from '../../collector/index.ts';
import { startNode, temporaryFolder } from '../support/node-process.ts';
import type { TestProcess, TestProcessOptions } from '../support/node-process.ts';

const EXAMPLES = fileURLToPath(new URL('../../examples/', import.meta.url));

const SEED_LOG = `\
\t - TEST - First part
\tSome notification related to the task
\t\tSuccessfully completed
\t\tTime spent: 0h0m
\t - TEST - Second part
\t - My subtask 1 in my task 2
\tSome notification related to the task
\t\tSuccessfully completed
\t\tTime spent: 0h0m
\t - My subtask 2 in my task 2
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
ZeroDivisionError: division by zero
\t - My subtask 3 in my task 2
\tSome notification related to the task
\t\tSuccessfully completed
\t\tTime spent: 0h0m
\tTask Finished - 3 out of 4 jobs finished
`;

const PAGE_URL = String.raw`http://127\.0\.0\.1:\d+/tasks`;
/** The demo in a second instead of 80. */
const QUICK = ['--port', '0', '--speed', '100'];

describe('npm start', () => {
  it('opens with the address of the page, shows all that can happen to a task, and serves it until a signal', { timeout: 60_000 }, async () => {
    const cwd = await sampleFolder();
    const command = startDemo(QUICK, { cwd });
    await command.printed(/stays up until Ctrl-C/);
    const [, url = ''] = await command.printed(new RegExp(`^Open (${PAGE_URL})\n`));
    const tasks = await tasksAt(url);

    expect(tasks.get('TEST')).toMatchObject({
      log: SEED_LOG,
      exception: 'division by zero',
      finished: true,
      status: 0,
      state: 'failed',
      jobs: { total: 4, finished: 3, failed: 1, running: 0 },
    });
    expect(tasks.get(`Index of ${basename(cwd)}`)).toMatchObject({
      state: 'completed',
      exception: '',
      jobs: { total: 5, finished: 5, failed: 0, running: 0 },
      progress: 1,
      attributes: { folder: cwd },
      result: { files: 3, folders: 2, lines: 6, duplicates: [{ bytes: 8, wasted: 8, paths: ['a.txt', join('sub', 'b.txt')] }] },
    });
    expect(tasks.get('Send invoices')).toMatchObject({
      state: 'completed',
      attempt: 2,
      result: { sent: 12 },
      log: expect.stringContaining('\t  | caused by Error: the mail server closed the connection\n'),
    });
    expect(tasks.get('Import customers')).toMatchObject({ state: 'lost', log: expect.stringContaining('Wrote customer 20\n') });
    expect(tasks.get('Resize photos')).toMatchObject({ state: 'completed', progress: 1 });
    expect(tasks.size).toBe(5);

    command.kill('SIGTERM');
    const { code, stdout, stderr } = await command.ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const line of [
      'TEST failed: division by zero',
      'Send invoices failed: invoice 2026-11-07 was not sent; the next attempt begins in 8 s',
      'Send invoices completed',
      'Import customers is lost: its worker sends no heartbeats',
      `Index of ${basename(cwd)} completed: 3 files read`,
      'Resize photos completed',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  0:\\d\\d  ${line}$`, 'm'));
    }
  });

  it('has a task to cancel', { timeout: 60_000 }, async () => {
    const cwd = await sampleFolder();
    // Slow enough to be cancelled, and quick enough for a test.
    const command = startDemo(['--port', '0', '--speed', '4'], { cwd });
    const [, url = ''] = await command.printed(new RegExp(`^Open (${PAGE_URL})\n`));
    const uuid = async (): Promise<string | undefined> => (await tasksAt(url)).get('Resize photos')?.task_uuid;
    await expect.poll(uuid).toBeDefined();
    expect((await fetch(`${url}/${await uuid()}/cancel`, { method: 'POST' })).status).toBe(202);
    await command.printed(/Resize photos was cancelled$/m);
    await expect.poll(async () => (await tasksAt(url)).get('Resize photos')?.state).toBe('cancelled');
    command.kill('SIGINT');
    expect(await command.ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/\nStopped\.\n$/) });
  });

  it('ends with --once by itself, and leaves its own database out of the index', { timeout: 60_000 }, async () => {
    const { code, stdout } = await startDemo([...QUICK, '--once', '--store', 'mine.sqlite'], { cwd: await sampleFolder() }).ended;
    expect(stdout).toContain(' completed: 3 files read\n');
    expect(code).toBe(0);
  });

  it('ends all its tasks as cancelled at Ctrl-C, and exits with 0', { timeout: 60_000 }, async () => {
    const cwd = await sampleFolder();
    const command = startDemo(['--port', '0'], { cwd });
    const [, url = ''] = await command.printed(new RegExp(`^Open (${PAGE_URL})\n`));
    const running = async (): Promise<number> => [...(await tasksAt(url)).values()].filter(({ state }) => state === 'running').length;
    await expect.poll(running).toBeGreaterThan(3);
    command.kill('SIGINT');
    expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
    const store = sqliteStore(join(cwd, 'taskspan.sqlite'));
    const left = await createTasksApp({ store }).request('/tasks?state=cancelled');
    expect(((await left.json()) as TaskList).tasks.length).toBeGreaterThan(2);
    await store.close();
  });
});

describe('the options of npm start', () => {
  it('are listed by --help', async () => {
    const { code, stdout } = await startDemo(['--help'], { cwd: await temporaryFolder() }).ended;
    expect(stdout).toMatch(/^Usage: npm start -- \[options\] \[folder\]$/m);
    expect(code).toBe(0);
  });

  it('come from the environment too', { timeout: 60_000 }, async () => {
    const cwd = await sampleFolder();
    const env = { TASKSPAN_PORT: '0', TASKSPAN_STORE: 'mine.sqlite' };
    const ended = await startDemo(['--once', '--speed', '100'], { cwd, env }).ended;
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    await access(join(cwd, 'mine.sqlite'));
  });

  it.each([
    { args: ['--prot', '1'], message: /'--prot'/ },
    { args: ['a', 'b'], message: /too many arguments/ },
    { args: ['--port', '80a'], message: /--port: expected a whole number from 0 to 65535, got "80a"/ },
    { args: ['--speed', 'fast'], message: /--speed: expected a number above 0, such as 2, got "fast"/ },
  ])('are checked: $args', ({ args, message }) => {
    expect(() => optionsOf(args)).toThrow(message);
  });

  it.each([
    { args: ['--port', '65536'], env: {}, message: /expected a whole number from 0 to 65535, got 65536/ },
    { args: ['--store', ''], env: {}, message: /store: expected a path or a TaskStore, got ""/ },
    { args: [], env: { TASKSPAN_PORT: 'http' }, message: /TASKSPAN_PORT/ },
  ])('are checked before anything is done: $args with $env', async ({ args, env, message }) => {
    const { code, stdout, stderr } = await startDemo(args, { cwd: await sampleFolder(), env }).ended;
    expect(stderr).toMatch(/^taskspan: .*\n$/);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('npm start can not run, reports why in one line and exits with 1', () => {
  it('on a port that is taken', async () => {
    const port = await takenPort();
    const { code, stdout, stderr } = await startDemo(['--port', String(port)], { cwd: await temporaryFolder() }).ended;
    expect(stderr).toMatch(new RegExp(String.raw`^taskspan: .*\b${port}\b.*\n$`));
    expect(stdout).not.toContain('TEST');
    expect(code).toBe(1);
  });

  it('with a database that can only be read', async () => {
    const cwd = await sampleFolder();
    await readOnlyStore(join(cwd, 'tasks.sqlite'));
    const { code, stdout, stderr } = await startDemo(['--once', '--port', '0', '--store', 'tasks.sqlite'], { cwd }).ended;
    expect(stderr).toMatch(/^taskspan: .*tasks\.sqlite.*\n$/);
    expect(stdout).not.toContain('TEST');
    expect(code).toBe(1);
  });

  it.each([
    { what: 'with a folder that is missing', args: ['missing'], message: /missing can't be read: there is none$/ },
    { what: 'with a folder that is a file', args: ['a.txt'], message: /a\.txt can't be read: it is no folder$/ },
    { what: 'with a database in a folder that is missing', args: ['--store', join('missing', 'tasks.sqlite')], message: /missing/ },
    { what: 'with a database that is a folder', args: ['--store', 'sub'], message: /sub/ },
    { what: 'with a database that is something else', args: ['--store', 'c.txt'], message: /c\.txt/ },
  ])('$what', async ({ args, message }) => {
    const { code, stdout, stderr } = await startDemo(['--port', '0', ...args], { cwd: await sampleFolder() }).ended;
    expect(stderr).toMatch(/^taskspan: .*\n$/);
    expect(stderr.trimEnd()).toMatch(message);
    expect(stdout).not.toContain('TEST');
    expect(code).toBe(1);
  });
});

/** What `npm start` runs, in a folder of the test's own. */
function startDemo(args: readonly string[], options: TestProcessOptions): TestProcess {
  return startNode(['--disable-warning=ExperimentalWarning', '--import', `${EXAMPLES}from-source.ts`, `${EXAMPLES}demo/main.ts`, ...args], options);
}

/** A store that SQLite can read and not write, for root too: its header names a later SQLite. */
async function readOnlyStore(path: string): Promise<void> {
  const store = sqliteStore(path);
  await store.open();
  await store.close();
  const file = await open(path, 'r+');
  const WRITE_VERSION_AT = 18;
  await file.write(Buffer.from([3]), 0, 1, WRITE_VERSION_AT);
  await file.close();
}

/** Three files of 6 lines, two of them the same. */
async function sampleFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'sub'));
  await writeFile(join(folder, 'a.txt'), 'one\ntwo\n');
  await writeFile(join(folder, 'sub', 'b.txt'), 'one\ntwo\n');
  await writeFile(join(folder, 'c.txt'), 'this is no\ndatabase\n');
  return folder;
}

async function takenPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  return (server.address() as AddressInfo).port;
}

interface TaskList {
  readonly tasks: readonly { readonly task_name: string; readonly task_uuid: string }[];
}

/** The records of all tasks, by name. */
async function tasksAt(url: string): Promise<Map<string, TaskRecord>> {
  const { tasks } = (await (await fetch(url)).json()) as TaskList;
  const records = tasks.map(async (task) => [task.task_name, (await (await fetch(`${url}/${task.task_uuid}`)).json()) as TaskRecord] as const);
  return new Map(await Promise.all(records));
}
