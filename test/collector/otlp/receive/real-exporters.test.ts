import { context, propagation, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter as JsonLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPLogExporter as ProtobufLogExporter } from '@opentelemetry/exporter-logs-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchLogRecordProcessor, LoggerProvider } from '@opentelemetry/sdk-logs';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { serveTasks } from '../../../../collector/server/serve-tasks.ts';
import { createReceiver, memoryStore, sqliteStore, TaskSpanProcessor } from '../../../../collector/index.ts';
import type { TaskStore } from '../../../../collector/index.ts';
import { logRecordOf } from '../../../../collector/facts/log-record.ts';
import { hrTimeOf } from '../../../../src/clock.ts';
import { runTask, TaskUpdater } from '../../../../src/index.ts';
import { temporaryFolder } from '../../../support/node-process.ts';
import { seedExample } from '../../record/seed-example.ts';
import { wholeOf } from '../../store/expected-task.ts';

afterEach(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

async function receiving(): Promise<{ store: TaskStore; url: string }> {
  const store = sqliteStore(`${await temporaryFolder()}/taskspan.sqlite`);
  const server = await serveTasks({ app: createReceiver({ store }), port: 0 });
  onTestFinished(async () => {
    await server.close();
    await store.close();
  });
  return { store, url: server.url };
}

/** One flush of ours ends after two seconds, also where a loaded machine has not committed all by then. */
async function flushed(provider: NodeTracerProvider): Promise<void> {
  for (let tries = 0; tries < 5; tries++) await provider.forceFlush();
}

/** As in the seed: a failing job, notifications, a result, attributes of all kinds, a span of other code in between. */
function runSeed(): string {
  const updater = new TaskUpdater({ taskName: 'TEST', attributes: { queue: 'müll ✓', tries: 3, ratio: 0.5, tags: ['a', 'b'], dry: false } });
  updater.scope('TEST - First part', () => updater.notify('Some notification', { rows: 12 }));
  updater.scope('TEST - Second part', (part) => {
    part.plan(2);
    trace.getTracer('another library').startActiveSpan('SELECT', (span) => {
      part.scope('My subtask 1', (scope) => scope.progress(3, 4));
      span.end();
    });
    part.scope('My subtask 2', () => {
      throw new RangeError('division by zero');
    });
  });
  updater.setResult({ rows: 12 });
  updater.insertFinalUpdate();
  return updater.taskUuid;
}

describe.each([
  ['in Protocol Buffers', ProtobufTraceExporter],
  ['in JSON', JsonTraceExporter],
] as const)('spans of the JavaScript exporter %s', (_, Exporter) => {
  it.each(['none', 'gzip'])('give the record and log that they have in process, with compression %s', async (compression) => {
    const { store, url } = await receiving();
    const here = memoryStore();
    const exporter = new Exporter({ url: `${url}/v1/traces`, compression: compression as never });
    const provider = new NodeTracerProvider({
      spanProcessors: [new TaskSpanProcessor({ store: here }), new BatchSpanProcessor(exporter, { scheduledDelayMillis: 60_000 })],
    });
    provider.register();
    const uuid = runSeed();
    await flushed(provider);
    const [sent, inProcess] = [await wholeOf(store, uuid), await wholeOf(here, uuid)];
    expect({ ...sent, version: 1 }).toEqual({ ...inProcess, version: 1 });
    expect((await store.stored(uuid))!.summary).toBe((await here.stored(uuid))!.summary);
    expect(sent.state).toBe('failed');
    await provider.shutdown();
  });

  it('of a task that fails by its own error give the very record too', async () => {
    const { store, url } = await receiving();
    const here = memoryStore();
    const provider = new NodeTracerProvider({
      spanProcessors: [new TaskSpanProcessor({ store: here }), new BatchSpanProcessor(new Exporter({ url: `${url}/v1/traces` }))],
    });
    provider.register();
    let uuid = '';
    const run = (): unknown =>
      runTask('fails', (updater) => {
        uuid = updater.taskUuid;
        throw new RangeError('no rows');
      });
    expect(run).toThrow('no rows');
    await flushed(provider);
    expect((await store.stored(uuid))!.summary).toBe((await here.stored(uuid))!.summary);
    await provider.shutdown();
  });
});

describe.each([
  ['in Protocol Buffers', ProtobufLogExporter],
  ['in JSON', JsonLogExporter],
] as const)('log records of the JavaScript exporter %s', (_, Exporter) => {
  it('give the record and log of their facts, and all other log records are ignored', async () => {
    const { store, url } = await receiving();
    const here = memoryStore();
    const { uuid, facts } = seedExample();
    await here.append(facts);
    const provider = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: new Exporter({ url: `${url}/v1/logs` }) })] });
    const logger = provider.getLogger('taskspan');
    logger.emit({ body: 'a log record of another library', severityNumber: SeverityNumber.INFO });
    for (const fact of facts) {
      const { eventName, traceId, spanId, time, attributes, sampled } = logRecordOf(fact);
      const spanContext = { traceId, spanId, traceFlags: sampled ? 1 : 0 };
      logger.emit({
        eventName,
        timestamp: hrTimeOf(time),
        attributes,
        context: trace.setSpanContext(context.active(), spanContext),
      });
    }
    await provider.forceFlush();
    const [sent, inProcess] = [await wholeOf(store, uuid), await wholeOf(here, uuid)];
    expect(sent).toEqual(inProcess);
    await provider.shutdown();
  });
});
