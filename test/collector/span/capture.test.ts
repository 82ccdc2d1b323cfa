import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import type { Tracer } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { AlwaysOffSampler, InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { expect, onTestFinished, test } from 'vitest';
import { createReceiver, memoryStore, TaskSpanProcessor } from '../../../collector/index.ts';
import type { TaskStore } from '../../../collector/index.ts';
import { announceTask, continueTask, runTask, TaskUpdater } from '../../../src/index.ts';
import { traceBody } from '../otlp/otlp-bodies.ts';

function processing(): { store: TaskStore; processor: TaskSpanProcessor; summary: (uuid: string) => Promise<Record<string, unknown>>; log: (uuid: string) => Promise<string> } {
  const store = memoryStore();
  const processor = new TaskSpanProcessor({ store, beatIntervalMs: 0, retention: false });
  onTestFinished(() => processor.shutdown());
  return {
    store,
    processor,
    async summary(uuid) {
      await processor.forceFlush();
      return JSON.parse((await store.task(uuid))!.summary) as Record<string, unknown>;
    },
    async log(uuid) {
      await processor.forceFlush();
      return (await store.log(uuid))!.text;
    },
  };
}

function registered(provider: NodeTracerProvider): void {
  provider.register();
  onTestFinished(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });
}

async function seedTask(): Promise<string> {
  const updater = new TaskUpdater({ taskName: 'T', attributes: { tenant: 'a tenant with a long name' } });
  await updater.scope('Outer', async (outer) => {
    outer.notify('said');
    await outer.scope('Inner', async (inner) => inner.notify('inside'));
  });
  updater.complete();
  return updater.taskUuid;
}

const LOG = '\t - Outer\n\tsaid\n\t - Inner\n\tinside\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\tTask Finished - 1 out of 1 jobs finished\n';

test('without any provider a task is recorded whole, with ids of its own', async () => {
  const { summary, log, store } = processing();
  const uuid = await seedTask();
  expect(await log(uuid)).toBe(LOG);
  expect(await summary(uuid)).toMatchObject({ state: 'completed', trace_sampled: false, trace_id: expect.stringMatching(/^[0-9a-f]{32}$/), facts_missing: 0 });
  const [attempt] = (await store.scopes(uuid))!.attempts;
  expect(attempt!.scopes).toMatchObject([{ name: 'Outer', scopes: [{ name: 'Inner', scopes: [] }] }]);
});

test("a provider that somebody else registered makes the spans, and the record has their ids", async () => {
  const exporter = new InMemorySpanExporter();
  registered(new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  const { summary, log } = processing();
  const uuid = await seedTask();
  expect(await log(uuid)).toBe(LOG);
  const spans = exporter.getFinishedSpans();
  expect(spans.map(({ name }) => name)).toEqual(['Inner', 'Outer', 'T']);
  expect(await summary(uuid)).toMatchObject({ trace_sampled: true, trace_id: spans[0]!.spanContext().traceId });
});

test.each([
  { attributeValueLengthLimit: 10, attributeCountLimit: 128 },
  { attributeCountLimit: 4 },
  { attributeCountLimit: 0, eventCountLimit: 0, linkCountLimit: 0 },
])('under the limits %o the record is whole', async (spanLimits) => {
  const { summary, log, processor } = processing();
  registered(new NodeTracerProvider({ spanLimits, spanProcessors: [processor] }));
  const uuid = await seedTask();
  expect(await log(uuid)).toBe(LOG);
  expect(await summary(uuid)).toMatchObject({ task_name: 'T', attributes: { tenant: 'a tenant with a long name' }, jobs: { total: 1, finished: 1 } });
});

test.each([
  ['recorded', undefined],
  ['sampled out', new AlwaysOffSampler()],
])('what is set on the active span of a task that is %s is in its record', async (_, sampler) => {
  const { summary, processor } = processing();
  registered(new NodeTracerProvider({ ...(sampler && { sampler }), spanProcessors: [processor] }));
  let uuid = '';
  runTask('T', (updater) => {
    uuid = updater.taskUuid;
    trace.getActiveSpan()!.setAttribute('rows', 5).setAttributes({ tenant: 'other' }).updateName('renamed');
    updater.scope('Scope', () => void trace.getActiveSpan()!.setAttribute('of the scope', 1));
  }, { attributes: { tenant: 'one' } });
  expect(await summary(uuid)).toMatchObject({ task_name: 'T', attributes: { tenant: 'one', rows: 5 } });
});

test('a span that was renamed and got attributes gives the same record here and where it is received', async () => {
  const exporter = new InMemorySpanExporter();
  const { summary, log, processor } = processing();
  registered(new NodeTracerProvider({ spanProcessors: [processor, new SimpleSpanProcessor(exporter)] }));
  let uuid = '';
  runTask('T', (updater) => {
    uuid = updater.taskUuid;
    trace.getActiveSpan()!.setAttribute('rows', 5).updateName('GET /other');
    updater.scope('Scope', () => void trace.getActiveSpan()!.updateName('renamed'));
  }, { attributes: { tenant: 'one' } });
  const there = memoryStore();
  const body = traceBody('json', exporter.getFinishedSpans());
  await createReceiver({ store: there }).request('/v1/traces', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
  expect(JSON.parse((await there.task(uuid))!.summary)).toEqual(await summary(uuid));
  expect((await there.log(uuid))!.text).toBe(await log(uuid));
});

test('a task that two providers could take goes to the processor of its own', async () => {
  const [one, other] = [processing(), processing()];
  registered(new NodeTracerProvider({ spanProcessors: [one.processor] }));
  void new NodeTracerProvider({ spanProcessors: [other.processor] });
  const uuid = await seedTask();
  expect(await one.summary(uuid)).toMatchObject({ state: 'completed' });
  await other.processor.forceFlush();
  expect(await other.store.task(uuid)).toBeUndefined();
});

test('where tracing is suppressed a task, its announcement and a part are recorded', async () => {
  const { summary, processor, store } = processing();
  registered(new NodeTracerProvider({ spanProcessors: [processor] }));
  await context.with(suppressTracing(context.active()), async () => {
    const queued = announceTask({ taskName: 'Queued' });
    expect(await summary(queued)).toMatchObject({ state: 'queued' });
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Here', () => continueTask(updater.carrier()).scope('There', (part) => part.notify('elsewhere')));
    updater.complete();
    expect(await summary(updater.taskUuid)).toMatchObject({ state: 'completed', trace_sampled: false });
    const [attempt] = (await store.scopes(updater.taskUuid))!.attempts;
    expect(attempt!.scopes).toMatchObject([{ name: 'Here', scopes: [{ name: 'There', notification_count: 1 }] }]);
  });
});

test("a tracer that gives a wrapper in place of the SDK's span changes nothing", async () => {
  const { log, processor } = processing();
  const provider = new NodeTracerProvider({ spanProcessors: [processor] });
  registered(provider);
  trace.disable();
  const wrapped = (tracer: Tracer): Tracer => ({
    startSpan: (...given) => {
      const span = tracer.startSpan(...given);
      return Object.freeze({
        spanContext: () => span.spanContext(), isRecording: () => span.isRecording(), end: (time?: never) => span.end(time),
        setAttribute: (...a: Parameters<typeof span.setAttribute>) => void span.setAttribute(...a), setAttributes: () => undefined,
        addEvent: () => undefined, addLink: () => undefined, addLinks: () => undefined, setStatus: () => undefined, updateName: () => undefined, recordException: () => undefined,
      }) as never;
    },
    startActiveSpan: tracer.startActiveSpan.bind(tracer) as never,
  });
  trace.setGlobalTracerProvider({ getTracer: (...given) => wrapped(provider.getTracer(...given)) });
  expect(await log(await seedTask())).toBe(LOG);
});

test('a span that keeps the contract without an updater is recorded as the SDK has it', async () => {
  const { summary, processor } = processing();
  registered(new NodeTracerProvider({ spanProcessors: [processor] }));
  const uuid = '0190b1c4-7e5f-7000-8000-000000000009';
  const span = trace.getTracer('by hand').startSpan('By hand', { kind: SpanKind.INTERNAL, attributes: { 'taskspan.span': 'task', 'taskspan.task.uuid': uuid, a: 1 } });
  span.setAttribute('b', 2).end();
  expect(await summary(uuid)).toMatchObject({ task_name: 'By hand', state: 'completed', attributes: { a: 1, b: 2 } });
});
