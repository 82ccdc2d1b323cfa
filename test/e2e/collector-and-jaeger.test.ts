/** The peers with plain OpenTelemetry spans: if this fails, no other end-to-end test means anything. */
import { readFile } from 'node:fs/promises';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWithPeers, startPeers, type Peers } from './peers.ts';

describeWithPeers('the peers by themselves', () => {
  let peers: Peers;
  beforeAll(async () => {
    peers = await startPeers();
  });
  afterAll(async () => {
    await peers?.stop();
  });

  function providerThatSends(): NodeTracerProvider {
    const exporter = new OTLPTraceExporter({ url: `${peers.otlpEndpoint}/v1/traces` });
    return new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  }

  it('carry a span to Jaeger with its parent, kind, status, events, links and attributes', async () => {
    const provider = providerThatSends();
    const tracer = provider.getTracer('smoke', '1.2.3');
    const parent = tracer.startSpan('parent', { kind: SpanKind.CONSUMER, startTime: [1_700_000_000, 1_000] });
    const child = tracer.startSpan(
      'child',
      {
        startTime: [1_700_000_000, 2_000],
        attributes: { text: 'héllo', whole: 42, half: 0.5, yes: true },
        links: [{ context: parent.spanContext() }],
      },
      trace.setSpan(ROOT_CONTEXT, parent),
    );
    child.addEvent('greeted', { message: 'hello' }, [1_700_000_000, 3_000]);
    child.setStatus({ code: SpanStatusCode.ERROR, message: 'division by zero' });
    child.end([1_700_000_001, 4_000]);
    parent.end([1_700_000_002, 5_000]);
    await provider.shutdown();

    const { traceId, spanId } = parent.spanContext();
    const spans = await peers.waitForSpans(traceId, 2);
    expect(spans).toHaveLength(2);
    expect(spans[0]).toMatchObject({
      traceId,
      spanId,
      parentSpanId: undefined,
      name: 'parent',
      kind: 'consumer',
      startTime: 1_700_000_000_000_001_000n,
      endTime: 1_700_000_002_000_005_000n,
      status: { code: 'unset', message: '' },
      attributes: {},
      events: [],
      links: [],
      scope: { name: 'smoke', version: '1.2.3' },
    });
    expect(spans[0]?.resource).toHaveProperty('service.name');
    expect(spans[1]).toMatchObject({
      traceId,
      spanId: child.spanContext().spanId,
      parentSpanId: spanId,
      name: 'child',
      kind: 'internal',
      status: { code: 'error', message: 'division by zero' },
      attributes: { text: 'héllo', whole: 42, half: 0.5, yes: true },
      events: [{ name: 'greeted', time: 1_700_000_000_000_003_000n, attributes: { message: 'hello' } }],
      links: [{ traceId, spanId }],
    });

    const legacy = await peers.legacyTrace(traceId);
    expect(legacy?.spans.map((span) => span.operationName).toSorted()).toEqual(['child', 'parent']);
    expect(legacy?.spans.flatMap((span) => span.warnings ?? [])).toEqual([]);
  });

  it('warn of clocks that do not agree', async () => {
    const provider = providerThatSends();
    const tracer = provider.getTracer('smoke');
    const parent = tracer.startSpan('parent', { startTime: [1_700_000_000, 1_000_000] });
    const inside = trace.setSpan(ROOT_CONTEXT, parent);
    const child = tracer.startSpan('early child', { startTime: [1_700_000_000, 0] }, inside);
    child.end([1_700_000_000, 500_000]);
    parent.end([1_700_000_001, 0]);
    await provider.shutdown();

    const { traceId } = parent.spanContext();
    await peers.waitForSpans(traceId, 2);
    const legacy = await peers.legacyTrace(traceId);
    expect(legacy?.spans.flatMap((span) => span.warnings ?? [])).toEqual([
      expect.stringContaining('timestamps were adjusted'),
    ]);
  });

  it('know nothing of a trace that was never sent', async () => {
    const traceId = 'f'.repeat(32);
    expect(await peers.trace(traceId)).toEqual([]);
    expect(await peers.legacyTrace(traceId)).toBeUndefined();
  });

  it('serve a page that links a span to its task', async () => {
    const page = await (await fetch(peers.jaegerQueryUrl)).text();
    const configuration: unknown = JSON.parse(/JAEGER_CONFIG = (.*);/.exec(page)?.[1] ?? 'null');
    const shipped = await readFile(new URL('../../examples/jaeger/jaeger-ui.json', import.meta.url), 'utf8');
    expect(configuration).toEqual(JSON.parse(shipped));
    expect(configuration).toMatchObject({
      linkPatterns: [{ key: 'taskspan.task.uuid', url: 'http://127.0.0.1:4320/tasks/#{taskspan.task.uuid}' }],
    });
  });
});
