import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { sqliteStore } from '../../collector/index.ts';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { startServer, UNKNOWN, UUID } from '../collector/command/task-processes.ts';
import { startScript } from '../collector/thread/script.ts';
import { temporaryFolder } from '../support/node-process.ts';
import type { TestProcess } from '../support/node-process.ts';
import { describeWithPeers, startPeers } from './peers.ts';
import type { Peers } from './peers.ts';

const SHORT = { TASKSPAN_BEAT_INTERVAL_MS: '50', TASKSPAN_LOST_FINAL_MS: '300' };

/** A task with an ended scope and two open ones, in a process that stays until it is killed. Gives its trace's id. */
async function startOpenTask(folder: string, options: string): Promise<{ worker: TestProcess; traceId: string }> {
  const worker = await startScript(
    folder,
    `const taskspan = await startTaskspan(${options});
     await runTask('Import', async (updater) => {
       updater.scope('Read file', () => undefined);
       await updater.scope('Write rows', (scope) => scope.scope('Row 7', async (row) => {
         row.notify('half of it');
         await taskspan.flush();
         console.log('trace ' + updater.traceId);
         await new Promise((resolve) => setTimeout(resolve, 1_000_000));
       }));
     }, { taskUuid: '${UUID}', attributes: { folder: '/data' } });`,
    { env: SHORT },
  );
  const [, traceId = ''] = await worker.printed(/trace (\w+)/);
  return { worker, traceId };
}

/** A port of 127.0.0.1 on which nobody listens yet. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await server[Symbol.asyncDispose]();
  return port;
}

describeWithPeers('the trace of a task whose worker was killed', () => {
  let peers: Peers;
  let port: number;
  beforeAll(async () => {
    port = await freePort();
    peers = await startPeers({ collectorEnvironment: { TASKSPAN_OTLP_ENDPOINT: `http://127.0.0.1:${port}` } });
  });
  afterAll(() => peers.stop());

  test('is whole in Jaeger, each span once, though two servers know of it', async () => {
    const folder = await temporaryFolder();
    const { worker, traceId } = await startOpenTask(folder, `{ store: './taskspan.sqlite', endpoint: '${peers.otlpEndpoint}' }`);
    await peers.waitForSpans(traceId, 1);
    const env = { ...SHORT, OTEL_EXPORTER_OTLP_ENDPOINT: peers.otlpEndpoint, OTEL_SERVICE_NAME: 'tasks' };
    await Promise.all([startServer(folder, { env }), startServer(folder, { env })]);
    worker.kill('SIGKILL');
    await worker.ended;

    const spans = await peers.waitForSpans(traceId, 4, 30_000);
    const byName = new Map(spans.map((span) => [span.name, span]));
    const task = byName.get('Import')!;
    const write = byName.get('Write rows')!;
    const row = byName.get('Row 7')!;
    expect([byName.get('Read file')!, write, row].map(({ parentSpanId }) => parentSpanId)).toEqual([task.spanId, task.spanId, write.spanId]);
    expect(byName.get('Read file')!.attributes).toMatchObject({ 'taskspan.outcome': 'completed' });
    for (const span of [task, write, row]) {
      expect(span.status).toEqual({ code: 'error', message: expect.stringMatching(/^lost: last heard \d{4}-\d\d-\d\dT[\d:.]+Z$/) });
      expect(span.attributes).toMatchObject({ 'taskspan.outcome': 'lost', 'taskspan.task.uuid': UUID, 'taskspan.task.name': 'Import' });
      expect(span.resource).toMatchObject({ 'service.name': 'tasks' });
      expect(span.scope.name).toBe('taskspan');
    }
    expect(task.attributes).toMatchObject({ 'taskspan.span': 'task', folder: '/data', 'taskspan.exception': task.status.message });
    const legacy = (await peers.legacyTrace(traceId))!;
    expect(legacy.spans.flatMap(({ warnings }) => warnings ?? [])).toEqual([]);

    const store = sqliteStore(join(folder, 'taskspan.sqlite'));
    onTestFinished(() => store.close());
    await expect.poll(() => store.lostTraces()).toEqual([]);
    expect((await peers.trace(traceId)).map(({ name }) => name).toSorted()).toEqual(['Import', 'Read file', 'Row 7', 'Write rows']);
  });

  test('is whole too where all came by the Collector, and what comes back by it changes no record', async () => {
    const env = { ...SHORT, OTEL_EXPORTER_OTLP_ENDPOINT: peers.otlpEndpoint };
    const { url } = await startServer(await temporaryFolder(), { port, env });
    const { worker, traceId } = await startOpenTask(await temporaryFolder(), `{ endpoint: '${peers.otlpEndpoint}' }`);
    await peers.waitForSpans(traceId, 1);
    const record = async (): Promise<{ state: string; version: number; finished: boolean }> =>
      (await fetch(`${url}/tasks/${UUID}`)).json() as Promise<{ state: string; version: number; finished: boolean }>;
    await expect.poll(record, { timeout: 10_000 }).toMatchObject({ state: 'running' });
    worker.kill('SIGKILL');
    await worker.ended;
    await expect.poll(record, { timeout: 20_000 }).toMatchObject({ state: 'lost', finished: true });
    const { version } = await record();
    const spans = await peers.waitForSpans(traceId, 4, 30_000);
    expect(spans.filter(({ attributes }) => attributes['taskspan.outcome'] === 'lost').map(({ name }) => name).toSorted()).toEqual(['Import', 'Row 7', 'Write rows']);
    // The Collector sends each span to Jaeger and here, so what is sent after them comes after them.
    const after = await startScript(
      await temporaryFolder(),
      `const taskspan = await startTaskspan({ endpoint: '${peers.otlpEndpoint}' });
       await runTask('After', async () => undefined, { taskUuid: '${UNKNOWN}' });
       await taskspan.close();`,
    );
    await after.ended;
    await expect.poll(async () => (await fetch(`${url}/tasks/${UNKNOWN}`)).status, { timeout: 10_000 }).toBe(200);
    expect(await record()).toMatchObject({ state: 'lost', finished: true, version });
  });
});
