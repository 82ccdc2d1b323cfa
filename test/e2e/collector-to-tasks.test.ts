/** What the Collector sends where `taskspan serve` listens, by the configuration we ship. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { startServer, UUID } from '../collector/cli/task-processes.ts';
import { startScript } from '../collector/runtime/script.ts';
import { temporaryFolder } from '../support/node-process.ts';
import { describeWithPeers, startPeers } from './peers.ts';

interface Arrived {
  path: string;
  headers: IncomingHttpHeaders;
  text: string;
}

/** A receiver that takes everything. */
async function startReceiver(): Promise<{ endpoint: string; arrived: Arrived[] }> {
  const arrived: Arrived[] = [];
  const take = async (request: IncomingMessage): Promise<void> => {
    const body = await buffer(request);
    const isGzip = request.headers['content-encoding'] === 'gzip';
    arrived.push({ path: request.url!, headers: request.headers, text: (isGzip ? gunzipSync(body) : body).toString('latin1') });
  };
  const server = createServer((request, response) => {
    void take(request).then(() => response.setHeader('Content-Type', 'application/x-protobuf').end());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    await server[Symbol.asyncDispose]();
  });
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, arrived };
}

const TRACE = 'a'.repeat(32);
const ATTRIBUTES = { resource: {}, scope: { name: 'test' } };

async function send(endpoint: string): Promise<void> {
  const span = { traceId: TRACE, spanId: 'b'.repeat(16), name: 'the span', startTimeUnixNano: '1', endTimeUnixNano: '2' };
  const logRecord = { timeUnixNano: '1', eventName: 'the.event', traceId: TRACE, spanId: 'b'.repeat(16) };
  const bodies: [string, unknown][] = [
    ['/v1/traces', { resourceSpans: [{ resource: ATTRIBUTES.resource, scopeSpans: [{ scope: ATTRIBUTES.scope, spans: [span] }] }] }],
    ['/v1/logs', { resourceLogs: [{ resource: ATTRIBUTES.resource, scopeLogs: [{ scope: ATTRIBUTES.scope, logRecords: [logRecord] }] }] }],
  ];
  for (const [path, body] of bodies) {
    const response = await fetch(`${endpoint}${path}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
  }
}

describeWithPeers('the Collector', () => {
  test('gives a server with a token what a worker sends, live and when it has ended', async () => {
    const token = 'a-secret-of-this-server';
    const { url } = await startServer(await temporaryFolder(), { env: { TASKSPAN_TOKEN: token } });
    await using peers = await startPeers({ collectorEnvironment: { TASKSPAN_OTLP_ENDPOINT: url, TASKSPAN_TOKEN: token } });
    const record = async (): Promise<unknown> => {
      const response = await fetch(`${url}/tasks/${UUID}`, { headers: { Authorization: `Bearer ${token}` } });
      return response.status === 200 ? response.json() : undefined;
    };
    const worker = await startScript(
      await temporaryFolder(),
      `import { once } from 'node:events';
       const hold = setInterval(() => undefined, 1000);
       const taskspan = await startTaskspan({ endpoint: '${peers.otlpEndpoint}' });
       await runTask('Elsewhere', async (updater) => {
         updater.notify('begun');
         await once(process, 'SIGUSR2');
         updater.scope('Work', () => 1);
       }, { taskUuid: '${UUID}' });
       await allCommitted(taskspan);
       await taskspan.close();
       clearInterval(hold);`,
    );
    await expect.poll(record).toMatchObject({ state: 'running', log: '\tbegun\n' });
    worker.kill('SIGUSR2');
    expect((await worker.ended).code).toBe(0);
    await expect.poll(record).toMatchObject({ state: 'completed', jobs: { total: 1, finished: 1 }, facts_missing: 0 });
  });

  test.each([
    { with: 'a token', environment: { TASKSPAN_TOKEN: 'a-secret-of-the-server' }, authorization: 'Bearer a-secret-of-the-server' },
    { with: 'no token', environment: { TASKSPAN_TOKEN: '' }, authorization: 'Bearer' },
  ])('sends spans to Jaeger and here, log records here alone, with $with', async ({ environment, authorization }) => {
    const { endpoint, arrived } = await startReceiver();
    await using peers = await startPeers({ collectorEnvironment: { TASKSPAN_OTLP_ENDPOINT: endpoint, ...environment } });
    await send(peers.otlpEndpoint);
    await expect.poll(() => arrived.map(({ path }) => path).toSorted()).toEqual(['/v1/logs', '/v1/traces']);
    for (const { path, headers, text } of arrived) {
      expect(headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip', authorization });
      expect(text).toContain(path === '/v1/logs' ? 'the.event' : 'the span');
    }
    expect(await peers.waitForSpans(TRACE, 1)).toHaveLength(1);
  });
});
