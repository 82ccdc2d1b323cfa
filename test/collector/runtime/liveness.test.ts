import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TaskRecord } from '../../../collector/index.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { bootTime } from '../../../collector/store/measured-silence.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import type { TestProcess } from '../../support/node-process.ts';
import { openSqlite } from '../store/stored-task.ts';
import { lockStore, startScript } from './script.ts';

const INTERVAL_MS = 100;

/**
 * Blocks the event loop until `go` is there; from then on it turns, and the task stays open. Before, it turns for longer than
 * the 250 ms between two looks at it.
 */
const BLOCK = `setTimeout(() => {
  while (!existsSync('go')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}, 300)`;

/** A process that has one task running until the file `go` stands in the folder. */
async function startWorker(
  folder: string,
  { wait = 'setTimeout(look, 10)', intervalMs = INTERVAL_MS } = {},
): Promise<{ process: TestProcess; uuid: string }> {
  const worker = await startScript(
    folder,
    `import { existsSync } from 'node:fs';
     const taskspan = await startTaskspan({ beatIntervalMs: ${intervalMs} });
     const updater = new TaskUpdater({ taskName: 'work' });
     updater.notify('begun');
     await allCommitted(taskspan);
     process.stdout.write(updater.taskUuid + '\\n');
     const look = () => {
       if (!existsSync('go')) return ${wait};
       updater.complete();
       void allCommitted(taskspan).then(() => clearInterval(alive));
     };
     const alive = setInterval(() => undefined, 1000);
     look();`,
  );
  return { process: worker, uuid: (await worker.printed(/^(\S+)\n/))[1]! };
}

interface Reader {
  process: TestProcess;
  record(uuid: string): Promise<TaskRecord>;
  states(state: string): Promise<string[]>;
}

/** A process that serves the store and has no tasks. */
async function startReader(folder: string, options = ''): Promise<Reader> {
  const reader = await startScript(
    folder,
    `const taskspan = await startTaskspan({ serve: { port: 0 }, beatIntervalMs: ${INTERVAL_MS}, ${options} });
     process.stdout.write(taskspan.url + '\\n');
     setInterval(() => undefined, 1000);`,
  );
  const url = (await reader.printed(/^(\S+)\n/))[1]!;
  return {
    process: reader,
    record: async (uuid) => JSON.parse(await (await fetch(`${url}/tasks/${uuid}`)).text()) as TaskRecord,
    async states(state) {
      const { tasks } = JSON.parse(await (await fetch(`${url}/tasks?state=${state}`)).text()) as { tasks: TaskRecord[] };
      return tasks.map(({ task_uuid }) => task_uuid);
    },
  };
}

/** Reads until the worker was heard so many times; gives the states that were read meanwhile. */
async function statesWhileHeard(reader: Reader, uuid: string, times: number): Promise<Set<string>> {
  const states = new Set<string>();
  const heard = new Set<string | null>();
  await expect
    .poll(async () => {
      const record = await reader.record(uuid);
      states.add(record.state);
      heard.add(record.heard);
      return heard.size;
    })
    .toBeGreaterThan(times);
  return states;
}

async function expectState(reader: Reader, uuid: string, state: string): Promise<TaskRecord> {
  await expect.poll(async () => (await reader.record(uuid)).state).toBe(state);
  return reader.record(uuid);
}

/** Stops processes, none of them in the midst of a commit: its lock would keep all others from writing who is lost. */
function stop(folder: string, ...processes: readonly TestProcess[]): void {
  const lock = lockStore(folder);
  for (const process of processes) process.kill('SIGSTOP');
  for (const process of processes) waitUntilStopped(process.pid);
  lock.close();
}

/** Blocks until all threads of a process stand still: the signal takes effect when one of them runs next. */
function waitUntilStopped(pid: number): void {
  if (process.platform !== 'linux') return;
  const threads = `/proc/${pid}/task`;
  const isStopped = (thread: string): boolean => /\) T /.test(readFileSync(join(threads, thread, 'stat'), 'utf8'));
  while (!readdirSync(threads).every(isStopped)) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}

describe('a task', () => {
  test('whose worker is killed is lost, in its record and in lists, and is not finished', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const [reader, { process: worker, uuid }] = [await startReader(folder), await startWorker(folder)];
    expect(await statesWhileHeard(reader, uuid, 5)).toEqual(new Set(['running']));
    worker.kill('SIGKILL');
    expect(await expectState(reader, uuid, 'lost')).toMatchObject({ status: 2, finished: false, end: null, exception: '' });
    expect(await reader.states('lost')).toEqual([uuid]);
    expect(await reader.states('running')).toEqual([]);
  });

  test('whose worker stops and goes on is lost meanwhile, and ends as if nothing had been', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const [reader, { process: worker, uuid }] = [await startReader(folder), await startWorker(folder)];
    stop(folder, worker);
    await expectState(reader, uuid, 'lost');
    worker.kill('SIGCONT');
    await expectState(reader, uuid, 'running');
    expect(await reader.states('running')).toEqual([uuid]);
    await writeFile(join(folder, 'go'), '');
    expect(await expectState(reader, uuid, 'completed')).toMatchObject({ status: 1, finished: true, heard: null });
    expect((await worker.ended).code).toBe(0);
  });

  test('is lost for good in time, and keeps its end if it comes all the same', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const [reader, { process: worker, uuid }] = [
      await startReader(folder, 'lostFinalMs: 700'),
      await startWorker(folder),
    ];
    stop(folder, worker);
    await expect.poll(async () => (await reader.record(uuid)).finished).toBe(true);
    const record = await reader.record(uuid);
    expect(record).toMatchObject({ state: 'lost', status: 0, exception: `lost: last heard ${record.heard}`, end: null });
    worker.kill('SIGCONT');
    await writeFile(join(folder, 'go'), '');
    expect((await worker.ended).code).toBe(0);
    expect(await reader.record(uuid)).toMatchObject({ state: 'completed', status: 1, exception: '', finished: true });
  });

  test('that blocks its event loop is busy, not lost', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const reader = await startReader(folder);
    const { uuid } = await startWorker(folder, { wait: BLOCK });
    await expect.poll(async () => (await reader.record(uuid)).busy_since).not.toBeNull();
    expect(await statesWhileHeard(reader, uuid, 5)).toEqual(new Set(['running']));
    const { busy_since, start } = await reader.record(uuid);
    expect(busy_since! > start!).toBe(true);
    await writeFile(join(folder, 'go'), '');
    await expect.poll(async () => (await reader.record(uuid)).busy_since).toBeNull();
  });
});

test.runIf(process.platform === 'linux')('whoever begins to read a file finds at once that a process has died before, without a collector', async () => {
  const folder = await temporaryFolder();
  const { process: worker, uuid } = await startWorker(folder);
  worker.kill('SIGKILL');
  await worker.ended;
  const store = openSqlite(join(folder, 'taskspan.sqlite'));
  const silentMs = async (): Promise<number> => bootTime()!.ms - (await store.workers())[0]!.written!.ms;
  await expect.poll(silentMs).toBeGreaterThan(3 * INTERVAL_MS);
  const answer = await createTasksApp({ store }).request(`/tasks/${uuid}`);
  expect(await answer.json()).toMatchObject({ state: 'lost', finished: false });
});

describe('no worker is lost', () => {
  test('by a server that was stopped itself', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const [reader, { uuid }] = [await startReader(folder), await startWorker(folder)];
    await statesWhileHeard(reader, uuid, 2);
    stop(folder, reader.process);
    await passing(10 * INTERVAL_MS);
    reader.process.kill('SIGCONT');
    expect(await statesWhileHeard(reader, uuid, 10)).toEqual(new Set(['running']));
  });

  test('by a machine that slept: all stop, and all go on', { timeout: 60_000 }, async () => {
    const folder = await temporaryFolder();
    const [reader, { process: worker, uuid }] = [await startReader(folder), await startWorker(folder)];
    await statesWhileHeard(reader, uuid, 2);
    stop(folder, reader.process, worker);
    await passing(10 * INTERVAL_MS);
    for (const process of [reader.process, worker]) process.kill('SIGCONT');
    expect(await statesWhileHeard(reader, uuid, 10)).toEqual(new Set(['running']));
  });
});

test('two processes that read one store give the same answer at every moment', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const readers = [await startReader(folder), await startReader(folder)] as const;
  const { process: worker, uuid } = await startWorker(folder);
  const seen = new Set<string>();
  const compare = async (): Promise<void> => {
    const stateFor = async (reader: Reader): Promise<string> => {
      const { state, heard, finished } = await reader.record(uuid);
      return JSON.stringify({ state, heard, finished });
    };
    const [before, between, after] = [await stateFor(readers[0]), await stateFor(readers[1]), await stateFor(readers[0])];
    // Between two like answers of the one the other's is no other.
    if (before === after) expect(between).toBe(before);
    seen.add((JSON.parse(after) as TaskRecord).state);
  };
  await statesWhileHeard(readers[1], uuid, 2);
  for (const state of ['lost', 'running', 'lost']) {
    if (state === 'lost') stop(folder, worker);
    else worker.kill('SIGCONT');
    do await compare();
    while ((await readers[0].record(uuid)).state !== state);
    for (let round = 0; round < 20; round++) await compare();
  }
  expect(seen).toEqual(new Set(['running', 'lost']));
});

test('a server that comes when the worker has long been dead finds it lost', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const intervalMs = 1000;
  const { process: worker, uuid } = await startWorker(folder, { intervalMs });
  worker.kill('SIGKILL');
  await worker.ended;
  const reader = await startReader(folder);
  const { state, heard } = await reader.record(uuid);
  // The start of the server may take long.
  const mayBeLost = Date.now() - Date.parse(heard!) >= 3 * intervalMs;
  expect(mayBeLost ? ['running', 'lost'] : ['running']).toContain(state);
  await expectState(reader, uuid, 'lost');
});

/** Time itself is what is waited for. */
async function passing(ms: number): Promise<void> {
  const until = performance.now() + ms;
  await expect.poll(() => performance.now()).toBeGreaterThan(until);
}

test.each([
  ['by default', '', {}, 5000],
  ['by an option', 'beatIntervalMs: 250', {}, 250],
  ['by the environment', '', { TASKSPAN_BEAT_INTERVAL_MS: '300' }, 300],
  ['not at all if it is 0', 'beatIntervalMs: 0', {}, 0],
  ['not at all in the task\'s own thread, which task code may block', 'store: memoryStore()', {}, 0],
])('the task span promises heartbeats %s', async (_, options, env, intervalMs) => {
  const script = await startScript(
    await temporaryFolder(),
    `const intervals = [];
     const see = { onStart: (span) => intervals.push(span.attributes['taskspan.worker.interval_ms']), onEnd() {},
       forceFlush: async () => undefined, shutdown: async () => undefined };
     const starting = startTaskspan({ spanProcessors: [see], ${options} });
     await runTask('at once', async () => undefined);
     const taskspan = await starting;
     await runTask('then', async () => undefined);
     await taskspan.close();
     console.log(JSON.stringify(intervals));`,
    { env },
  );
  expect(JSON.parse((await script.ended).stdout)).toEqual([intervalMs, intervalMs]);
});
