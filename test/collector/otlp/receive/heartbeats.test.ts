import type { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createReceiver, memoryStore } from '../../../../collector/index.ts';
import type { Beat } from '../../../../collector/index.ts';
import { BEAT_EVENT } from '../../../../src/conventions.ts';
import { ENCODINGS, logBody, MEDIA_TYPES } from './otlp-bodies.ts';

const WORKER = '0190b1c4-7e5f-4000-8000-000000000001';
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

beforeEach(() => {
  vi.useFakeTimers({ now: NOW, toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

function receiving() {
  const beats: Beat[] = [];
  const store = memoryStore();
  store.beat = async (taken) => void beats.push(...taken);
  return { beats, store, app: createReceiver({ store }) };
}

interface Sent {
  /** By the worker's clock, in milliseconds. */
  time?: number;
  attributes?: Record<string, string | number>;
  resource?: Record<string, string | number>;
  headers?: Record<string, string>;
  encoding?: (typeof ENCODINGS)[number];
}

async function beat(app: Hono, { time = NOW, attributes = {}, resource, headers = {}, encoding = 'protobuf' }: Sent = {}): Promise<Response> {
  const own = { 'taskspan.worker.id': WORKER, 'taskspan.worker.interval_ms': 5000, ...attributes };
  const record = { eventName: BEAT_EVENT, traceId: '', spanId: '', time: time * 1000, attributes: own, sampled: false };
  return app.request(
    '/v1/logs',
    { method: 'POST', body: logBody(encoding, [record], resource), headers: { 'Content-Type': MEDIA_TYPES[encoding], ...headers } },
    { incoming: { socket: { remoteAddress: '10.0.0.7' } } },
  );
}

describe.each(ENCODINGS)('a heartbeat in %s', (encoding) => {
  it('counts from when it came, with since when the worker is busy', async () => {
    const { app, beats } = receiving();
    const attributes = { 'taskspan.worker.busy_ms': 1500, 'process.pid': 42 };
    expect((await beat(app, { encoding, time: NOW - 3_600_000, attributes, resource: { 'host.name': 'worker-7', 'process.pid': 1 } })).status).toBe(200);
    const resource = '{"host.name":"worker-7","process.pid":1}';
    expect(beats).toEqual([{ workerId: WORKER, host: 'worker-7', pid: 42, intervalMs: 5000, time: NOW * 1000, busySince: (NOW - 1500) * 1000, resource }]);
  });

  it('names a Collector as its way, and no sender of its own', async () => {
    const { app, beats } = receiving();
    await beat(app, { encoding, headers: { 'User-Agent': 'OpenTelemetry Collector Contrib/0.165.0 (linux/amd64)' } });
    await beat(app, { encoding, time: NOW + 1, headers: { 'User-Agent': 'OTel-OTLP-Exporter-Python/1.39.0' } });
    expect(beats.map(({ via }) => via)).toEqual(['10.0.0.7', undefined]);
  });
});

describe('a heartbeat', () => {
  it('that is delivered again is dropped, and so are older ones', async () => {
    const { app, beats } = receiving();
    for (const time of [NOW, NOW, NOW - 5000, NOW - 10_000, NOW + 5000]) await beat(app, { time });
    expect(beats.length).toBe(2);
  });

  it('counts again when the worker\'s clock was set back', async () => {
    const { app, beats } = receiving();
    for (let beatNumber = 0; beatNumber < 6; beatNumber++) {
      vi.setSystemTime(NOW + beatNumber * 5000);
      await beat(app, { time: NOW + beatNumber * 5000 - (beatNumber < 3 ? 0 : 3_600_000) });
    }
    // The first one after the change looks like an old one.
    expect(beats.map(({ time }) => (time / 1000 - NOW) / 5000)).toEqual([0, 1, 2, 4, 5]);
  });

  it('that is delivered again is dropped, also where an older one was stored after it', async () => {
    const { app, store, beats } = receiving();
    const take = store.beat.bind(store);
    const first = Promise.withResolvers<void>();
    const spy = vi.spyOn(store, 'beat').mockImplementationOnce(async (taken) => {
      await first.promise;
      await take(taken);
    });
    const older = beat(app, { time: NOW });
    await expect.poll(() => spy.mock.calls.length).toBe(1);
    await beat(app, { time: NOW + 5000 });
    first.resolve();
    await older;
    await beat(app, { time: NOW + 5000 });
    expect(beats.length).toBe(2);
  });

  it('is retried where the store is unreachable', async () => {
    const { app, store, beats } = receiving();
    const take = store.beat.bind(store);
    store.beat = () => Promise.reject(new Error('unreachable'));
    expect((await beat(app)).status).toBe(503);
    store.beat = take;
    expect((await beat(app)).status).toBe(200);
    expect(beats.length).toBe(1);
  });

  it.each([{ 'taskspan.worker.id': '' }, { 'taskspan.worker.interval_ms': 0 }, { 'taskspan.worker.interval_ms': 'often' }])('with %j is rejected', async (attributes) => {
    const { app, beats } = receiving();
    const response = await beat(app, { attributes, encoding: 'json' });
    expect(await response.json()).toEqual({ partialSuccess: { rejectedLogRecords: '1', errorMessage: expect.stringMatching(/^taskspan.beat: expected a time, /) } });
    expect(beats).toEqual([]);
  });

  it('of a worker beyond 10,000 live ones is rejected, until others are silent', async () => {
    const { app, beats } = receiving();
    const send = async (first: number, workers: number): Promise<unknown> => {
      const records = Array.from({ length: workers }, (_, at) => ({
        eventName: BEAT_EVENT, traceId: '', spanId: '', time: Date.now() * 1000, sampled: false,
        attributes: { 'taskspan.worker.id': `w${first + at}`, 'taskspan.worker.interval_ms': 5000 },
      }));
      const response = await app.request('/v1/logs', { method: 'POST', body: logBody('json', records), headers: { 'Content-Type': MEDIA_TYPES.json } });
      return ((await response.json()) as { partialSuccess?: unknown }).partialSuccess;
    };
    expect(await send(0, 9999)).toBeUndefined();
    const tooMany = { rejectedLogRecords: '2', errorMessage: 'taskspan.beat: expected those of at most 10000 live workers' };
    expect(await send(9998, 4)).toEqual(tooMany);
    expect(beats.length).toBe(10_000);
    vi.setSystemTime(NOW + 15_001);
    expect(await send(10_000, 2)).toBeUndefined();
    expect(beats.length).toBe(10_002);
  }, 60_000);

  it('of a resource with many attributes costs no more than the attributes themselves', async () => {
    const { app, beats } = receiving();
    const pairs = (attributes: Record<string, string>): unknown => Object.entries(attributes).map(([key, stringValue]) => ({ key, value: { stringValue } }));
    const resource = { ...Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, 'v'])), 'host.name': 'many' };
    const interval = { key: 'taskspan.worker.interval_ms', value: { intValue: 5000 } };
    const logRecords = Array.from({ length: 5000 }, (_, at) => ({
      eventName: BEAT_EVENT, timeUnixNano: `${NOW}000000`, attributes: [{ key: 'taskspan.worker.id', value: { stringValue: `w${at}` } }, interval],
    }));
    const body = JSON.stringify({ resourceLogs: [{ resource: { attributes: pairs(resource) }, scopeLogs: [{ logRecords }] }] });
    // A minute where each heartbeat copies its resource.
    expect((await app.request('/v1/logs', { method: 'POST', body, headers: { 'Content-Type': MEDIA_TYPES.json } })).status).toBe(200);
    expect([beats.length, beats.at(-1)!.host]).toEqual([5000, 'many']);
  });
});
