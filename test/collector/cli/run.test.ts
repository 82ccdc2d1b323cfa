import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { TaskRecord } from '../../../src/task-record.ts';
import { ENTRY, startCommand, startProgram, temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, storeIn } from '../runtime/script.ts';
import { startServer } from './task-processes.ts';

const CONTINUING = fileURLToPath(new URL('../runtime/continuing-process.ts', import.meta.url));

/** Runs a shell's program as a task. */
async function runShell(script: string, options: { args?: string[]; stdin?: string; env?: Record<string, string> } = {}) {
  const { args = [], ...rest } = options;
  const cwd = await temporaryFolder();
  const ended = await startCommand(['run', '--name', 'it', ...args, '--', 'sh', '-c', script], { cwd, ...rest }).ended;
  return { ...ended, record: await recordIn(cwd) };
}

async function recordIn(cwd: string): Promise<TaskRecord> {
  return (await recordsOf(storeIn(cwd))).get('it')!;
}

describe('taskspan run', () => {
  it('completes when its program exits with 0, and has its lines in the log', async () => {
    const { code, record } = await runShell('echo one; echo two >&2; printf three');
    expect(code).toBe(0);
    expect(record).toMatchObject({ state: 'completed', status: 1, exception: '', result: { exit_code: 0, signal: null } });
    expect(record.log.split('\n').slice(0, 3).toSorted()).toEqual(['\tone', '\tthree', '\ttwo']);
  });

  it('fails when its program exits with another code, and exits with that code', async () => {
    const { code, record } = await runShell('exit 3');
    expect(code).toBe(3);
    expect(record).toMatchObject({ state: 'failed', exception: 'exit code 3', result: { exit_code: 3, signal: null } });
    expect(record.log).toContain('CommandFailedError: exit code 3\n');
  });

  it('records the signal that ended the program, and exits as a shell does', async () => {
    const { code, record } = await runShell('kill -9 $$');
    expect(code).toBe(128 + 9);
    expect(record).toMatchObject({ state: 'failed', exception: 'ended by signal SIGKILL', result: { exit_code: null, signal: 'SIGKILL' } });
  });

  it('exits with 127 for a missing program and with 126 for a file that is not a program, and both tasks have failed', { timeout: 60_000 }, async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'text'), '');
    await chmod(join(cwd, 'text'), 0o644);
    const missing = await startCommand(['run', '--', './missing'], { cwd }).ended;
    expect(missing).toMatchObject({ code: 127, stderr: expect.stringContaining("taskspan: ./missing can't be run: there is no such program\n") });
    expect(await startCommand(['run', '--', './text'], { cwd }).ended).toMatchObject({ code: 126 });
    const records = await recordsOf(storeIn(cwd));
    expect([...records.values()].map(({ task_name, state }) => [task_name, state])).toEqual([['./missing', 'failed'], ['./text', 'failed']]);
  });

  it('gives the program the carrier of the task, so that the task goes on in it', { timeout: 60_000 }, async () => {
    const cwd = await temporaryFolder();
    const node = [process.execPath, '--disable-warning=ExperimentalWarning', CONTINUING, 'env', 'part'];
    expect(await startCommand(['run', '--name', 'it', '--', ...node], { cwd }).ended).toMatchObject({ code: 0 });
    const records = await recordsOf(storeIn(cwd));
    expect([...records.keys()]).toEqual(['it']);
    expect(records.get('it')).toMatchObject({ state: 'completed', jobs: { total: 1, finished: 1 } });
    expect(records.get('it')!.log).toMatch(/^\t - Part by env\n\tin process \d+\n\t - Inside\n/);
  });

  it('gives the program its standard input', async () => {
    const { stdout, record } = await runShell('cat', { stdin: 'from outside\n' });
    expect(stdout).toBe('from outside\n');
    expect(record.log).toContain('\tfrom outside\n');
  });

  it('passes both outputs of the program on, byte for byte', async () => {
    const { stdout, stderr } = await runShell(String.raw`printf '\033[31mred\033[0m\r\n'; printf 'wrong' >&2`);
    expect(stdout).toBe('\u{1b}[31mred\u{1b}[0m\r\n');
    expect(stderr).toMatch(/^taskspan: task [0-9a-f-]{36}\nwrong$/);
  });

  it('passes on nothing with --quiet', async () => {
    const { stdout, stderr, record } = await runShell('echo out; echo wrong >&2', { args: ['--quiet'] });
    expect({ stdout, stderr }).toEqual({ stdout: '', stderr: '' });
    expect(record.log).toContain('\tout\n');
    expect(record.log).toContain('\twrong\n');
  });

  it('prints the record with --json, and nothing else on standard output', async () => {
    const { code, stdout, stderr, record } = await runShell('echo out; exit 4', { args: ['--json'] });
    expect(JSON.parse(stdout)).toEqual(record);
    expect({ code, stderr }).toEqual({ code: 4, stderr: `taskspan: task ${record.task_uuid}\nout\n` });
  });

  it('prints with --json the UUID and the server of a record that is sent', async () => {
    const [folder, cwd] = [await temporaryFolder(), await temporaryFolder()];
    const { url } = await startServer(folder);
    const { code, stdout, stderr } = await startCommand(['run', '--json', '--', 'true'], { cwd, env: { TASKSPAN_ENDPOINT: url } }).ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    const [, uuid] = /^taskspan: task (\S+)\n/.exec(stderr) ?? [];
    expect(stderr.split('\n').slice(1)).toEqual([
      `taskspan: there is no record to print: records are not kept in this process: they are served at ${url}`,
      '',
    ]);
    expect(await (await fetch(`${url}/tasks/${uuid}`)).json()).toMatchObject({ state: 'completed' });
  });

  it('records the output that each line came from', async () => {
    const cwd = await temporaryFolder();
    await startCommand(['run', '--', 'sh', '-c', 'echo out; echo wrong >&2'], { cwd }).ended;
    const store = storeIn(cwd);
    const { tasks } = await store.tasks({ limit: 1 });
    const { attempts } = (await store.scopes(tasks[0]!.uuid))!;
    const logged = attempts[0]!.notifications.map(({ message, attributes }) => [message, attributes?.['log.iostream']]);
    expect(Object.fromEntries(logged)).toEqual({ out: 'stdout', wrong: 'stderr' });
  });

  it('loses no line of much output just before the end', async () => {
    const { code, record } = await runShell('seq 1 50000; exit 7', { args: ['--quiet'] });
    expect(code).toBe(7);
    const numbers = [...record.log.matchAll(/^\t(\d+)$/gm)].map(([, number]) => Number(number));
    expect(numbers).toEqual(Array.from({ length: 50_000 }, (_, index) => index + 1));
  });

  it('does not wait for a process that the program left behind', async () => {
    const { code, stdout } = await runShell('sleep 100 & echo done');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'done\n' });
    // The test would time out before that program ends.
  }, 90_000);

  it('ends the program when the reader of its output is gone, as a pipeline does', async () => {
    const cwd = await temporaryFolder();
    const line = `"$0" --disable-warning=ExperimentalWarning "$1" run --name it -- yes | head -n 1`;
    const { stdout } = await startProgram('sh', ['-c', line, process.execPath, ENTRY], { cwd }).ended;
    const record = await recordIn(cwd);
    expect([stdout, record.state]).toEqual(['y\n', 'cancelled']);
    expect(record.log).toMatch(/^\ty\n[^]*\tStopped by SIGPIPE\n/);
  });

  it('runs the program also where nothing can be recorded, and reports that', async () => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'notes.txt'), 'this is no database\n'.repeat(100));
    const { code, stdout, stderr } = await startCommand(['run', '--store', 'notes.txt', '--', 'sh', '-c', 'echo out; exit 5'], { cwd }).ended;
    expect({ code, stdout }).toEqual({ code: 5, stdout: 'out\n' });
    expect(stderr).toMatch(/^taskspan: .*notes\.txt/m);
  });

  it.each([
    ['TASKSPAN_RETENTION_DAYS', '30d', 'a number from 0 to 100000'],
    ['TASKSPAN_ENDPOINT', 'localhost:4320', 'a URL such as http://127.0.0.1:4318'],
    ['TASKSPAN_SERVER_URL', 'localhost:4320', 'a URL such as http://127.0.0.1:4320'],
  ])('runs the program also with an invalid %s, and reports that', async (name, value, expected) => {
    const cwd = await temporaryFolder();
    const env = { [name]: value };
    const { code, stdout, stderr } = await startCommand(['run', '--quiet', '--', 'sh', '-c', 'echo out > proof; exit 5'], { cwd, env }).ended;
    expect({ code, stdout }).toEqual({ code: 5, stdout: '' });
    expect(await readFile(join(cwd, 'proof'), 'utf8')).toBe('out\n');
    expect(stderr).toBe(`taskspan: nothing is recorded: ${name}: expected ${expected}, got "${value}"\n`);
  });

  it('sends record and log to TASKSPAN_ENDPOINT, and keeps nothing', async () => {
    const there = await temporaryFolder();
    const TASKSPAN_TOKEN = 'a-token-of-this-test';
    const server = await startServer(there, { env: { TASKSPAN_TOKEN } });
    const cwd = await temporaryFolder();
    const env = { TASKSPAN_ENDPOINT: server.url, TASKSPAN_TOKEN };
    const { code, stderr } = await startCommand(['run', '--name', 'it', '--', 'sh', '-c', 'echo out; exit 3'], { cwd, env }).ended;
    expect(code).toBe(3);
    expect(stderr).toMatch(/^taskspan: task \S+\n$/);
    expect(await readdir(cwd)).toEqual([]);
    server.process.kill('SIGTERM');
    await server.process.ended;
    expect(await recordIn(there)).toMatchObject({ state: 'failed', exception: 'exit code 3' });
  });

  it('keeps record and log in the file of --store, though there is an endpoint', async () => {
    const cwd = await temporaryFolder();
    const env = { TASKSPAN_ENDPOINT: 'http://127.0.0.1:9' };
    await startCommand(['run', '--name', 'it', '--store', 'taskspan.sqlite', '--', 'true'], { cwd, env }).ended;
    expect(await recordIn(cwd)).toMatchObject({ state: 'completed' });
  });

  it('gives the program the options after its name, also without --', async () => {
    const { code, stdout } = await startCommand(['run', 'sh', '-c', 'echo "$0"', '--quiet'], { cwd: await temporaryFolder() }).ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: '--quiet\n' });
  });

  it('is the next attempt of a task with --uuid and --attempt', async () => {
    const cwd = await temporaryFolder();
    const uuid = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
    await startCommand(['run', '--name', 'it', '--uuid', uuid, '--', 'false'], { cwd }).ended;
    await startCommand(['run', '--name', 'it', '--uuid', uuid.toUpperCase(), '--attempt', '2', '--', 'true'], { cwd }).ended;
    expect(await recordIn(cwd)).toMatchObject({ task_uuid: uuid, attempt: 2, state: 'completed' });
  });
});

describe('taskspan run passes signals on', () => {
  const READY = /^ready$/m;
  /** Not `sleep` itself: the shell hears a signal when its child has ended. */
  const WAIT = 'echo ready; while :; do sleep 0.05; done';

  async function signalled(script: string, ...signals: NodeJS.Signals[]) {
    const cwd = await temporaryFolder();
    const command = startCommand(['run', '--name', 'it', '--', 'sh', '-c', script], { cwd });
    await command.printed(READY);
    for (const signal of signals) command.kill(signal);
    return { ...(await command.ended), record: await recordIn(cwd) };
  }

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('a task whose program ends by a %s that was passed on is cancelled', async (signal) => {
    const { code, record } = await signalled(WAIT, signal);
    expect(code).toBe(128 + { SIGTERM: 15, SIGINT: 2, SIGHUP: 1 }[signal]);
    expect(record).toMatchObject({ state: 'cancelled', exception: '' });
    expect(record.log).toContain(`\tStopped by ${signal}\n`);
  });

  it('the exit code of a program that handles the signal counts', async () => {
    const { code, stdout, record } = await signalled(`trap 'echo cleaned; exit 5' TERM; ${WAIT}`, 'SIGTERM');
    expect({ code, stdout }).toEqual({ code: 5, stdout: 'ready\ncleaned\n' });
    expect(record).toMatchObject({ state: 'failed', exception: 'exit code 5' });
  });

  it('also signals that do not request an end', async () => {
    const { code, record } = await signalled(`trap 'echo heard; exit 0' USR1; ${WAIT}`, 'SIGUSR1');
    expect(code).toBe(0);
    expect(record).toMatchObject({ state: 'completed' });
    expect(record.log).toContain('\theard\n');
  });

  async function cancelled(script: string) {
    const cwd = await temporaryFolder();
    const command = startCommand(['run', '--name', 'it', '--', 'sh', '-c', script], { cwd });
    await command.printed(READY);
    const store = storeIn(cwd);
    await expect.poll(async () => (await store.tasks({ limit: 1 })).tasks.length).toBe(1);
    await expect.poll(async () => store.cancel((await store.tasks({ limit: 1 })).tasks[0]!.uuid)).toBe('requested');
    return { ...(await command.ended), record: await recordIn(cwd) };
  }

  it('a cancellation ends the program by SIGTERM', async () => {
    const { code, record } = await cancelled(WAIT);
    expect(code).toBe(128 + 15);
    expect(record).toMatchObject({ state: 'cancelled', result: { exit_code: null, signal: 'SIGTERM' } });
  });

  it('a cancelled program that cleans up is cancelled, and exits with its own code', async () => {
    const { code, record } = await cancelled(`trap 'echo cleaned; exit 3' TERM; ${WAIT}`);
    expect(code).toBe(3);
    expect(record).toMatchObject({ state: 'cancelled', exception: '', result: { exit_code: 3, signal: null } });
    expect(record.log).toContain('\tcleaned\n');
  });

  it('a cancelled program that exits with 0 has completed', async () => {
    const { code, record } = await cancelled(`trap 'echo finished; exit 0' TERM; ${WAIT}`);
    expect(code).toBe(0);
    expect(record).toMatchObject({ state: 'completed' });
  });

  /** The shell ends at once. The process that it has started reports that, and would end by itself after some seconds. */
  const WITH_CHILD = `(trap 'echo stopped; exit' TERM; echo ready; for turn in $(seq 400); do sleep 0.05; done) & wait`;

  it('child processes of the program are cancelled with it', async () => {
    const { record } = await cancelled(WITH_CHILD);
    expect(record.state).toBe('cancelled');
    expect(record.log).toContain('\tstopped\n');
  });

  it('child processes of the program get the signals too', async () => {
    const { record } = await signalled(WITH_CHILD, 'SIGTERM');
    expect(record.state).toBe('cancelled');
    expect(record.log).toContain('\tstopped\n');
  });
});
