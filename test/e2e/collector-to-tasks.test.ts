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

const SPANS_OF_LARGE = 43;
const uuidOfLarge = (number: number): string => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const traceOfLarge = (number: number): string => `c${String(number).padStart(31, '0')}`;

/** A task of 4.3 MB: its spans alone are far fewer than a batch of 2,048. */
function largeTask(number: number): unknown {
  const span = (at: number) => ({
    traceId: traceOfLarge(number),
    spanId: String(at + 1).padStart(16, '0'),
    ...(at > 0 && { parentSpanId: '1'.padStart(16, '0') }),
    name: `span ${at}`,
    startTimeUnixNano: '1790000000000000000',
    endTimeUnixNano: '1790000001000000000',
    attributes: [
      ...(at === 0 ? [textAttribute('taskspan.span', 'task'), textAttribute('taskspan.task.uuid', uuidOfLarge(number)), textAttribute('taskspan.task.name', 'large')] : []),
      textAttribute('load', 'x'.repeat(100_000)),
    ],
  });
  const spans = Array.from({ length: SPANS_OF_LARGE }, (_, at) => span(at));
  return { resourceSpans: [{ resource: {}, scopeSpans: [{ scope: { name: 'test' }, spans }] }] };
}

function textAttribute(key: string, value: string): unknown {
  return { key, value: { stringValue: value } };
}

async function sendJson(url: string, body: unknown): Promise<number> {
  const headers = { 'Content-Type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).status;
}

async function send(endpoint: string): Promise<void> {
  const span = { traceId: TRACE, spanId: 'b'.repeat(16), name: 'the span', startTimeUnixNano: '1', endTimeUnixNano: '2' };
  const logRecord = { timeUnixNano: '1', eventName: 'the.event', traceId: TRACE, spanId: 'b'.repeat(16) };
  const bodies: [string, unknown][] = [
    ['/v1/traces', { resourceSpans: [{ resource: ATTRIBUTES.resource, scopeSpans: [{ scope: ATTRIBUTES.scope, spans: [span] }] }] }],
    ['/v1/logs', { resourceLogs: [{ resource: ATTRIBUTES.resource, scopeLogs: [{ scope: ATTRIBUTES.scope, logRecords: [logRecord] }] }] }],
  ];
  for (const [path, body] of bodies) {
    expect(await sendJson(`${endpoint}${path}`, body)).toBe(200);
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

  test('loses nothing of requests that are large together: what it acknowledged arrives at the server and in Jaeger', async () => {
    const { url } = await startServer(await temporaryFolder());
    await using peers = await startPeers({ collectorEnvironment: { TASKSPAN_OTLP_ENDPOINT: url, TASKSPAN_TOKEN: '' } });
    const numbers = Array.from({ length: 12 }, (_, number) => number);
    const answers = await Promise.all(numbers.map((number) => sendJson(`${peers.otlpEndpoint}/v1/traces`, largeTask(number))));
    expect(new Set(answers)).toEqual(new Set([200]));
    const isStored = async (number: number): Promise<boolean> => (await fetch(`${url}/tasks/${uuidOfLarge(number)}`)).status === 200;
    await expect.poll(() => Promise.all(numbers.map(isStored))).toEqual(numbers.map(() => true));
    const inJaeger = numbers.map((number) => peers.waitForSpans(traceOfLarge(number), SPANS_OF_LARGE));
    expect((await Promise.all(inJaeger)).map(({ length }) => length)).toEqual(numbers.map(() => SPANS_OF_LARGE));
  });

  test('takes the large spans of a task, which end all at once, in requests that are not too large for it', async () => {
    const { url } = await startServer(await temporaryFolder());
    await using peers = await startPeers({ collectorEnvironment: { TASKSPAN_OTLP_ENDPOINT: url, TASKSPAN_TOKEN: '' } });
    const worker = await startScript(
      await temporaryFolder(),
      `import { trace } from '${import.meta.resolve('@opentelemetry/api')}';
       const taskspan = await startTaskspan({ endpoint: '${peers.otlpEndpoint}', serverUrl: '${url}' });
       const updater = new TaskUpdater({ taskName: 'large', taskUuid: '${UUID}' });
       for (let at = 0; at < 300; at++) {
         updater.scope('Row ' + at, () => trace.getActiveSpan().setAttribute('load', 'x'.repeat(126_000)));
       }
       updater.complete();
       // 38 MB: more than a slow machine sends while it closes.
       for (let more = 0; more < 6; more++) await allCommitted(taskspan);
       await taskspan.close();
       console.log('trace ' + updater.traceId);`,
    );
    const { stdout, stderr } = await worker.ended;
    expect(stderr).toBe('');
    const [, traceId = ''] = /trace (\w+)/.exec(stdout)!;
    expect(await peers.waitForSpans(traceId, 301, 120_000)).toHaveLength(301);
    const record = async (): Promise<unknown> => (await fetch(`${url}/tasks/${UUID}`)).json();
    await expect.poll(record).toMatchObject({ state: 'completed', jobs: { total: 300, finished: 300 }, facts_missing: 0 });
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
