import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { expect, onTestFinished, test } from 'vitest';
import { exporterTo } from '../../../collector/span/export-processor.ts';
import { sendLostTraces } from '../../../collector/span/lost-traces.ts';
import { memoryStore } from '../../../collector/store/memory-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { diagnosed } from '../../src/support/diagnosed.ts';
import { ScriptedTask } from '../record/scripted-task.ts';

interface Request {
  resourceSpans: { scopeSpans: { spans: { name: string; spanId: string }[] }[] }[];
}

/** A receiver of spans that refuses the first requests for ever, and takes the others. */
async function startReceiver(refusals: number): Promise<{ endpoint: string; taken: string[][] }> {
  const taken: string[][] = [];
  let refused = 0;
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      if (refused++ < refusals) return response.writeHead(400).end();
      taken.push((body as Request).resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans.map(({ name }) => name))));
      return response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await server[Symbol.asyncDispose]();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken };
}

/** A store with a task that is lost for good, of so many open scopes. */
async function storeWithLost(scopes: number): Promise<TaskStore> {
  const store = memoryStore();
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (let number = 0; number < scopes; number++) attempt.scope(`scope ${number}`);
  await store.append(task.facts.map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact)));
  const [worker] = await store.workers();
  await store.silence([{ id: worker!.id, beats: worker!.beats, silentMs: 600_000, lost: true, final: true }]);
  return store;
}

function send(store: TaskStore, endpoint: string): void {
  const stop = sendLostTraces({ store, exporter: exporterTo(endpoint), resource: resourceFromAttributes({}) });
  onTestFinished(stop);
}

test('open spans that the receiver refused are sent again, and once it has taken them no more', async () => {
  const told = diagnosed();
  const { endpoint, taken } = await startReceiver(1);
  const store = await storeWithLost(1);
  send(store, endpoint);
  await expect.poll(() => store.lostTraces(), { timeout: 10_000 }).toEqual([]);
  expect(taken).toEqual([['TEST', 'scope 0']]);
  expect(told.filter((message) => message.includes('open spans of lost tasks could not be ended, trying again'))).toHaveLength(1);
});

test('many open spans go by several requests', async () => {
  const { endpoint, taken } = await startReceiver(0);
  const store = await storeWithLost(4500);
  send(store, endpoint);
  await expect.poll(() => store.lostTraces(), { timeout: 10_000 }).toEqual([]);
  expect(taken.map(({ length }) => length)).toEqual([2000, 2000, 501]);
  expect(new Set(taken.flat()).size).toBe(4501);
});
