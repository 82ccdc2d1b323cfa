import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import type { Tracer } from '@opentelemetry/api';
import { expect, onTestFinished, test, vi } from 'vitest';
import { PersistentExporter } from '../../../collector/export/export-processor.ts';
import type { PersistentExporterOptions } from '../../../collector/export/export-processor.ts';
import { heldClock } from '../../support/held-clock.ts';
import { startLogReceiver } from '../otlp/receive/log-receiver.ts';
import type { LogReceiver } from '../otlp/receive/log-receiver.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

interface Exporting {
  receiver: LogReceiver;
  exporter: PersistentExporter;
  tracer: Tracer;
}

/** OpenTelemetry's exporter, which gives up before it would try again by itself, behind ours; each span is a batch. */
async function exporting(more: Partial<PersistentExporterOptions> = {}): Promise<Exporting> {
  const receiver = await startLogReceiver();
  const impatient = (): OTLPTraceExporter => new OTLPTraceExporter({ url: `${receiver.url}/v1/traces`, timeoutMillis: 700 });
  const exporter = new PersistentExporter({ exporter: impatient(), lastExporter: impatient(), limitSpans: 100, ...more });
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  onTestFinished(() => exporter.end());
  return { receiver, exporter, tracer: provider.getTracer('test') };
}

test('spans that no receiver takes are kept, and sent in their order when one does', async () => {
  const { receiver, exporter, tracer } = await exporting();
  await receiver.stop();
  for (const name of ['one', 'two', 'three']) tracer.startSpan(name).end();
  await receiver.start();
  await exporter.forceFlush();
  expect([exporter.delivered, receiver.asked]).toEqual([3, ['/v1/traces', '/v1/traces', '/v1/traces']]);
});

test('what an answer refuses for good is not sent again', async () => {
  const { receiver, exporter, tracer } = await exporting();
  receiver.answer = { status: 400 };
  tracer.startSpan('refused').end();
  await exporter.forceFlush();
  receiver.answer = { status: 200 };
  tracer.startSpan('taken').end();
  await exporter.forceFlush();
  expect([exporter.delivered, receiver.asked]).toEqual([1, ['/v1/traces', '/v1/traces']]);
});

test('what no request can be made of holds nothing up', async () => {
  const { receiver, exporter, tracer } = await exporting();
  const inItself: unknown[] = [];
  inItself.push(inItself);
  const hostile = tracer.startSpan('hostile');
  // As another processor may have left it.
  Object.assign((hostile as unknown as ReadableSpan).attributes, { inItself });
  hostile.end();
  tracer.startSpan('taken').end();
  await exporter.forceFlush();
  expect([exporter.delivered, receiver.asked]).toEqual([1, ['/v1/traces']]);
});

test('no more than so many wait', async () => {
  const { receiver, exporter, tracer } = await exporting({ limitSpans: 2 });
  await receiver.stop();
  for (const name of ['one', 'two', 'three']) tracer.startSpan(name).end();
  await receiver.start();
  await exporter.forceFlush();
  expect(exporter.delivered).toBe(2);
});

test('at the end one try more is made, and none after one that fails', async () => {
  const { receiver, exporter, tracer } = await exporting();
  receiver.answer = { status: 503 };
  for (const name of ['one', 'two', 'three']) tracer.startSpan(name).end();
  await expect.poll(() => receiver.asked.length).toBeGreaterThan(0);
  const asked = receiver.asked.length;
  await exporter.shutdown();
  expect(exporter.delivered).toBe(0);
  // The try under way, and the last one.
  expect(receiver.asked.length - asked).toBeLessThanOrEqual(2);
});

test('facts go first, and keep spans no longer waiting than it makes sense', async () => {
  const clock = heldClock();
  let gone = false;
  const { receiver, exporter, tracer } = await exporting({ mark: () => () => gone });
  const asked: boolean[] = [];
  receiver.answer = () => {
    asked.push(gone);
    return { status: 200 };
  };
  tracer.startSpan('one').end();
  await clock.pass(9000);
  expect(asked).toEqual([]);
  gone = true;
  await clock.pass(20);
  await exporter.forceFlush();
  gone = false;
  tracer.startSpan('two').end();
  const ending = exporter.shutdown();
  await clock.pass(499);
  expect(asked).toEqual([true]);
  await clock.pass(20);
  await ending;
  expect([exporter.delivered, asked]).toEqual([2, [true, false]]);
});
