import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TaskRecord } from '../../../collector/index.ts';
import { freePort } from '../../support/free-port.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import type { TestProcess } from '../../support/node-process.ts';
import { startScript, stepsIn } from './script.ts';

/** A worker that sends to a server elsewhere: two real processes with no file in common. */

const TOKEN = 'a-secret-of-16-letters';

interface Elsewhere {
  process: TestProcess;
  url: string;
  record(uuid: string): Promise<TaskRecord>;
}

async function startServer(folder: string, port = 0): Promise<Elsewhere> {
  const server = await startScript(
    folder,
    `const taskspan = await startTaskspan({ registerProvider: false, beatIntervalMs: 200, serve: { port: ${port}, receive: true, token: '${TOKEN}' } });
     process.stdout.write(taskspan.url + '\\n');
     setInterval(() => undefined, 1000);`,
  );
  const url = (await server.printed(/^(\S+)\n/))[1]!;
  const headers = { Authorization: `Bearer ${TOKEN}` };
  return {
    process: server,
    url,
    record: async (uuid) => JSON.parse(await (await fetch(`${url}/tasks/${uuid}`, { headers })).text()) as TaskRecord,
  };
}

async function startWorker({ url }: Elsewhere, work: string): Promise<{ process: TestProcess; uuid: string; folder: string }> {
  const folder = await temporaryFolder();
  const worker = await startScript(
    folder,
    `import { existsSync } from 'node:fs';
     const taskspan = await startTaskspan({ endpoint: '${url}', token: '${TOKEN}', beatIntervalMs: 200 });
     const alive = setInterval(() => undefined, 1000);
     const updater = new TaskUpdater({ taskName: 'work' });
     process.stdout.write(updater.taskUuid + '\\n');
     ${work}`,
  );
  return { process: worker, uuid: (await worker.printed(/^(\S+)\n/))[1]!, folder };
}

test('a task of another machine is live on the server, though it blocks its event loop', async () => {
  const server = await startServer(await temporaryFolder());
  const { uuid } = await startWorker(server, `updater.notify('step 0'); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`);
  await expect.poll(async () => (await server.record(uuid)).log).toBe('\tstep 0\n');
  await expect
    .poll(() => server.record(uuid))
    .toMatchObject({ state: 'running', busy_since: expect.any(String), cancellable: true, heard: expect.any(String) });
});

test('it hears its cancellation, and ends by itself', async () => {
  const server = await startServer(await temporaryFolder());
  const { process: worker, uuid } = await startWorker(
    server,
    `await updater.scope('Wait', () => new Promise((_, reject) => updater.signal.addEventListener('abort', () => reject(updater.signal.reason)))).catch(() => undefined);
     updater.insertFinalUpdate();
     clearInterval(alive);`,
  );
  await expect.poll(async () => (await server.record(uuid)).cancellable).toBe(true);
  const headers = { Authorization: `Bearer ${TOKEN}` };
  expect((await fetch(`${server.url}/tasks/${uuid}/cancel`, { method: 'POST', headers })).status).toBe(202);
  await expect.poll(async () => (await server.record(uuid)).state).toBe('cancelled');
  // An open question for cancellations holds no process.
  expect(await worker.ended).toMatchObject({ code: 0, stderr: '' });
});

test('it receives its cancellation though it blocks its event loop, and the record shows who has asked, and when it was received', async () => {
  const server = await startServer(await temporaryFolder());
  const { process: worker, uuid } = await startWorker(
    server,
    `const block = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
     try {
       for (;;) updater.scope('Step', () => block(20));
     } catch ({ code, by, reason }) {
       console.log(code, by, reason);
     }
     updater.insertFinalUpdate();
     clearInterval(alive);`,
  );
  await expect.poll(async () => (await server.record(uuid)).cancellable).toBe(true);
  const headers = { Authorization: `Bearer ${TOKEN}` };
  expect((await fetch(`${server.url}/tasks/${uuid}/cancel?by=ada&reason=wrong`, { method: 'POST', headers })).status).toBe(202);
  await worker.printed(/TASKSPAN_CANCELLED ada wrong/);
  await expect.poll(() => server.record(uuid)).toMatchObject({
    state: 'cancelled', cancel: { by: 'ada', reason: 'wrong', heard: expect.any(String) }, log: expect.stringContaining('\tCancel requested by ada: wrong\n'),
  });
});

test('it is lost when its worker is killed', async () => {
  const server = await startServer(await temporaryFolder());
  const { process: worker, uuid } = await startWorker(server, '');
  await expect.poll(async () => (await server.record(uuid)).state).toBe('running');
  worker.kill('SIGKILL');
  await expect.poll(async () => (await server.record(uuid)).state).toBe('lost');
});

test('what it reports while the server is killed arrives when the server is back, once and in its order', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const port = await freePort();
  const server = await startServer(folder, port);
  const { process: worker, uuid, folder: ofWorker } = await startWorker(
    server,
    `let step = 0;
     while (!existsSync('stop')) {
       updater.notify('step ' + step++);
       if (step % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
     }
     updater.complete();
     console.log('notified ' + step);`,
  );
  await expect.poll(async () => stepsIn((await server.record(uuid)).log)).toBeGreaterThan(50);
  server.process.kill('SIGKILL');
  await worker.printedError(/trying again/);
  await writeFile(join(ofWorker, 'stop'), '');
  const [, notified] = await worker.printed(/notified (\d+)\n/);
  await server.process.ended;
  const back = await startServer(folder, port);
  await expect.poll(async () => (await back.record(uuid)).state).toBe('completed');
  const { log, facts_missing: missing } = await back.record(uuid);
  expect([stepsIn(log), missing]).toEqual([Number(notified), 0]);
});
