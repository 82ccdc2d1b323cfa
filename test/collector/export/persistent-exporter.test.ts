import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import type { Tracer } from '@opentelemetry/api';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { exporterTo, PersistentExporter } from '../../../collector/export/export-processor.ts';
import type { PersistentExporterOptions } from '../../../collector/export/export-processor.ts';
import { heldClock } from '../../support/held-clock.ts';
import { startLogReceiver } from '../otlp/receive/log-receiver.ts';
import type { LogReceiver } from '../otlp/receive/log-receiver.ts';
import { traceRequest } from '../../support/trace-request.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

interface Exporting {
  receiver: LogReceiver;
  exporter: PersistentExporter;
  tracer: Tracer;
}

/** How long an exporter waits for an answer and its own tries: too short for a second try, and long enough for any answer. */
const IMPATIENT_MS = 700;
const PATIENT_MS = 15_000;

/** OpenTelemetry's exporter behind ours; each span is a batch. */
async function exporting(more: Partial<PersistentExporterOptions> = {}, timeoutMillis = IMPATIENT_MS): Promise<Exporting> {
  const receiver = await startLogReceiver();
  const inner = (): OTLPTraceExporter => new OTLPTraceExporter({ url: `${receiver.url}/v1/traces`, timeoutMillis });
  const exporter = new PersistentExporter({ exporter: inner(), lastExporter: inner(), limitSpans: 100, ...more });
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  onTestFinished(() => exporter.end());
  return { receiver, exporter, tracer: provider.getTracer('test') };
}

test('spans that no receiver takes are kept, and sent in their order when one does', async () => {
  const { receiver, exporter, tracer } = await exporting();
  const taken: string[] = [];
  receiver.answer = (_path, _facts, body) => {
    taken.push(.../"name":"(one|two|three)"/.exec(Buffer.from(body).toString())!.slice(1));
    return { status: 200 };
  };
  await receiver.stop();
  for (const name of ['one', 'two', 'three']) tracer.startSpan(name).end();
  await receiver.start();
  await exporter.forceFlush();
  // A batch comes twice where the answer to it comes too late for the impatient exporter.
  expect([exporter.delivered, [...new Set(taken)]]).toEqual([3, ['one', 'two', 'three']]);
});

test('what an answer refuses for good is not sent again', async () => {
  const { receiver, exporter, tracer } = await exporting({}, PATIENT_MS);
  receiver.answer = { status: 400 };
  tracer.startSpan('refused').end();
  await exporter.forceFlush();
  receiver.answer = { status: 200 };
  tracer.startSpan('taken').end();
  await exporter.forceFlush();
  expect([exporter.delivered, receiver.asked]).toEqual([1, ['/v1/traces', '/v1/traces']]);
});

describe('a batch', () => {
  /** A batch of spans, each with an attribute of so many characters. */
  function batch(tracer: Tracer, exporter: PersistentExporter, sizes: readonly number[]): void {
    const spans = sizes.map((size, at) => tracer.startSpan(`span ${at}`, { attributes: { size, text: 'x'.repeat(size) } }));
    exporter.export(spans as unknown as ReadableSpan[], () => undefined);
  }

  /** An endpoint that takes bodies of so many bytes. */
  async function limitedTo(limitBytes: number) {
    const { receiver, tracer } = await exporting();
    const taken: string[][] = [];
    receiver.answer = (_path, _facts, body) => {
      if (body.length > limitBytes) return { status: 413 };
      taken.push(traceRequest(body).spans.map(({ name }) => name));
      return { status: 200 };
    };
    const exporter = new PersistentExporter({ exporter: exporterTo(receiver.url), lastExporter: exporterTo(receiver.url), limitSpans: 1000 });
    onTestFinished(() => exporter.end());
    return { exporter, tracer, taken };
  }

  test('that is large goes by several requests, each below what receivers take', async () => {
    const { exporter, tracer, taken } = await limitedTo(5_000_000);
    batch(tracer, exporter, Array.from({ length: 20 }, () => 1_000_000));
    await exporter.forceFlush();
    expect(taken.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4]);
    expect([exporter.delivered, taken.flat()]).toEqual([20, Array.from({ length: 20 }, (_, at) => `span ${at}`)]);
  });

  test('that a receiver finds too large is halved, until a span that is too large alone is dropped alone', async () => {
    const { exporter, tracer, taken } = await limitedTo(3000);
    batch(tracer, exporter, [500, 500, 5000, 500, 500, 500, 500, 500]);
    await exporter.forceFlush();
    const others = [0, 1, 3, 4, 5, 6, 7].map((at) => `span ${at}`);
    expect([exporter.delivered, taken.flat()]).toEqual([7, others]);
  });
});

test('what no request can be made of holds nothing up', async () => {
  const { receiver, exporter, tracer } = await exporting({}, PATIENT_MS);
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
