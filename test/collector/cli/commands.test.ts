import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TaskRecord, TaskSummary } from '../../../src/task-record.ts';
import { freePort } from '../../support/free-port.ts';
import { startCommand, temporaryFolder } from '../../support/node-process.ts';
import { command, PLACES, ranTasks, startServer, startTicking, UNKNOWN, UUID } from './task-processes.ts';

describe.each(PLACES)('by $by', ({ at }) => {
  it('taskspan list has a line for each task, the newest first, and no escape sequence of a task', async () => {
    const { args } = await at(await ranTasks());
    const { code, stdout, stderr } = await command('list', ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [first, second, ...rest] = stdout.split('\n');
    expect(first).toMatch(new RegExp(String.raw`^failed .* ago  ${UUID}  Import ␛\[31mcustomers$`));
    expect(second).toMatch(/^completed  100% .* Earlier$/);
    expect(rest).toEqual(['']);
  });

  it('taskspan list takes a limit, an order and filters, and has JSON', { timeout: 60_000 }, async () => {
    const { args } = await at(await ranTasks());
    const names = async (...more: string[]): Promise<string[]> => {
      const { stdout } = await command('list', '--json', ...args, ...more);
      return (JSON.parse(stdout) as TaskSummary[]).map(({ task_name: name }) => name);
    };
    expect(await names()).toEqual(['Import \u{1b}[31mcustomers', 'Earlier']);
    expect(await names('--limit', '1')).toEqual(['Import \u{1b}[31mcustomers']);
    expect(await names('--state', 'completed,lost', '--order', 'oldest')).toEqual(['Earlier']);
    expect(await names('--name', 'import*', '--attribute', 'folder=/data', '--error', 'row', '-q', '31m imp', '--since', '2020-01-01')).toEqual(['Import \u{1b}[31mcustomers']);
    expect((await command('list', ...args, '--longer-than', '1000d')).stderr).toBe('no task fits the filter\n');
  });

  it('taskspan show has the record, the scopes and the log', async () => {
    const { args } = await at(await ranTasks());
    const { code, stdout, stderr } = await command('show', UUID.toUpperCase(), ...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^✗ Import ␛\[31mcustomers .* failed /);
    expect(stdout).toMatch(/^ {2}1 of 2 jobs {2}1 failed$/m);
    expect(stdout).toMatch(/^ {2}✓ Read file /m);
    expect(stdout).toMatch(/^ {2}✗ Write rows {2}RangeError: row 7 is too long /m);
    expect(stdout).toContain(`  uuid       ${UUID}\n`);
    expect(stdout).toContain('  attributes {"folder":"/data"}\n');
    expect(stdout).toContain('  12 rows\n');
    expect(stdout.endsWith('  Task Finished - 1 out of 2 jobs finished\n')).toBe(true);
  });

  it('a task is named by the beginning of its UUID, or as the latest', { timeout: 60_000 }, async () => {
    const { args } = await at(await ranTasks());
    const uuidFor = async (name: string): Promise<string> => (JSON.parse((await command('show', name, '--json', ...args)).stdout) as TaskRecord).task_uuid;
    expect([await uuidFor(UUID.slice(0, 4).toUpperCase()), await uuidFor('latest')]).toEqual([UUID, UUID]);
    expect(await command('show', 'fff', ...args)).toMatchObject({ code: 2 });
    expect(await command('show', 'ffff', ...args)).toMatchObject({ code: 3, stderr: 'taskspan: no UUID of a task begins with ffff\n' });
  });

  it('taskspan show has the record as JSON, and the whole log as text', async () => {
    const { args } = await at(await ranTasks());
    const record = JSON.parse((await command('show', UUID, '--json', ...args)).stdout) as TaskRecord;
    expect(record).toMatchObject({ task_uuid: UUID, state: 'failed', jobs: { total: 2, finished: 1 } });
    expect((await command('show', UUID, '--log', ...args)).stdout).toBe(record.log);
  });

  it('taskspan cancel asks the worker, and the task is cancelled', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const task = await startTicking(folder);
    const { args } = await at(folder);
    expect(await command('cancel', UUID, '--by', 'ada', '--reason', 'wrong file', '--no-children', '--json', ...args)).toMatchObject({
      code: 0,
      stdout: `{"task_uuid":"${UUID}","cancel":"requested"}\n`,
      stderr: '',
    });
    await task.ended;
    expect((await command('show', UUID, '--log', ...args)).stdout).toContain('\tCancel requested by ada: wrong file\n');
    expect((await command('tail', UUID, ...args)).code).toBe(4);
    expect(await command('cancel', UUID, ...args)).toMatchObject({ code: 1, stdout: '', stderr: `taskspan: task ${UUID} has ended\n` });
  });

  it('taskspan delete deletes what has ended, and reports the others', async () => {
    const { args } = await at(await ranTasks());
    const { code, stdout, stderr } = await command('delete', UNKNOWN, UUID, ...args);
    expect({ code, stdout, stderr }).toEqual({ code: 3, stdout: `deleted ${UUID}\n`, stderr: `taskspan: there is no task ${UNKNOWN}\n` });
    expect((await command('show', UUID, ...args)).code).toBe(3);
  });

  it.each(['show', 'tail', 'cancel', 'delete'])('taskspan %s exits with 3 for a task that there is not', async (name) => {
    const { args } = await at(await ranTasks());
    expect(await command(name, UNKNOWN, ...args)).toMatchObject({ code: 3, stdout: '', stderr: `taskspan: there is no task ${UNKNOWN}\n` });
  });
});

describe('the source of the tasks', () => {
  it('is the server of a task that is named by its URL', async () => {
    const { url } = await startServer(await ranTasks());
    const { code, stdout } = await command('show', '--json', `${url}/tasks/${UUID}`);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ task_uuid: UUID });
  });

  it('is by default the usual server, else the usual file', async () => {
    const folder = await ranTasks();
    const port = await freePort();
    const { process: server, url } = await startServer(folder, { port });
    const env = { TASKSPAN_PORT: String(port) };
    const elsewhere = await temporaryFolder();
    const list = (cwd: string) => startCommand(['list', '--json'], { cwd, env }).ended;
    const atServer = await list(elsewhere);
    expect(JSON.parse(atServer.stdout)).toHaveLength(2);
    server.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
    expect(await list(folder)).toMatchObject({ code: 0, stdout: atServer.stdout });
    expect(await list(elsewhere)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `taskspan: no taskspan server answers at ${url}, and there is no store ./taskspan.sqlite: name one by --url or --store\n`,
    });
  });

  it('is a server also with OTEL_SDK_DISABLED=true', async () => {
    const { process: server, url } = await startServer(await ranTasks(), { env: { OTEL_SDK_DISABLED: 'true' } });
    const { tasks } = (await (await fetch(`${url}/tasks`)).json()) as { tasks: unknown[] };
    expect(tasks).toHaveLength(2);
    server.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('is that of a variable unless an option is given', async () => {
    const folder = await ranTasks();
    const store = join(folder, 'taskspan.sqlite');
    const list = (env: Record<string, string>, ...args: string[]) => startCommand(['list', '--json', ...args], { cwd: folder, env }).ended;
    expect(await list({ TASKSPAN_STORE: store })).toMatchObject({ code: 0 });
    expect(await list({ TASKSPAN_URL: 'http://127.0.0.1:2', TASKSPAN_STORE: store })).toMatchObject({ code: 1 });
    expect(await list({ TASKSPAN_URL: 'http://127.0.0.1:2' }, '--store', store)).toMatchObject({ code: 0 });
  });

  it.each([
    { what: 'a store that there is not', args: ['--store', 'missing.sqlite'], code: 1, message: /^taskspan: there is no store missing\.sqlite\n$/ },
    { what: 'a file that is no store', args: ['--store', 'notes.txt'], code: 1, message: /^taskspan: .*notes\.txt.*\n$/ },
    { what: 'a server that is down', args: ['--url', 'http://127.0.0.1:2'], code: 1, message: /^taskspan: http:\/\/127\.0\.0\.1:2 can't be reached: nothing listens there\n$/ },
    { what: 'both', args: ['--url', 'http://127.0.0.1:2', '--store', 'x'], code: 2, message: /expected '--url' or '--store', got both/ },
    { what: 'what is no URL', args: ['--url', 'localhost:4320'], code: 2, message: /Expected a URL such as http:\/\/127\.0\.0\.1:4320/ },
  ])('is reported where it is $what', async ({ args, code, message }) => {
    const cwd = await temporaryFolder();
    await writeFile(join(cwd, 'notes.txt'), 'this is no database\n'.repeat(100));
    const ended = await startCommand(['list', ...args], { cwd }).ended;
    expect(ended.stderr).toMatch(message);
    expect(ended).toMatchObject({ code, stdout: '' });
  });

  it('is reported where it is a server of something else', async () => {
    const { createServer } = await import('node:http');
    const server = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { code, stderr } = await command('list', '--url', `http://127.0.0.1:${port}`);
    server.close();
    expect({ code, stderr }).toEqual({ code: 1, stderr: `taskspan: http://127.0.0.1:${port}: expected JSON, got "<html>": it is no taskspan server\n` });
  });
});

describe('a server behind a proxy', () => {
  const cancelAt = (url: string, headers: Record<string, string>): Promise<Response> =>
    fetch(`${url}/tasks/${UNKNOWN}/cancel`, { method: 'POST', headers });

  it('trusts the proxy with TASKSPAN_TRUST_PROXY', async () => {
    const headers = { Origin: 'https://tasks.example', 'X-Forwarded-Host': 'tasks.example', 'X-Forwarded-Proto': 'https' };
    const env = { TASKSPAN_ALLOWED_HOSTS: 'tasks.example' };
    const [plain, trusting] = await Promise.all([
      startServer(await temporaryFolder(), { env }),
      startServer(await temporaryFolder(), { env: { ...env, TASKSPAN_TRUST_PROXY: 'true' } }),
    ]);
    expect((await cancelAt(plain.url, headers)).status).toBe(403);
    // Past the check: there is no such task.
    expect((await cancelAt(trusting.url, headers)).status).toBe(404);
  });

  it('serves every address without a token with TASKSPAN_GUARDED', async () => {
    const everywhere = { TASKSPAN_HOST: '0.0.0.0' };
    const refused = await startCommand(['serve', '--port', '0'], { cwd: await temporaryFolder(), env: everywhere }).ended;
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringMatching(/set TASKSPAN_GUARDED=true\./) });
    const { url } = await startServer(await temporaryFolder(), { env: { ...everywhere, TASKSPAN_GUARDED: 'true' } });
    expect(url).toMatch(/^http:\/\/0\.0\.0\.0:/);
    expect((await fetch(`${url}/tasks`)).status).toBe(200);
  });

  it('is not started with a host or an origin that no browser sends', async () => {
    for (const [name, entry] of [['TASKSPAN_ALLOWED_HOSTS', '*.example'], ['TASKSPAN_ALLOWED_ORIGINS', 'https://*.example']] as const) {
      const { code, stdout, stderr } = await startCommand(['serve', '--port', '0'], { cwd: await temporaryFolder(), env: { [name]: entry } }).ended;
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^taskspan: ${name}: expected an? .*, got "${entry.replaceAll('*', '\\*')}"; there is no wildcard.*\n$`));
    }
  });
});

describe('a server with a token', () => {
  const env = { TASKSPAN_TOKEN: 'a-secret-of-this-server' };
  const list = async (url: string, more: Record<string, string>) =>
    startCommand(['list', '--json', '--url', url], { cwd: await temporaryFolder(), env: more }).ended;

  it('answers commands that have the token in the environment', async () => {
    const { url } = await startServer(await ranTasks(), { env });
    const { code, stdout } = await list(url, env);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toHaveLength(2);
    const refusal = (came: string): string =>
      `taskspan: ${url}: expected the token of this server (its "token", TASKSPAN_TOKEN), as "Authorization: Bearer TOKEN" or as the password of HTTP Basic, got ${came}: set TASKSPAN_TOKEN\n`;
    expect(await list(url, {})).toMatchObject({ code: 1, stdout: '', stderr: refusal('none') });
    expect(await list(url, { TASKSPAN_TOKEN: 'a-secret-of-another' })).toMatchObject({ code: 1, stdout: '', stderr: refusal('another one') });
  });

  it('serves every address, and is found by TASKSPAN_HOST and TASKSPAN_PORT', async () => {
    const everywhere = { ...env, TASKSPAN_HOST: '0.0.0.0' };
    const { url } = await startServer(await ranTasks(), { env: everywhere });
    expect(url).toMatch(/^http:\/\/0\.0\.0\.0:/);
    const { port } = new URL(url);
    const found = startCommand(['list', '--json'], { cwd: await temporaryFolder(), env: { ...everywhere, TASKSPAN_PORT: port } });
    expect(await found.ended).toMatchObject({ code: 0, stdout: (await list(`http://127.0.0.1:${port}`, env)).stdout });
  });

  it('is neither started nor asked with an invalid token', async () => {
    const short = { TASKSPAN_TOKEN: 'short' };
    const stderr = expect.stringMatching(/^taskspan: TASKSPAN_TOKEN: expected 16 to 1024 characters of .*, got 5\n$/);
    expect(await startCommand(['serve', '--port', '0'], { cwd: await temporaryFolder(), env: short }).ended).toMatchObject({ code: 2, stdout: '', stderr });
    expect(await list('http://127.0.0.1:2', short)).toMatchObject({ code: 2, stdout: '', stderr });
  });
});

describe('taskspan serve', () => {
  it('serves until a signal stops it', async () => {
    const { process: server, url } = await startServer(await ranTasks());
    expect((await fetch(`${url}/tasks/${UUID}`)).status).toBe(200);
    server.kill('SIGINT');
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('reports a port that is taken in one line, and exits with 1', async () => {
    const { url } = await startServer(await temporaryFolder());
    const { port } = new URL(url);
    const { code, stdout, stderr } = await command('serve', '--port', port);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(String.raw`^taskspan: .*\b${port}\b.*\n$`));
  });
});
