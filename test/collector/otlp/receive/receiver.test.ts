import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { Hono } from 'hono';
import { PbfReader } from 'pbf';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { serveTasks } from '../../../../collector/server/serve-tasks.ts';
import { createReceiver, memoryStore, TaskStoreError } from '../../../../collector/index.ts';
import type { ReceiverOptions, TaskStore } from '../../../../collector/index.ts';
import { UUID } from '../../record/scripted-task.ts';
import { SEED_LOG, seedExample } from '../../record/seed-example.ts';
import { ENCODINGS, factsBody, MEDIA_TYPES, spansOf, traceBody } from './otlp-bodies.ts';
import type { Encoding } from './otlp-bodies.ts';

const { facts } = seedExample();
const spans = spansOf(facts);

function receiving(options: Partial<ReceiverOptions> = {}): { store: TaskStore; app: Hono } {
  const store = options.store ?? memoryStore();
  return { store, app: createReceiver({ ...options, store }) };
}

interface Sent {
  body?: Uint8Array<ArrayBuffer> | string;
  encoding?: Encoding;
  headers?: Record<string, string>;
  method?: string;
  path?: string;
}

async function send(app: Hono, { body, encoding = 'protobuf', headers, method = 'POST', path = '/v1/traces' }: Sent = {}): Promise<Response> {
  const sent = body ?? traceBody(encoding, spans);
  return app.request(path, {
    method,
    headers: { 'Content-Type': MEDIA_TYPES[encoding], ...headers },
    ...(method === 'POST' && { body: sent }),
  });
}

/** `google.rpc.Status` of an answer. */
async function statusOf(response: Response): Promise<{ code: number; message: string }> {
  if (response.headers.get('Content-Type') === 'application/json') return (await response.json()) as { code: number; message: string };
  return new PbfReader(new Uint8Array(await response.arrayBuffer())).readFields(
    (tag, status, pbf) => {
      if (tag === 1) status.code = pbf.readVarint();
      else if (tag === 2) status.message = pbf.readString();
    },
    { code: 0, message: '' },
  );
}

/** `partial_success` of an answer. */
async function partialSuccessOf(response: Response): Promise<{ rejected: number; message: string } | undefined> {
  expect(response.status).toBe(200);
  if (response.headers.get('Content-Type') === 'application/json') {
    const { partialSuccess } = (await response.json()) as { partialSuccess?: Record<string, string> };
    return partialSuccess && { rejected: Number(partialSuccess['rejectedSpans'] ?? partialSuccess['rejectedLogRecords']), message: partialSuccess['errorMessage']! };
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length === 0) return undefined;
  const reader = new PbfReader(bytes);
  expect(reader.nextField()).toBe(1);
  return reader.readMessage(
    (tag, partial, pbf) => {
      if (tag === 1) partial.rejected = pbf.readVarint();
      else if (tag === 2) partial.message = pbf.readString();
    },
    { rejected: 0, message: '' },
  );
}

describe.each(ENCODINGS)('a receiver of %s', (encoding) => {
  it('answers success in the same encoding, and the task is stored by then', async () => {
    const { store, app } = receiving();
    const response = await send(app, { encoding });
    expect(response.headers.get('Content-Type')).toBe(MEDIA_TYPES[encoding]);
    expect(await partialSuccessOf(response)).toBeUndefined();
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  it('takes metrics, and leaves them', async () => {
    const { app } = receiving();
    for (const body of [new Uint8Array(0), new Uint8Array([10, 0])]) {
      const response = await send(app, { encoding, path: '/v1/metrics', body });
      expect([response.status, response.headers.get('Content-Type')]).toEqual([200, MEDIA_TYPES[encoding]]);
      expect(await partialSuccessOf(response)).toBeUndefined();
    }
  });

  it('inflates gzip', async () => {
    const { store, app } = receiving();
    const body = new Uint8Array(gzipSync(traceBody(encoding, spans)));
    expect((await send(app, { encoding, body, headers: { 'Content-Encoding': 'gzip' } })).status).toBe(200);
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  it('answers 400 with a status to a malformed body', async () => {
    const { app } = receiving();
    const [whole, half] = [traceBody(encoding, spans), traceBody(encoding, spans).subarray(0, 1001)];
    for (const body of [half, new TextEncoder().encode('hello'), whole.map((byte) => byte ^ 0x55)]) {
      const response = await send(app, { encoding, body });
      expect([response.status, response.headers.get('Content-Type')]).toEqual([400, MEDIA_TYPES[encoding]]);
      expect(await statusOf(response)).toEqual({ code: 3, message: expect.stringMatching(/^the body can not be read: ./) });
    }
  });

  it('answers 400 to a body that is not in gzip in spite of its header', async () => {
    const { app } = receiving();
    const response = await send(app, { encoding, headers: { 'Content-Encoding': 'gzip' } });
    expect([response.status, (await statusOf(response)).code]).toEqual([400, 3]);
  });

  it('answers 413 to a body that is too long, as it is or inflated', async () => {
    const { app } = receiving({ maxBodyBytes: 1024 });
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(100_000_000)));
    for (const [body, headers] of [[traceBody(encoding, spans), {}], [bomb.subarray(0, 1000), { 'Content-Encoding': 'gzip' }]] as const) {
      const response = await send(app, { encoding, body, headers });
      expect([response.status, await statusOf(response)]).toEqual([
        413,
        { code: 8, message: 'expected a body of at most 1024 bytes after decompression' },
      ]);
    }
  });

  it('rejects invalid spans of tasks and takes the rest', async () => {
    const { store, app } = receiving();
    const noUuid = spansOf(facts.map((fact) => ({ ...fact, span: { ...fact.span, taskUuid: 'task 7' } })));
    const zeros = spansOf(facts.map((fact) => ({ ...fact, span: { ...fact.span, traceId: '0'.repeat(32) } })));
    const response = await send(app, { encoding, body: traceBody(encoding, [noUuid[0]!, ...spans, ...zeros]) });
    expect(await partialSuccessOf(response)).toEqual({
      rejected: 1 + zeros.length,
      message: expect.stringMatching(/^span [0-9a-f]{16}: expected taskspan.task.uuid to be a UUID, got "task 7"$/),
    });
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  it('warns of an event that is left out, though nothing is rejected', async () => {
    const { store, app } = receiving();
    const lacking = spans.map((span) => ({ ...span, events: span.events.map((event) => ({ ...event, time: [0, 0] as [number, number] })) }));
    const response = await send(app, { encoding, body: traceBody(encoding, lacking) });
    expect(await partialSuccessOf(response)).toEqual({
      rejected: 0,
      message: expect.stringMatching(/^span [0-9a-f]{16}: its event [a-z.]+ is left out: expected a time in nanoseconds since 1970$/),
    });
    expect((await store.stored(UUID))!.state).toBe('failed');
    expect((await store.log(UUID))!.text).toMatch(/^\t\d updates? not received$/m);
  });

  it('rejects a fact that the store can never take, and no other one of its commit', async () => {
    const store = memoryStore();
    const append = store.append.bind(store);
    store.append = (batch) => {
      const refused = batch.some((fact) => fact.kind === 'notification' && fact.message === 'refused');
      return refused ? Promise.reject(new TaskStoreError('REFUSED', 'too big a string')) : append(batch);
    };
    const { app } = receiving({ store });
    const bad = facts.map((fact) => (fact.kind === 'notification' ? { ...fact, message: 'refused' } : fact));
    const other = 'b9ec0000-0000-4000-8000-000000000000';
    const ofOther = facts.map((fact) => ({ ...fact, span: { ...fact.span, taskUuid: other } }));
    const [first, second] = await Promise.all([
      send(app, { encoding, path: '/v1/logs', body: factsBody(encoding, bad) }),
      send(app, { encoding, path: '/v1/logs', body: factsBody(encoding, ofOther) }),
    ]);
    const notifications = bad.filter(({ kind }) => kind === 'notification').length;
    expect(await partialSuccessOf(first)).toEqual({ rejected: notifications, message: "the store can't take it: too big a string" });
    expect(await partialSuccessOf(second)).toBeUndefined();
    expect((await store.log(other))!.text).toBe(SEED_LOG);
    expect((await store.stored(UUID))!.state).toBe('failed');
  });

  it('answers 503 while the store is unreachable, and takes the same body afterwards', async () => {
    const store = memoryStore();
    const append = store.append.bind(store);
    let isDown = true;
    store.append = (batch) => (isDown ? Promise.reject(new Error('disk I/O error')) : append(batch));
    const { app } = receiving({ store });
    const response = await send(app, { encoding });
    expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '1']);
    expect(await statusOf(response)).toEqual({ code: 14, message: 'the store can not take it just now' });
    isDown = false;
    expect((await send(app, { encoding })).status).toBe(200);
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  it('answers 429 when too much waits, and takes it when that is stored', async () => {
    const store = memoryStore();
    const append = store.append.bind(store);
    const begun = Promise.withResolvers<undefined>();
    const goOn = Promise.withResolvers<undefined>();
    store.append = async (batch) => {
      begun.resolve(undefined);
      await goOn.promise;
      return append(batch);
    };
    const body = traceBody(encoding, spans);
    const { app } = receiving({ store, maxBodyBytes: body.length, maxWaitingBytes: Math.floor(body.length * 1.5) });
    const first = send(app, { encoding });
    await begun.promise;
    const second = await send(app, { encoding });
    expect([second.status, second.headers.get('Retry-After'), (await statusOf(second)).code]).toEqual([429, '1', 8]);
    goOn.resolve(undefined);
    expect((await first).status).toBe(200);
    expect((await send(app, { encoding })).status).toBe(200);
  });
});

describe('a receiver', () => {
  it.each([
    [{ 'Content-Type': 'text/plain' }, /^expected Content-Type application\/x-protobuf or application\/json, got "text\/plain"$/],
    [{ 'Content-Type': '' }, /^expected Content-Type /],
    [{ 'Content-Encoding': 'br' }, /^expected Content-Encoding gzip or identity, got "br"$/],
    [{ 'Content-Encoding': 'gzip, gzip' }, /^expected Content-Encoding gzip or identity/],
  ])('answers 415 to %j', async (headers, message) => {
    const response = await send(receiving().app, { headers });
    expect([response.status, (await statusOf(response)).message]).toEqual([415, expect.stringMatching(message)]);
  });

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS'])('answers 405 to %s', async (method) => {
    const response = await send(receiving().app, { method });
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'POST']);
  });

  it('takes parameters of the media type', async () => {
    const headers = { 'Content-Type': 'Application/JSON; charset=utf-8' };
    expect((await send(receiving().app, { encoding: 'json', headers })).status).toBe(200);
  });

  it('takes an empty body, which is a request of nothing', async () => {
    expect((await send(receiving().app, { body: new Uint8Array(0) })).status).toBe(200);
    expect((await send(receiving().app, { encoding: 'json', body: '{}' })).status).toBe(200);
  });

  it('refuses web pages, whatever else is allowed', async () => {
    const response = await send(receiving().app, { headers: { Origin: 'http://localhost' } });
    expect([response.status, await statusOf(response)]).toEqual([403, { code: 7, message: 'web pages may not send anything' }]);
  });

  it('answers a refusal of the rest of the server in the form of OTLP', async () => {
    const refusal = (): Response => Response.json({ detail: 'expected the token' }, { status: 401, headers: { 'WWW-Authenticate': 'Bearer' } });
    const response = await send(receiving({ refusal }).app);
    expect([response.status, response.headers.get('WWW-Authenticate')]).toEqual([401, 'Bearer']);
    expect(await statusOf(response)).toEqual({ code: 16, message: 'expected the token' });
  });

  it('stands in an app beside the tasks', async () => {
    const store = memoryStore();
    const app = new Hono().route('/', createTasksApp({ store })).route('/', createReceiver({ store }));
    expect((await send(app)).status).toBe(200);
    expect(await (await app.request(`/tasks/${UUID}`, { headers: { Accept: 'text/plain' } })).text()).toBe(SEED_LOG);
  });

  it('counts what comes', async () => {
    const counted: unknown[] = [];
    const count = (name: string) => (...args: unknown[]) => void counted.push([name, ...args]);
    const observer = {
      answered: count('answered'), rejected: count('rejected'), read: count('read'),
      committed: count('committed'), failed: count('failed'), refused: count('refused'),
    };
    const { app } = receiving({ observer });
    await send(app);
    await send(app, { method: 'GET' });
    expect(counted).toEqual([['read', facts.length], ['committed', expect.any(Array)], ['answered', 'traces', 200], ['answered', 'traces', 405]]);
  });

  it('takes a body without an announced length, and stops where it is too long', async () => {
    const { store, app } = receiving({ maxBodyBytes: 100_000 });
    const server = await serveTasks({ app, port: 0 });
    onTestFinished(() => server.close());
    const post = (body: ReadableStream<Uint8Array>): Promise<Response> =>
      fetch(`${server.url}/v1/traces`, { method: 'POST', body, duplex: 'half', headers: { 'Content-Type': MEDIA_TYPES.protobuf } });
    const [half, rest] = [traceBody('protobuf', spans).subarray(0, 500), traceBody('protobuf', spans).subarray(500)];
    expect((await post(ReadableStream.from([half, rest]))).status).toBe(200);
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
    expect((await post(ReadableStream.from(Array.from({ length: 11 }, () => new Uint8Array(10_000))))).status).toBe(413);
  });

  it('keeps no room for bytes that were announced and do not come', async () => {
    const longest = 100_000;
    const { app } = receiving({ maxBodyBytes: longest, maxWaitingBytes: longest });
    const server = await serveTasks({ app, port: 0 });
    onTestFinished(() => server.close());
    const { port, hostname } = new URL(server.url);
    const stalled = connect({ port: Number(port), host: hostname });
    onTestFinished(() => void stalled.destroy());
    const head = `POST /v1/traces HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: ${MEDIA_TYPES.protobuf}\r\nExpect: 100-continue\r\n`;
    stalled.write(`${head}Content-Length: ${longest}\r\n\r\n`);
    // The server asks for the rest: it has begun to read.
    await once(stalled, 'data');
    const response = await fetch(`${server.url}/v1/traces`, { method: 'POST', body: traceBody('protobuf', spans), headers: { 'Content-Type': MEDIA_TYPES.protobuf } });
    expect(response.status).toBe(200);
  });

  it('keeps little room for short bodies that were announced and do not come, however many', async () => {
    const room = 100_000;
    const { app } = receiving({ maxBodyBytes: room, maxWaitingBytes: room });
    const server = await serveTasks({ app, port: 0 });
    onTestFinished(() => server.close());
    const { port, hostname } = new URL(server.url);
    const head = `POST /v1/traces HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: ${MEDIA_TYPES.protobuf}\r\nExpect: 100-continue\r\n`;
    for (let sender = 0; sender < 10; sender++) {
      const stalled = connect({ port: Number(port), host: hostname });
      onTestFinished(() => void stalled.destroy());
      stalled.write(`${head}Content-Length: ${room / 10}\r\n\r\n`);
      await once(stalled, 'data');
    }
    const response = await fetch(`${server.url}/v1/traces`, { method: 'POST', body: traceBody('protobuf', spans), headers: { 'Content-Type': MEDIA_TYPES.protobuf } });
    expect(response.status).toBe(200);
  });

  it('cuts off bodies that stall where another one needs their room', async () => {
    const room = 100_000;
    const { app } = receiving({ maxBodyBytes: room, maxWaitingBytes: room });
    const server = await serveTasks({ app, port: 0 });
    onTestFinished(() => server.close());
    const { port, hostname } = new URL(server.url);
    const head = `POST /v1/traces HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: ${MEDIA_TYPES.protobuf}\r\n`;
    const answers: Promise<string>[] = [];
    for (let sender = 0; sender < 3; sender++) {
      const stalled = connect({ port: Number(port), host: hostname });
      onTestFinished(() => void stalled.destroy());
      // After its answer a connection may be cut off as it comes.
      stalled.on('error', () => undefined);
      stalled.write(`${head}Content-Length: ${room}\r\n\r\n`);
      // With all but one byte the first takes all the room there is.
      stalled.write(Buffer.alloc(sender === 0 ? room - 1 : 10));
      answers.push(new Promise((resolve) => stalled.once('data', (data) => resolve(String(data).split('\r\n', 1)[0]!))));
    }
    const post = (): Promise<Response> =>
      fetch(`${server.url}/v1/traces`, { method: 'POST', body: traceBody('protobuf', spans), headers: { 'Content-Type': MEDIA_TYPES.protobuf } });
    await expect.poll(async () => (await post()).status).toBe(200);
    expect(await answers[0]).toBe('HTTP/1.1 503 Service Unavailable');
  });

  it('inflates gzip of any length, whatever length stands at its end', async () => {
    const { app } = receiving({ maxBodyBytes: 8_000_000, maxWaitingBytes: 20_000_000 });
    const post = async (...members: number[]): Promise<number> => {
      const body = new Uint8Array(Buffer.concat(members.map((length) => gzipSync(`${' '.repeat(length - 2)}{}`))));
      return (await send(app, { encoding: 'json', body, headers: { 'Content-Encoding': 'gzip' } })).status;
    };
    // Two members: JSON of nothing twice, of which the last length says only the half.
    expect([await post(1000), await post(5_000_000), await post(8_000_000), await post(8_000_001), await post(5_000_000, 5_000_000)]).toEqual([200, 200, 200, 413, 413]);
    expect([await post(1000, 1000), await post(3_000_000, 1_100_000)]).toEqual([400, 400]);
  }, 60_000);

  it.each([
    [{ store: {} }, /^createReceiver: expected a store, got/],
    [{ store: memoryStore(), maxBodyBytes: 10 }, /^maxBodyBytes: expected a whole number of at least 1024, got 10$/],
    [{ store: memoryStore(), maxBodyBytes: 5000, maxWaitingBytes: 4999 }, /^maxWaitingBytes: expected a whole number of at least 5000, got 4999$/],
    [{ store: memoryStore(), token: 'x' }, /^createReceiver: /],
  ])('refuses invalid options: %#', (options, message) => {
    expect(() => createReceiver(options as never)).toThrow(message);
  });
});
