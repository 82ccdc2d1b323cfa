/** What the Collector sends where `taskspan serve` listens, by the configuration we ship. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { buffer } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
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
  test.each([
    { with: 'a token', environment: { TASKSPAN_TOKEN: 'a-secret-of-the-server' }, authorization: 'Bearer a-secret-of-the-server' },
    { with: 'no token', environment: { TASKSPAN_TOKEN: '' }, authorization: 'Bearer' },
  ])('sends spans to Jaeger and here, log records here alone, with $with', async ({ environment, authorization }) => {
    const { endpoint, arrived } = await startReceiver();
    await using peers = await startPeers({ collectorEnvironment: { TASKSPAN_OTLP_ENDPOINT: endpoint, ...environment } });
    await send(peers.otlpEndpoint);
    await expect.poll(() => arrived.map(({ path }) => path).toSorted(), { timeout: 10_000 }).toEqual(['/v1/logs', '/v1/traces']);
    for (const { path, headers, text } of arrived) {
      expect(headers).toMatchObject({ 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip', authorization });
      expect(text).toContain(path === '/v1/logs' ? 'the.event' : 'the span');
    }
    expect(await peers.waitForSpans(TRACE, 1)).toHaveLength(1);
  });
});
