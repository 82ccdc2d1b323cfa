import { join } from 'node:path';
import { sqliteStore } from '../../collector/index.ts';
import type { TaskRecord } from '../../collector/index.ts';
import { expect, onTestFinished, test } from 'vitest';
import { startServer, UUID } from '../collector/cli/task-processes.ts';
import { startScript } from '../collector/runtime/script.ts';
import { temporaryFolder } from '../support/node-process.ts';
import type { TestProcess } from '../support/node-process.ts';
import { answersOf } from './answers-of.ts';
import { describeWithPeers, startPeers } from './peers.ts';

/** Long enough that a worker that the machine lets wait is not lost for good. */
const SHORT = { TASKSPAN_BEAT_INTERVAL_MS: '50', TASKSPAN_LOST_FINAL_MS: '8000' };

/** The log of {@link startOpenTask}'s task. */
const LOG = `\
\t - Read file
\t\tSuccessfully completed
\t\tTime spent: 0h0m
\t - Write rows
\t - Row 7
\thalf of it
`;

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
    { env: { ...SHORT, OTEL_SERVICE_NAME: 'the-worker' } },
  );
  const [, traceId = ''] = await worker.printed(/trace (\w+)/);
  return { worker, traceId };
}

describeWithPeers('the trace of a task whose worker was killed', () => {
  test('is whole in Jaeger, each span once, though two servers know of it', async () => {
    await using peers = await startPeers();
    const folder = await temporaryFolder();
    const { worker, traceId } = await startOpenTask(folder, `{ store: './taskspan.sqlite', endpoint: '${peers.otlpEndpoint}' }`);
    await peers.waitForSpans(traceId, 1);
    const env = { ...SHORT, OTEL_EXPORTER_OTLP_ENDPOINT: peers.otlpEndpoint, OTEL_SERVICE_NAME: 'tasks' };
    await Promise.all([startServer(folder, { env }), startServer(folder, { env })]);
    worker.kill('SIGKILL');
    await worker.ended;

    const spans = await peers.waitForSpans(traceId, 4);
    const byName = new Map(spans.map((span) => [span.name, span]));
    const task = byName.get('Import')!;
    const write = byName.get('Write rows')!;
    const row = byName.get('Row 7')!;
    expect([byName.get('Read file')!, write, row].map(({ parentSpanId }) => parentSpanId)).toEqual([task.spanId, task.spanId, write.spanId]);
    expect(byName.get('Read file')!.attributes).toMatchObject({ 'taskspan.outcome': 'completed' });
    for (const span of [task, write, row]) {
      expect(span.status).toEqual({ code: 'error', message: expect.stringMatching(/^lost: last heard \d{4}-\d\d-\d\dT[\d:.]+Z$/) });
      expect(span.attributes).toMatchObject({ 'taskspan.outcome': 'lost', 'taskspan.task.uuid': UUID, 'taskspan.task.name': 'Import' });
      expect(span.resource).toMatchObject({ 'service.name': 'the-worker', 'process.pid': expect.any(Number) });
      expect(span.scope.name).toBe('taskspan');
    }
    expect(row.events).toMatchObject([{ name: 'taskspan.notification', attributes: { 'taskspan.message': 'half of it' } }]);
    expect(task.attributes).toMatchObject({ 'taskspan.span': 'task', folder: '/data', 'taskspan.exception': task.status.message });
    const legacy = (await peers.legacyTrace(traceId))!;
    expect(legacy.spans.flatMap(({ warnings }) => warnings ?? [])).toEqual([]);

    const store = sqliteStore(join(folder, 'taskspan.sqlite'));
    onTestFinished(() => store.close());
    await expect.poll(() => store.lostTraces()).toEqual([]);
    expect((await peers.trace(traceId)).map(({ name }) => name).toSorted()).toEqual(['Import', 'Read file', 'Row 7', 'Write rows']);
  });

  test('is whole too where all came by the Collector, and what comes back by it changes no record', async () => {
    // This test has its own peers: a Collector sends a server that starts late all that it has kept for it.
    await using peers = await startPeers({ collectorEnvironment: { TASKSPAN_TOKEN: '' } });
    const env = { ...SHORT, OTEL_EXPORTER_OTLP_ENDPOINT: peers.otlpEndpoint };
    const { url } = await startServer(await temporaryFolder(), { port: Number(new URL(peers.tasksUrl).port), env });
    const record = async (): Promise<TaskRecord> => (await fetch(`${url}/tasks/${UUID}`)).json() as Promise<TaskRecord>;
    const { worker, traceId } = await startOpenTask(await temporaryFolder(), `{ endpoint: '${peers.otlpEndpoint}' }`);
    // All that the worker has sent, live and by its only ended span.
    await expect.poll(record).toMatchObject({ log: LOG, jobs: { total: 2, finished: 1, running: 1 }, facts_missing: 0 });
    const accepted = async (): Promise<number> => (await answersOf(url, 'traces'))['200'] ?? 0;
    await expect.poll(accepted).toBeGreaterThan(0);
    const before = await accepted();
    worker.kill('SIGKILL');
    await worker.ended;
    await expect.poll(record).toMatchObject({ state: 'lost', finished: true });
    const lost = await record();

    const spans = await peers.waitForSpans(traceId, 4);
    expect(spans.filter(({ attributes }) => attributes['taskspan.outcome'] === 'lost').map(({ name }) => name).toSorted()).toEqual(['Import', 'Row 7', 'Write rows']);
    for (const { resource } of spans) expect(resource).toMatchObject({ 'service.name': 'the-worker' });
    // They are sent in one request, which the Collector passes on to Jaeger and here.
    await expect.poll(accepted).toBeGreaterThan(before);
    expect(await record()).toEqual(lost);
  });
});
