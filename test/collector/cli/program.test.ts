import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { startCommand, temporaryFolder } from '../../support/node-process.ts';
import { UUID } from './task-processes.ts';

describe('the taskspan command', () => {
  it('prints its usage with --help', async () => {
    const { code, stdout, stderr } = await run(['--help']);
    expect(stdout).toMatch(/^Usage: taskspan \[options\] \[command\]$/m);
    for (const command of ['list', 'show', 'tail', 'cancel', 'run', 'serve']) {
      expect(stdout).toMatch(new RegExp(String.raw`^  ${command} \[options\]`, 'm'));
    }
    expect(stdout).toMatch(/^Exit codes: 0 all went well/m);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('prints options, defaults and variables with serve --help', async () => {
    const { code, stdout } = await run(['serve', '--help']);
    expect(stdout).toMatch(/^Usage: taskspan serve \[options\]$/m);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain('--port <number> port to serve the tasks on; 0 takes a free one (default: 4320, env: TASKSPAN_PORT)');
    expect(code).toBe(0);
  });

  it('prints with --help the meaning of an absent or short option', async () => {
    const help = async (command: string): Promise<string> => (await run([command, '--help'])).stdout.replaceAll(/\s+/g, ' ');
    expect(await help('run')).toContain('--quiet do not pass on what the program writes, nor print the UUID');
    expect(await help('tail')).toContain('to begin with; all that the record has if absent, at most 1 MiB');
  });

  it('prints its version', async () => {
    const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };
    expect(await run(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    { wrong: 'an unknown option', args: ['serve', '--prot', '1'], message: "unknown option '--prot'\n(Did you mean --port?)" },
    { wrong: 'an unknown subcommand', args: ['sevre'], message: "unknown command 'sevre'\n(Did you mean serve?)" },
    { wrong: 'no subcommand', args: [], message: 'Usage: taskspan' },
    { wrong: 'a task that is no UUID', args: ['show', '12'], message: 'Expected a UUID or at least 4 characters of its beginning, a URL' },
    { wrong: 'no task', args: ['tail'], message: "missing required argument 'task'" },
    { wrong: 'no program to run', args: ['run', '--'], message: "missing required argument 'command'" },
    { wrong: 'a task without a name', args: ['run', '--name', ' ', 'true'], message: 'Expected a name' },
    { wrong: 'a state that there is not', args: ['list', '--state', 'done'], message: 'Allowed choices are queued, running' },
    { wrong: 'an attribute without a value', args: ['list', '--attribute', 'tenant'], message: 'Expected a key and a value such as tenant=acme.' },
    { wrong: 'a time that is none', args: ['list', '--since', 'monday'], message: 'Expected a time such as 2026-11-30 or 2026-11-30T10:15:00Z, or 2h for two hours ago.' },
    { wrong: 'a limit of none', args: ['list', '--limit', '0'], message: 'Expected a whole number from 1 on' },
    { wrong: 'lines of the log where events are wanted', args: ['tail', UUID, '--json', '-n', '3'], message: "option '--json' cannot be used with option '-n, --lines <number>'" },
    { wrong: 'the log alone where events are wanted', args: ['tail', UUID, '--json', '--plain'], message: "option '--json' cannot be used with option '--plain'" },
    { wrong: 'the log where the record is wanted', args: ['show', UUID, '--json', '--log'], message: "option '--json' cannot be used with option '--log'" },
    { wrong: 'too many arguments', args: ['serve', 'a'], message: 'too many arguments' },
    { wrong: 'a port that is no number', args: ['serve', '--port', '80a'], message: 'Expected a whole number from 0 to 65535' },
    { wrong: 'a port out of range', args: ['serve', '--port', '65536'], message: 'Expected a whole number from 0 to 65535' },
    { wrong: 'an address others could reach', args: ['serve', '--host', '0.0.0.0'], message: 'Expected a loopback address such as 127.0.0.1; any other needs a token: set TASKSPAN_TOKEN.' },
    { wrong: 'an empty store', args: ['serve', '--store', ''], message: 'Expected a path' },
  ])('exits with 2 for $wrong', async ({ args, message }) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it.each([['serve'], ['list'], ['show', UUID], ['tail', UUID], ['cancel', UUID]])('names the variable that holds a wrong value: %s', async (...args) => {
    const { code, stderr } = await run(args, { TASKSPAN_PORT: 'http' });
    expect(stderr).toContain("value 'http' from env 'TASKSPAN_PORT' is invalid. Expected a whole number from 0 to 65535.");
    expect(code).toBe(2);
  });

  it('names the expected address where there is a token', async () => {
    const { code, stderr } = await run(['serve', '--host', 'a b'], { TASKSPAN_TOKEN: 'x'.repeat(16) });
    expect(stderr).toContain("argument 'a b' is invalid. Expected an address such as 0.0.0.0, or a host name.");
    expect(code).toBe(2);
  });

  it.each([
    ['list', ['list', '-s', 'missing.sqlite'], 1, 'taskspan: there is no store missing.sqlite\n'],
    ['run', ['run', '-q', '--', 'true'], 0, ''],
  ] as const)('treats an empty variable as unset: %s', async (_, args, code, message) => {
    const names = ['TASKSPAN_PORT', 'TASKSPAN_HOST', 'TASKSPAN_STORE', 'TASKSPAN_URL', 'TASKSPAN_TOKEN', 'TASKSPAN_ENDPOINT', 'TASKSPAN_REGISTER_PROVIDER'];
    expect(await run(args, Object.fromEntries(names.map((name) => [name, ''])))).toMatchObject({ code, stderr: message });
  });

  it('serves with empty variables as with none', async () => {
    const cwd = await temporaryFolder();
    const server = startCommand(['serve', '--port', '0'], { cwd, env: { TASKSPAN_PORT: '', TASKSPAN_HOST: '', TASKSPAN_STORE: '' } });
    await server.printed(/^Tasks are served on http:\/\/127\.0\.0\.1:\d+\/tasks and kept in \.\/taskspan\.sqlite\. /);
    server.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('serves with --endpoint, which gets the open spans of dead workers', async () => {
    const server = startCommand(['serve', '--port', '0', '--endpoint', 'http://127.0.0.1:9'], { cwd: await temporaryFolder() });
    await server.printed(/^Tasks are served on /);
    server.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, stderr: '' });
  });

  it('checks TASKSPAN_HOST and TASKSPAN_PORT only where neither server nor store is named', async () => {
    const env = { TASKSPAN_HOST: '0.0.0.0', TASKSPAN_PORT: '80a' };
    expect(await run(['list'], env)).toMatchObject({ code: 2, stderr: expect.stringContaining("value '0.0.0.0' from env 'TASKSPAN_HOST' is invalid") });
    expect(await run(['list', '--store', 'missing'], env)).toMatchObject({ code: 1, stderr: 'taskspan: there is no store missing\n' });
  });
});

async function run(args: readonly string[], env: Record<string, string> = {}) {
  return startCommand(args, { cwd: await temporaryFolder(), env }).ended;
}
