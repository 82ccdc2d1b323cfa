import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cleanEnv, ENTRY, temporaryFolder } from '../../support/node-process.ts';
import { recordsOf, stepsIn, storeIn } from './script.ts';

/** What becomes of a process whose standard output and error are these. */
interface Outputs {
  /** Closed by its reader once the script prints that it is ready. */
  readonly closed?: 1 | 2;
  /** A file on a full disk. */
  readonly full?: 1 | 2;
}

const SRC = new URL('../../../src/index.ts', import.meta.url).href;
const COLLECTOR = new URL('../../../collector/index.ts', import.meta.url).href;
const QUIET = '--disable-warning=ExperimentalWarning';

/** Runs a script that sends `ready` by a message, goes on when its output is as asked, and has to reach its last line. */
async function runScript(folder: string, text: string, { closed, full }: Outputs): Promise<{ code: number | null; isDone: boolean }> {
  const file = join(folder, 'script.ts');
  const begin = `
    import { runTask } from '${SRC}';
    import { startTaskspan } from '${COLLECTOR}';
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => { process.once('message', resolve); process.send('ready'); });
  `;
  await writeFile(file, `${begin}\n${text}\nprocess.send('done', () => process.disconnect());`);
  const device = full === undefined ? undefined : openSync('/dev/full', 'w');
  const output = (fd: 1 | 2): number | 'pipe' => (fd === full ? device! : 'pipe');
  const child = spawn(process.execPath, [QUIET, file], { cwd: folder, env: cleanEnv(), stdio: ['ignore', output(1), output(2), 'ipc'] });
  if (device !== undefined) closeSync(device);
  onTestFinished(() => void child.kill('SIGKILL'));
  let isDone = false;
  child.on('message', (message) => {
    if (message === 'done') isDone = true;
    else if (closed === undefined) child.send('go');
    else child.stdio[closed]!.once('close', () => child.send('go')).destroy();
  });
  child.stdout?.resume();
  child.stderr?.resume();
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  // What it has sent before its end comes before this, though perhaps after its exit.
  await new Promise((resolve) => child.once('disconnect', resolve));
  return { code: await exited, isDone };
}

const TALK = `await runTask('talks', async (updater) => {
  for (let step = 0; step < 50; step++) {
    updater.notify('step ' + step);
    await turn();
  }
}, { verbose: true });`;

const OUTPUTS: [string, Outputs][] = [
  ['without a reader', { closed: 1 }],
  ['on a full disk', { full: 1 }],
];

test.each(OUTPUTS)('standard output %s ends no task with verbose, without a collector', async (_, outputs) => {
  expect(await runScript(await temporaryFolder(), TALK, outputs)).toEqual({ code: 0, isDone: true });
});

test.each(OUTPUTS)('standard output %s ends no task with verbose beside the thread of the collector', async (_, outputs) => {
  const folder = await temporaryFolder();
  const ended = await runScript(folder, `const taskspan = await startTaskspan();\n${TALK}\nawait taskspan.close();`, outputs);
  expect(ended).toEqual({ code: 0, isDone: true });
  expect(stepsIn((await recordsOf(storeIn(folder))).get('talks')!.log)).toBe(50);
});

test.each(OUTPUTS)('standard output %s ends no task with verbose beside worker threads of the application', async (_, outputs) => {
  const workers = `import { Worker } from 'node:worker_threads';
    const workers = [1, 2].map(() => new Worker("require('node:worker_threads').parentPort.once('message', () => {})", { eval: true }));`;
  const ended = await runScript(await temporaryFolder(), `${workers}\n${TALK}\nfor (const worker of workers) await worker.terminate();`, outputs);
  expect(ended).toEqual({ code: 0, isDone: true });
});

test.each([
  ['without a reader', { closed: 2 }],
  ['on a full disk', { full: 2 }],
] as [string, Outputs][])('standard error %s ends no process that has something to warn of', { timeout: 60_000 }, async (_, outputs) => {
  const text = `const taskspan = await startTaskspan({ store: 'missing/folder.sqlite' });
    await runTask('task', async () => undefined);
    await taskspan.close();`;
  expect(await runScript(await temporaryFolder(), text, outputs)).toEqual({ code: 0, isDone: true });
});

test('the thread of the collector listens to no errors of standard output and standard error', async () => {
  const text = `const taskspan = await startTaskspan();
    const listeners = process.stdout.listenerCount('error') + process.stderr.listenerCount('error');
    await taskspan.close();
    if (listeners > 0) process.exit(9);`;
  expect(await runScript(await temporaryFolder(), text, {})).toEqual({ code: 0, isDone: true });
});

test('taskspan run on a full disk runs its program to the end, with its exit code', async () => {
  const folder = await temporaryFolder();
  const device = openSync('/dev/full', 'w');
  const program = 'for (let step = 0; step < 5; step++) console.log("step " + step); process.exitCode = 7;';
  const child = spawn(process.execPath, [QUIET, ENTRY, 'run', '--name', 'talks', '--', process.execPath, '-e', program], {
    cwd: folder,
    env: cleanEnv(),
    stdio: ['ignore', device, device],
  });
  closeSync(device);
  onTestFinished(() => void child.kill('SIGKILL'));
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(7);
  expect(stepsIn((await recordsOf(storeIn(folder))).get('talks')!.log)).toBe(5);
});

test('taskspan list on a full disk reports it, and fails', async () => {
  const folder = await temporaryFolder();
  await storeIn(folder).append([]);
  const device = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [QUIET, ENTRY, 'list', '--json', '-s', 'taskspan.sqlite'], {
    cwd: folder,
    env: cleanEnv(),
    stdio: ['ignore', device, 'pipe'],
  });
  closeSync(device);
  onTestFinished(() => void child.kill('SIGKILL'));
  const printed = child.stderr!.setEncoding('utf8').toArray();
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(1);
  expect((await printed).join('')).toMatch(/^taskspan: standard output can't be written: ENOSPC.*\n$/);
});

test('taskspan serve goes on where its standard output is full', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const device = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, [QUIET, ENTRY, 'serve', '-p', '0'], { cwd: folder, env: cleanEnv(), stdio: ['ignore', device, 'pipe'] });
  closeSync(device);
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
  await new Promise((resolve) => child.stderr!.once('data', resolve));
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
});
