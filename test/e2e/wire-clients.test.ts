/** The clients in docs/wire.md, unchanged, against a real `taskspan serve`. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { blockOf } from '../house/code-blocks.ts';
import { cleanEnv, temporaryFolder } from '../support/node-process.ts';
import { describeWithProgram } from './python.ts';
import { startServing } from './serving.ts';

interface Client {
  /** What it has printed first: the UUID of its task. */
  readonly uuid: string;
  /** Gives it a line to read. */
  write(line: string): void;
  /** Ends its input; gives its exit code. */
  end(): Promise<number | null>;
}

async function startClient(program: string, args: readonly string[], cwd: string, url: string): Promise<Client> {
  const child = spawn(program, args, { cwd, env: { ...cleanEnv(), TASKSPAN_ENDPOINT: url }, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close') as Promise<[number | null]>;
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const printed = await Promise.race([once(child.stdout, 'data'), ended.then(([code]) => { throw new Error(`it ended with ${code}`); })]);
  return {
    uuid: String(printed[0]).trim(),
    write: (line) => void child.stdin.write(`${line}\n`),
    async end() {
      child.stdin.end();
      return (await ended)[0];
    },
  };
}

const PYTHON = process.platform === 'win32' ? 'python' : 'python3';
const CLIENTS = [
  { language: 'python', program: PYTHON, args: ['client.py'], name: 'Read lines in Python', needs: 'Python 3.9 or newer' },
  { language: 'go', program: 'go', args: ['run', 'client.go'], name: 'Read lines in Go', needs: 'Go 1.22 or newer on the PATH' },
] as const;

for (const { language, program, args, name, needs } of CLIENTS) {
  describeWithProgram(program, needs, `the client in ${language}`, () => {
    test('reports each line while the task runs, and its end', async () => {
      const folder = await temporaryFolder();
      const { url, recordWith } = await startServing(folder);
      await writeFile(join(folder, args.at(-1)!), blockOf('docs/wire.md', language));
      const client = await startClient(program, args, folder, url);
      await recordWith(client.uuid, { task_name: name, state: 'running', log: '' });
      client.write('the first line');
      await recordWith(client.uuid, { state: 'running', log: '\tthe first line\n' });
      client.write('the second line');
      expect(await client.end()).toBe(0);
      await recordWith(client.uuid, {
        state: 'completed',
        finished: true,
        status: 1,
        facts_missing: 0,
        log: '\tthe first line\n\tthe second line\n\tTask Finished\n',
      });
      // Go compiles its whole network library first.
    }, 600_000);
  });
}

describeWithProgram(PYTHON, 'Python 3.9 or newer', 'the client in python', () => {
  test('reports why its task has failed', async () => {
    const folder = await temporaryFolder();
    const { url, recordWith } = await startServing(folder);
    await writeFile(join(folder, 'client.py'), blockOf('docs/wire.md', 'python'));
    const client = await startClient(PYTHON, ['client.py'], folder, url);
    client.write('');
    expect(await client.end()).toBe(0);
    const { log } = await recordWith(client.uuid, { state: 'failed', status: 0, exception: 'an empty line' });
    expect(log).toContain('\t\tSee error message:\nValueError: an empty line\n');
  });
});
