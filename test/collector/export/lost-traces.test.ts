import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { context, propagation, trace } from '@opentelemetry/api';
import { ExportResultCode, isTracingSuppressed } from '@opentelemetry/core';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { SpanExporter } from '@opentelemetry/sdk-trace-node';
import { expect, onTestFinished, test, vi } from 'vitest';
import { exporterTo } from '../../../collector/export/export-processor.ts';
import { lostTraceSender } from '../../../collector/export/lost-traces.ts';
import { startSendingLostTraces } from '../../../collector/runtime/duties.ts';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { report } from '../../../src/report.ts';
import { diagnosed } from '../../src/support/diagnosed.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { uuidOf } from '../store/expected-task.ts';
import { startScript } from '../runtime/script.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { traceRequest } from '../../support/trace-request.ts';

/** A receiver of spans. The names in a request choose its answer. It keeps the requests that it took. */
async function startReceiver(statusOf: (names: readonly string[]) => number): Promise<{ endpoint: string; taken: string[][] }> {
  const taken: string[][] = [];
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const names = traceRequest(body).spans.map(({ name }) => name);
      const status = statusOf(names);
      if (status === 200) taken.push(names);
      return response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await server[Symbol.asyncDispose]();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken };
}

/** A store with tasks that are lost for good, each of so many open scopes. */
function storeWithLost(...counts: number[]): Promise<TaskStore> {
  return withLost(memoryStore(), counts);
}

async function withLost(store: TaskStore, counts: readonly number[]): Promise<TaskStore> {
  for (const [at, scopes] of counts.entries()) {
    const task = new ScriptedTask(uuidOf(at));
    const attempt = task.attempt({ name: `task ${at}` });
    for (let number = 0; number < scopes; number++) attempt.scope(`scope ${number}`);
    await store.append(task.facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact)));
  }
  const [worker] = await store.workers();
  await store.silence([{ id: worker!.id, beats: worker!.beats, silentMs: 600_000, lost: true, final: true }]);
  return store;
}

function send(store: TaskStore, exporter: Pick<SpanExporter, 'export'>): void {
  const sending = startSendingLostTraces({ store, send: lostTraceSender({ exporter }), report });
  onTestFinished(() => sending.stop());
}

/** The warnings about open spans. What earlier files of this process have left may warn too. */
function ofLostTasks(reported: readonly string[]): string[] {
  return reported.filter((line) => /open spans of (?:the )?lost task/.test(line));
}

test('open spans that the receiver refused are sent again, and once it has taken them no more', async () => {
  const reported = diagnosed();
  let tries = 0;
  const { endpoint, taken } = await startReceiver(() => (tries++ === 0 ? 401 : 200));
  const store = await storeWithLost(1);
  send(store, exporterTo(endpoint));
  await expect.poll(() => store.lostTraces()).toEqual([]);
  expect(taken).toEqual([['task 0', 'scope 0']]);
  await expect.poll(() => ofLostTasks(reported)).toEqual([
    expect.stringContaining('open spans of lost tasks could not be ended, trying again'),
    'taskspan: all open spans of lost tasks are ended',
  ]);
});

test('what is answered as bad is dropped alone, and reported', async () => {
  const reported = diagnosed();
  const { endpoint, taken } = await startReceiver((names) => (names.includes('task 1') ? 413 : names.includes('task 3') ? 400 : 200));
  const store = await storeWithLost(0, 1, 0, 0, 0);
  send(store, exporterTo(endpoint));
  await expect.poll(() => store.lostTraces()).toEqual([]);
  expect(taken.flat()).toEqual(['task 0', 'task 2', 'task 4']);
  const refused = [1, 3].map((at) => expect.stringContaining(`the open spans of the lost task ${uuidOf(at)} were refused and are dropped`));
  expect(ofLostTasks(reported)).toEqual(refused);
});

test('an instrumentation of HTTP makes no spans of it', async () => {
  new NodeTracerProvider().register();
  onTestFinished(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });
  const store = await storeWithLost(0);
  const suppressed: boolean[] = [];
  const exporter: Pick<SpanExporter, 'export'> = {
    export(_spans, done) {
      suppressed.push(isTracingSuppressed(context.active()));
      done({ code: ExportResultCode.SUCCESS });
    },
  };
  send(store, exporter);
  await expect.poll(() => store.lostTraces()).toEqual([]);
  expect(suppressed).toEqual([true]);
});

test('many open spans go by several requests', async () => {
  const { endpoint, taken } = await startReceiver(() => 200);
  const store = await storeWithLost(4500);
  send(store, exporterTo(endpoint));
  await expect.poll(() => store.lostTraces()).toEqual([]);
  expect(taken.map(({ length }) => length)).toEqual([2000, 2000, 501]);
  expect(new Set(taken.flat()).size).toBe(4501);
});

test('a server whose collector has its own thread sends them by the exporter of its process', { timeout: 60_000 }, async () => {
  const { endpoint, taken } = await startReceiver(() => 200);
  const folder = await temporaryFolder();
  const store = await withLost(sqliteStore(join(folder, 'taskspan.sqlite')), [1]);
  onTestFinished(() => store.close());
  await startScript(folder, `await startTaskspan({ store: 'taskspan.sqlite', serve: { port: 0 }, endpoint: '${endpoint}' }); setInterval(() => undefined, 1000);`);
  await expect.poll(() => taken).toEqual([['task 0', 'scope 0']]);
  await expect.poll(() => store.lostTraces()).toEqual([]);
});

test('what another process was sending when they were read is not sent again', async () => {
  const store = await storeWithLost(1);
  const other = 'another process';
  expect(await store.lease('lost-traces', other, 30_000)).toBe(true);
  const read = store.lostTraces.bind(store);
  vi.spyOn(store, 'lostTraces').mockImplementationOnce(async () => {
    const traces = await read();
    await store.tracesEnded(traces.map(({ taskUuid }) => taskUuid));
    await store.lease('lost-traces', other, 0);
    return traces;
  });
  const sent: unknown[] = [];
  const sending = startSendingLostTraces({ store, report, send: async (traces) => void sent.push(...traces) });
  onTestFinished(() => sending.stop());
  const end = vi.spyOn(store, 'lease');
  await expect.poll(() => end.mock.calls.at(-1)?.[2]).toBe(0);
  expect(sent).toEqual([]);
});
