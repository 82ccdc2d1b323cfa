/** Facts and spans of a worker process through the real Collector to `taskspan serve`: the same record and log, whatever breaks. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sqliteStore } from '../../collector/index.ts';
import type { TaskRecord } from '../../collector/index.ts';
import { recordsOf, startScript } from '../collector/runtime/script.ts';
import { startCommand, temporaryFolder } from '../support/node-process.ts';
import type { TestProcess } from '../support/node-process.ts';
import { describeWithPeers, startPeers } from './peers.ts';
import type { Peers } from './peers.ts';

const root = new URL('../../', import.meta.url);
const IMPORTS = `
import { continueTask, runTask, TaskUpdater } from '${new URL('src/index.ts', root).href}';
import { sqliteStore, startTaskspan, TaskSpanProcessor } from '${new URL('collector/index.ts', root).href}';
`;
const PATIENT = { timeout: 90_000, interval: 50 };
/** How long an outage lasts. `.ci/run` takes the full 30 s: `TASKSPAN_TEST_OUTAGE_MS=30000`. */
const OUTAGE_MS = Number(process.env['TASKSPAN_TEST_OUTAGE_MS'] ?? 4000);

interface Server {
  process: TestProcess;
  record(uuid: string): Promise<TaskRecord | undefined>;
  /** The whole log, of which a record has the last MiB alone. */
  log(uuid: string): Promise<string>;
}

async function startServer(folder: string, port: number): Promise<Server> {
  const server = startCommand(['serve', '--port', String(port), '--store', 'served.sqlite'], { cwd: folder });
  await server.printed(/Tasks are served/);
  return {
    process: server,
    async record(uuid) {
      const response = await fetch(`http://127.0.0.1:${port}/tasks/${uuid}`).catch(() => undefined);
      return response?.status === 200 ? ((await response.json()) as TaskRecord) : undefined;
    },
    log: async (uuid) => (await fetch(`http://127.0.0.1:${port}/tasks/${uuid}`, { headers: { Accept: 'text/plain' } })).text(),
  };
}

describeWithPeers('through the Collector', () => {
  let peers: Peers;
  let port: number;
  beforeAll(async () => {
    peers = await startPeers({ collectorEnvironment: { TASKSPAN_TOKEN: '' } });
    port = Number(new URL(peers.tasksUrl).port);
  });
  afterAll(() => peers?.stop());

  describe("the seed's example has the record and log that it has in its own process, byte for byte", () => {
    const here = `new TaskSpanProcessor({ store: sqliteStore('here.sqlite') })`;
    test.each([
      ['by spans alone, in one delivery', (endpoint: string) => `{ store: 'here.sqlite', endpoint: '${endpoint}' }`, {}],
      ['by live facts alone', (endpoint: string) => `{ endpoint: '${endpoint}', spanProcessors: [${here}] }`, { OTEL_TRACES_SAMPLER: 'always_off' }],
      ['by both', (endpoint: string) => `{ endpoint: '${endpoint}', spanProcessors: [${here}] }`, {}],
    ])('%s', async (_, options, env) => {
      const folder = await temporaryFolder();
      const server = await startServer(folder, port);
      const worker = await startScript(
        folder,
        `class ZeroDivisionError extends Error { name = 'ZeroDivisionError'; }
         const taskspan = await startTaskspan(${options(peers.otlpEndpoint)});
         const updater = new TaskUpdater({ taskName: 'TEST' });
         const notify = () => updater.notify('Some notification related to the task');
         await updater.scope('TEST - First part', notify);
         await updater.scope('TEST - Second part', async () => {
           await updater.scope('My subtask 1 in my task 2', notify);
           await updater.scope('My subtask 2 in my task 2', () => { throw new ZeroDivisionError('division by zero'); });
           await updater.scope('My subtask 3 in my task 2', notify);
         });
         updater.insertFinalUpdate();
         await allCommitted(taskspan);
         await taskspan.close();
         console.log(updater.taskUuid, updater.traceId);`,
        { imports: IMPORTS, env },
      );
      const { stdout } = await worker.ended;
      const [uuid = '', traceId = ''] = stdout.trim().split(' ');
      const store = sqliteStore(join(folder, 'here.sqlite'));
      const expected = { ...(await recordsOf(store)).get('TEST')!, version: expect.any(Number) as number };
      await store.close();
      await expect.poll(() => server.record(uuid), PATIENT).toEqual(expected);
      // What still comes changes nothing.
      if (!('OTEL_TRACES_SAMPLER' in env)) await peers.waitForSpans(traceId, 6);
      expect(await server.record(uuid)).toEqual(expected);
      expect(expected.log).toMatch(/^\t - TEST - First part\n[^]*\nZeroDivisionError: division by zero\n[^]*3 out of 4 jobs finished\n$/);
      server.process.kill('SIGTERM');
      await server.process.ended;
    });
  });

  test('a request to cancel reaches code that blocks its event loop, its next attempt and a child task', async () => {
    const folder = await temporaryFolder();
    const server = await startServer(folder, port);
    const worker = await startScript(
      folder,
      `const taskspan = await startTaskspan({ endpoint: '${peers.otlpEndpoint}', serverUrl: 'http://127.0.0.1:${port}' });
       const block = () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
       const until = (work) => { try { work(); } catch ({ code, by, reason }) { console.log(code, by, reason); } };
       const steps = (updater) => { for (;;) updater.scope('Step', block); };
       let carrier;
       until(() => runTask('Blocks', (updater) => { carrier = updater.carrier(); console.log(updater.taskUuid); steps(updater); }));
       until(() => continueTask(carrier).nextAttempt(steps));
       until(() => continueTask(carrier).child('Child', steps));
       await taskspan.close();`,
      { imports: IMPORTS },
    );
    const [, uuid = ''] = await worker.printed(/^(\S+)\n/);
    await expect.poll(() => server.record(uuid), PATIENT).toMatchObject({ cancellable: true });
    const answer = await fetch(`http://127.0.0.1:${port}/tasks/${uuid}/cancel?by=ada&reason=wrong`, { method: 'POST' });
    expect(answer.status).toBe(202);
    await worker.printed(/(TASKSPAN_CANCELLED ada wrong\n){3}/);
    await expect.poll(() => server.record(uuid), PATIENT).toMatchObject({
      state: 'cancelled', attempt: 2, facts_missing: 0, cancel: { by: 'ada', reason: 'wrong', heard: expect.any(String) as string },
      log: expect.stringContaining('\tCancel requested by ada: wrong\n') as string,
    });
    expect((await worker.ended).code).toBe(0);
    server.process.kill('SIGTERM');
    await server.process.ended;
  });

  describe('no fact is lost and none is stored twice', () => {
    test.each([
      ['while the server is down after a kill', ['server']],
      ['while the Collector is down after a kill', ['otelcol']],
      ['when both are', ['server', 'otelcol']],
      ['when Jaeger is', ['jaeger']],
    ])('%s', async (_, down) => {
      const folder = await temporaryFolder();
      let server = await startServer(folder, port);
      const worker = await startScript(
        folder,
        `import { existsSync } from 'node:fs';
         const taskspan = await startTaskspan({ endpoint: '${peers.otlpEndpoint}', serverUrl: 'http://127.0.0.1:${port}' });
         const updater = new TaskUpdater({ taskName: 'load' });
         console.log(updater.taskUuid, updater.traceId);
         let step = 0;
         while (!existsSync('enough')) {
           for (const end = step + 20; step < end; step++) updater.notify('step ' + step);
           await new Promise((resolve) => setTimeout(resolve, 10));
         }
         updater.complete();
         console.log('reported ' + step + '.');
         // Until all has gone: a process that is closed waits for two seconds.
         while ((await (await fetch('http://127.0.0.1:${port}/tasks/' + updater.taskUuid)).json()).finished !== true) await new Promise((resolve) => setTimeout(resolve, 100));
         await taskspan.close();`,
        { imports: IMPORTS },
      );
      const [, uuid = '', traceId = ''] = await worker.printed(/^(\S+) (\S+)\n/);
      await expect.poll(async () => (await server.record(uuid))?.log.includes('step 200\n'), PATIENT).toBe(true);
      const back: (() => Promise<unknown>)[] = [];
      if (down.includes('server')) {
        server.process.kill('SIGKILL');
        await server.process.ended;
        back.push(async () => (server = await startServer(folder, port)));
      }
      for (const peer of ['otelcol', 'jaeger'] as const) if (down.includes(peer)) back.push(await peers.kill(peer));
      // An outage is time that passes.
      await delay(OUTAGE_MS);
      await Promise.all(back.map((start) => start()));
      await writeFile(join(folder, 'enough'), '');
      const reported = Number((await worker.printed(/reported (\d+)\./))[1]);
      await expect.poll(async () => (await server.record(uuid))?.finished, PATIENT).toBe(true);
      await expect.poll(async () => steps(await server.log(uuid)).length, PATIENT).toBe(reported);
      expect(new Set(steps(await server.log(uuid))).size).toBe(reported);
      expect(await server.record(uuid)).toMatchObject({ state: 'completed', facts_missing: 0 });
      expect((await worker.ended).code).toBe(0);
      await peers.waitForSpans(traceId, 1, 60_000);
      server.process.kill('SIGTERM');
      await server.process.ended;
    }, OUTAGE_MS + 400_000);
  });
});

/** The numbers of the steps in the log. The Collector sends several requests at a time: they may pass each other. */
function steps(log: string): string[] {
  return [...log.matchAll(/^\tstep (\d+)$/gm)].map(([, step = '']) => step);
}
