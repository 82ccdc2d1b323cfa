import { mkdir, open, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { TaskRecord } from '../../src/task-record.ts';
import { sqliteStore } from '../../collector/store/sqlite/sqlite-store.ts';
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

const TASK_URL = String.raw`http://127\.0\.0\.1:\d+/tasks/[0-9a-f-]{36}`;

describe('npm start', () => {
  it('runs two tasks, prints their URLs and logs and how they ended, and exits with --once', async () => {
    const cwd = await sampleFolder();
    const { code, stdout, stderr } = await startDemo(['--once', '--port', '0'], { cwd }).ended;
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^TEST  ${TASK_URL}\n${SEED_LOG.replaceAll(/[()]/g, String.raw`\$&`)}$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^Index of taskspan-\\w+  ${TASK_URL}\n\t - Find files\n`, 'm'));
    expect(stdout).toMatch(new RegExp(`^TEST +failed     ${TASK_URL}  division by zero$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^Index of taskspan-\\w+  completed  ${TASK_URL}  3 files read$`, 'm'));
    expect(code).toBe(0);
  });

  it('leaves its own database out of the index', async () => {
    const cwd = await sampleFolder();
    const { stdout } = await startDemo(['--once', '--port', '0', '--store', 'mine.sqlite'], { cwd }).ended;
    expect(stdout).toMatch(/^\tLeft out: mine\.sqlite/m);
    expect(stdout).toContain('  3 files read');
  });

  it('stays up and serves the records until a signal stops it', async () => {
    const cwd = await sampleFolder();
    const command = startDemo(['--port', '0'], { cwd });
    await command.printed(/Ctrl-C/);
    const [, example = ''] = await command.printed(new RegExp(`^TEST  (${TASK_URL})$`, 'm'));
    const [, index = ''] = await command.printed(new RegExp(`^Index of .*  (${TASK_URL})$`, 'm'));

    expect(await recordAt(example)).toMatchObject({
      task_name: 'TEST',
      log: SEED_LOG,
      exception: 'division by zero',
      finished: true,
      status: 0,
      state: 'failed',
      jobs: { total: 4, finished: 3, failed: 1, running: 0 },
    });
    expect(await recordAt(index)).toMatchObject({
      finished: true,
      status: 1,
      exception: '',
      jobs: { total: 5, finished: 5, failed: 0, running: 0 },
      progress: 1,
      attributes: { folder: cwd },
      result: { files: 3, folders: 2, lines: 6, duplicates: [{ bytes: 8, wasted: 8, paths: ['a.txt', join('sub', 'b.txt')] }] },
    });

    command.kill('SIGTERM');
    expect(await command.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('begins no further task after a signal, and exits with 0', async () => {
    const command = startDemo(['--port', '0'], { cwd: await sampleFolder() });
    await command.printed(/^TEST  http/m);
    command.kill('SIGINT');
    const { code, stdout } = await command.ended;
    expect(stdout).toContain(SEED_LOG);
    expect(stdout).not.toContain('Index of');
    expect(code).toBe(0);
  });
});

describe('the options of npm start', () => {
  it('are listed by --help', async () => {
    const { code, stdout } = await startDemo(['--help'], { cwd: await temporaryFolder() }).ended;
    expect(stdout).toMatch(/^Usage: npm start -- \[options\] \[folder\]$/m);
    expect(code).toBe(0);
  });

  it('come from the environment too', async () => {
    const cwd = await sampleFolder();
    const env = { TASKSPAN_PORT: '0', TASKSPAN_STORE: 'mine.sqlite' };
    const ended = await startDemo(['--once'], { cwd, env }).ended;
    expect(ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(' and kept in mine.sqlite.\n') });
  });

  it.each([
    { args: ['--prot', '1'], env: {}, message: /'--prot'/ },
    { args: ['a', 'b'], env: {}, message: /too many arguments/ },
    { args: ['--port', '80a'], env: {}, message: /--port: expected a whole number from 0 to 65535, got "80a"/ },
    { args: ['--port', '65536'], env: {}, message: /expected a whole number from 0 to 65535, got 65536/ },
    { args: ['--store', ''], env: {}, message: /store: expected a path or a TaskStore, got ""/ },
    { args: [], env: { TASKSPAN_PORT: 'http' }, message: /TASKSPAN_PORT/ },
  ])('are checked: $args with $env', async ({ args, env, message }) => {
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

async function recordAt(url: string): Promise<TaskRecord> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return (await response.json()) as TaskRecord;
}
