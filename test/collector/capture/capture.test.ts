import { context, propagation, SpanKind, trace } from '@opentelemetry/api';
import type { Tracer } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { AlwaysOffSampler, InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { describe, expect, onTestFinished, test } from 'vitest';
import { memoryStore, TaskSpanProcessor } from '../../../collector/index.ts';
import type { ScopeRecord, TaskStore } from '../../../collector/index.ts';
import { announceTask, continueTask, currentUpdater, runTask, TaskUpdater } from '../../../src/index.ts';
import { diagnosed } from '../../src/support/diagnosed.ts';
import { thrown } from '../../src/support/thrown.ts';

/** @isolated A process reports each cause once. */
interface Processing {
  store: TaskStore;
  processor: TaskSpanProcessor;
  readonly record: (uuid: string) => Promise<Record<string, unknown>>;
  readonly log: (uuid: string) => Promise<string>;
  readonly scopes: (uuid: string) => Promise<ScopeRecord[]>;
}

/** A processor with a store of its own, until the test has finished. No provider has it yet. */
function processing(): Processing {
  const store = memoryStore();
  const processor = new TaskSpanProcessor({ store, beatIntervalMs: 0, retention: false });
  onTestFinished(() => processor.shutdown());
  return {
    store,
    processor,
    async record(uuid) {
      await processor.forceFlush();
      return { ...(await store.task(uuid))! };
    },
    async log(uuid) {
      await processor.forceFlush();
      return (await store.log(uuid))!.text;
    },
    async scopes(uuid) {
      await processor.forceFlush();
      return (await store.scopes(uuid))!.attempts[0]!.scopes;
    },
  };
}

function register(provider: NodeTracerProvider): void {
  provider.register();
  onTestFinished(() => {
    trace.disable();
    context.disable();
    propagation.disable();
  });
}

function exporting(...processors: SpanProcessor[]): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  register(new NodeTracerProvider({ spanProcessors: [...processors, new SimpleSpanProcessor(exporter)] }));
  return exporter;
}

async function nestedTask(): Promise<string> {
  const updater = new TaskUpdater({ taskName: 'T', attributes: { tenant: 'a tenant with a long name' } });
  await updater.scope('Outer', async (outer) => {
    outer.notify('said');
    await outer.scope('Inner', async (inner) => inner.notify('inside'));
  });
  updater.complete();
  return updater.taskUuid;
}

const LOG = '\t - Outer\n\tsaid\n\t - Inner\n\tinside\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\tTask Finished - 1 out of 1 jobs finished\n';
const ANY_TRACE = expect.stringMatching(/^[0-9a-f]{32}$/) as string;

describe('a task is recorded whole', () => {
  test('without any provider, with ids of its own', async () => {
    const { record, log, scopes } = processing();
    const uuid = await nestedTask();
    expect(await log(uuid)).toBe(LOG);
    expect(await record(uuid)).toMatchObject({ state: 'completed', trace_sampled: false, trace_id: ANY_TRACE, facts_missing: 0 });
    expect(await scopes(uuid)).toMatchObject([{ name: 'Outer', scopes: [{ name: 'Inner', scopes: [] }] }]);
  });

  test("beside an application's provider, which makes the spans", async () => {
    const exporter = exporting();
    const { record, log } = processing();
    const uuid = await nestedTask();
    expect(await log(uuid)).toBe(LOG);
    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name }) => name)).toEqual(['Inner', 'Outer', 'T']);
    expect(await record(uuid)).toMatchObject({ trace_sampled: true, trace_id: spans[0]!.spanContext().traceId });
  });

  test.each([
    { attributeValueLengthLimit: 10, attributeCountLimit: 128 },
    { attributeCountLimit: 4 },
    { attributeCountLimit: 0, eventCountLimit: 0, linkCountLimit: 0 },
  ])("under the provider's limits %o", async (spanLimits) => {
    const { record, log, processor } = processing();
    register(new NodeTracerProvider({ spanLimits, spanProcessors: [processor] }));
    const uuid = await nestedTask();
    expect(await log(uuid)).toBe(LOG);
    expect(await record(uuid)).toMatchObject({ task_name: 'T', attributes: { tenant: 'a tenant with a long name' }, jobs: { total: 1, finished: 1 } });
  });

  test('where tracing is suppressed, and so are its announcement and its parts', async () => {
    const { record, processor, scopes } = processing();
    register(new NodeTracerProvider({ spanProcessors: [processor] }));
    await context.with(suppressTracing(context.active()), async () => {
      const queued = await announceTask({ taskName: 'Queued' });
      expect(await record(queued)).toMatchObject({ state: 'queued' });
      const updater = new TaskUpdater({ taskName: 'T' });
      updater.scope('Here', () => continueTask(updater.carrier()).scope('There', (part) => part.notify('elsewhere')));
      updater.complete();
      expect(await record(updater.taskUuid)).toMatchObject({ state: 'completed', trace_sampled: false });
      expect(await scopes(updater.taskUuid)).toMatchObject([{ name: 'Here', scopes: [{ name: 'There', notification_count: 1 }] }]);
    });
  });

  test("by a tracer that wraps the SDK's spans", async () => {
    const { log, processor } = processing();
    const provider = new NodeTracerProvider({ spanProcessors: [processor] });
    register(provider);
    trace.disable();
    trace.setGlobalTracerProvider({ getTracer: (...given) => wrapping(provider.getTracer(...given)) });
    expect(await log(await nestedTask())).toBe(LOG);
  });
});

test.each([
  ['gives no tracer', { getTracer: () => thrown(new Error('no tracer')) }],
  ['gives spans that are none', { getTracer: () => ({ startSpan: () => ({ end: () => undefined }) }) }],
  ['gives spans without ids', { getTracer: () => ({ startSpan: () => ({ isRecording: () => true, spanContext: () => thrown(new Error('no ids')) }) }) }],
])('a provider that %s harms no task', async (_, provider) => {
  const reports = diagnosed();
  trace.setGlobalTracerProvider(provider as never);
  onTestFinished(() => trace.disable());
  const { log } = processing();
  expect(await log(await nestedTask())).toBe(LOG);
  expect(reports.length).toBeLessThanOrEqual(1);
});

/** A tracer whose spans can't be read, written to or extended. */
function wrapping(tracer: Tracer): Tracer {
  const nothing = (): undefined => undefined;
  const startSpan: Tracer['startSpan'] = (...given) => {
    const span = tracer.startSpan(...given);
    const wrapper = {
      spanContext: () => span.spanContext(), isRecording: () => span.isRecording(), end: () => span.end(),
      setAttribute: nothing, setAttributes: nothing, addEvent: nothing, addLink: nothing, addLinks: nothing, setStatus: nothing,
      updateName: nothing, recordException: nothing,
    };
    return Object.freeze(wrapper) as never;
  };
  return { startSpan, startActiveSpan: tracer.startActiveSpan.bind(tracer) as never };
}

describe('who takes a task', () => {
  test('of two processors is the one of its provider', async () => {
    const [one, other] = [processing(), processing()];
    register(new NodeTracerProvider({ spanProcessors: [one.processor] }));
    void new NodeTracerProvider({ spanProcessors: [other.processor] });
    const uuid = await nestedTask();
    expect(await one.record(uuid)).toMatchObject({ state: 'completed' });
    await other.processor.forceFlush();
    expect(await other.store.task(uuid)).toBeUndefined();
  });

  test('that is sampled out are both', async () => {
    const [one, other] = [processing(), processing()];
    register(new NodeTracerProvider({ sampler: new AlwaysOffSampler(), spanProcessors: [one.processor] }));
    const uuid = await nestedTask();
    for (const { log } of [one, other]) expect(await log(uuid)).toBe(LOG);
  });

  test('is decided once: a processor that comes later takes nothing of it', async () => {
    const first = processing();
    const updater = new TaskUpdater({ taskName: 'T' });
    const later = processing();
    register(new NodeTracerProvider({ spanProcessors: [later.processor] }));
    updater.scope('Scope', () => undefined);
    updater.complete();
    expect(await first.record(updater.taskUuid)).toMatchObject({ state: 'completed', jobs: { total: 1 } });
    await later.processor.forceFlush();
    expect(await later.store.task(updater.taskUuid)).toBeUndefined();
  });

  test('is not a processor that was shut down, though its provider calls it', async () => {
    const [closed, other] = [processing(), processing()];
    register(new NodeTracerProvider({ spanProcessors: [closed.processor] }));
    await closed.processor.shutdown();
    const uuid = await nestedTask();
    expect(await other.log(uuid)).toBe(LOG);
  });

  test('is nobody after the processor was shut down, which is reported', async () => {
    const reports = diagnosed();
    const { processor, store } = processing();
    await processor.shutdown();
    const uuid = await nestedTask();
    expect(await store.task(uuid)).toBeUndefined();
    expect(reports).toEqual(['taskspan: a task that begins after its collector was closed is not recorded']);
  });
});

describe('attributes that are set while a task runs', () => {
  test.each([
    ['recorded', {}],
    ['sampled out', { sampler: new AlwaysOffSampler() }],
  ])('on the active span of a task that is %s are in its record, below those of its options', async (_, config) => {
    const { record, scopes, processor } = processing();
    register(new NodeTracerProvider({ ...config, spanProcessors: [processor] }));
    const uuid = runTask('T', (updater) => {
      trace.getActiveSpan()!.setAttribute('rows', 5).setAttributes({ tenant: 'other' }).updateName('renamed');
      updater.scope('Scope', () => void trace.getActiveSpan()!.setAttribute('table', 'customers').updateName('renamed'));
      return updater.taskUuid;
    }, { attributes: { tenant: 'one' } });
    expect(await record(uuid)).toMatchObject({ task_name: 'T', attributes: { tenant: 'one', rows: 5 } });
    expect(await scopes(uuid)).toMatchObject([{ name: 'Scope', attributes: { table: 'customers' } }]);
  });

  test('by setAttribute are in the record at once, and on the span; the last value counts, over the options too', async () => {
    const { record, processor } = processing();
    const exporter = exporting(processor);
    const updater = new TaskUpdater({ taskName: 'T', attributes: { tenant: 'one', order: 1 } });
    updater.setAttribute('order', 2);
    updater.setAttribute('customers', ['Ada', 'Grace']);
    expect(await record(updater.taskUuid)).toMatchObject({ state: 'running', attributes: { tenant: 'one', order: 2, customers: ['Ada', 'Grace'] } });
    updater.setAttribute('order', 3);
    updater.complete();
    const attributes = { tenant: 'one', order: 3, customers: ['Ada', 'Grace'] };
    expect((await record(updater.taskUuid))['attributes']).toEqual(attributes);
    expect(exporter.getFinishedSpans()[0]!.attributes).toMatchObject(attributes);
  });

  test('by setAttribute are redacted and limited as those of the options are', async () => {
    const reports = diagnosed();
    const { record, processor } = processing();
    register(new NodeTracerProvider({ spanProcessors: [processor] }));
    const updater = new TaskUpdater({ taskName: 'T', redact: (text) => text.replaceAll('secret', '***'), limits: { attributes: 2, attributeValue: 10 } });
    updater.setAttribute('a', 'a secret');
    updater.setAttribute('b', 'x'.repeat(11));
    updater.setAttribute('c', 'one too many');
    trace.getActiveSpan()?.setAttribute('unused', 1);
    updater.complete();
    expect((await record(updater.taskUuid))['attributes']).toEqual({ a: 'a ***', b: `${'x'.repeat(10)}… (cut: 11 characters)` });
    expect(reports).toEqual([`taskspan: task ${updater.taskUuid} has 2 attributes already: "c" is dropped`]);
  });

  test.each([
    ['recorded', {}],
    ['sampled out', { sampler: new AlwaysOffSampler() }],
  ])('on the span of a scope that is %s are in its record, however many', async (_, config) => {
    const { scopes, processor } = processing();
    register(new NodeTracerProvider({ ...config, spanProcessors: [processor] }));
    const counts = Array.from({ length: 16 }, (__, count) => count);
    const uuid = runTask('T', (updater) => {
      for (const count of counts) {
        const attributes = Object.fromEntries(counts.slice(0, count).map((at) => [`a${at}`, at]));
        updater.scope('Scope', () => void trace.getActiveSpan()!.setAttributes(attributes));
        updater.scope('Fails', () => { trace.getActiveSpan()!.setAttributes(attributes); throw new Error('no'); }, { suppressException: true });
      }
      return updater.taskUuid;
    });
    const found = (await scopes(uuid)).map(({ attributes }) => Object.keys(attributes).length);
    expect(found).toEqual(counts.flatMap((count) => [count, count]));
  });

  test('on a span are redacted on the span too, so that they are so wherever it arrives', async () => {
    const { record, scopes, processor } = processing();
    const exporter = exporting(processor);
    const uuid = runTask('T', (updater) => {
      trace.getActiveSpan()!.setAttribute('dsn', 'db://secret@host');
      updater.scope('Scope', () => void trace.getActiveSpan()!.setAttribute('dsn', 'db://secret@host'));
      return updater.taskUuid;
    }, { redact: (text) => text.replaceAll('secret', '***') });
    expect(await record(uuid)).toMatchObject({ attributes: { dsn: 'db://***@host' } });
    expect(await scopes(uuid)).toMatchObject([{ attributes: { dsn: 'db://***@host' } }]);
    for (const { attributes } of exporter.getFinishedSpans()) expect(attributes['dsn']).toBe('db://***@host');
  });

  test('on the span of an announcement by another processor are in its record', async () => {
    const { record, processor } = processing();
    const tenant: SpanProcessor = { onStart: (span) => void span.setAttribute('tenant', 'one'), onEnd: () => undefined, forceFlush: async () => undefined, shutdown: async () => undefined };
    exporting(tenant, processor);
    const uuid = await announceTask({ taskName: 'Queued', attributes: { order: 1 } });
    expect(await record(uuid)).toMatchObject({ state: 'queued', attributes: { order: 1, tenant: 'one' } });
  });

  test('by setAttribute need a name of their own', async () => {
    const reports = diagnosed();
    const { record } = processing();
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(() => updater.setAttribute(5 as never, 1)).toThrow('setAttribute: expected the name to be a string, got 5');
    updater.setAttribute('', 1);
    updater.setAttribute('taskspan.outcome', 'completed');
    updater.complete();
    expect(await record(updater.taskUuid)).toMatchObject({ attributes: {}, facts_missing: 0 });
    expect(reports).toEqual([`taskspan: attribute "" of task ${updater.taskUuid} has an empty name, or one that begins with taskspan.: it is left out`]);
  });

  test('by setAttribute after the end, or in a part, are dropped and reported', async () => {
    const reports = diagnosed();
    const { record } = processing();
    const updater = new TaskUpdater({ taskName: 'T' });
    continueTask(updater.carrier()).scope('Part', () => currentUpdater()!.setAttribute('a', 1));
    updater.complete();
    updater.setAttribute('b', 1);
    expect(await record(updater.taskUuid)).toMatchObject({ attributes: {} });
    expect(reports).toEqual([
      'taskspan: setAttribute() in "Part" is dropped: a task\'s attributes are set where the task runs',
      `taskspan: setAttribute() after the end of task ${updater.taskUuid} is dropped`,
    ]);
  });
});

describe('a trace names no parent that was never made', () => {
  test("a user's span inside a suppressed scope is a child of the task span, and the record has the scope all the same", async () => {
    const { scopes, processor } = processing();
    const exporter = exporting(processor);
    const updater = new TaskUpdater({ taskName: 'T' });
    const suppressed = context.with(suppressTracing(context.active()), () => updater.scope('Suppressed'));
    suppressed.scope('Inside', () => trace.getTracer('user').startSpan('user').end());
    suppressed.complete();
    updater.complete();
    const spans = exporter.getFinishedSpans();
    const made = new Set(spans.map((span) => span.spanContext().spanId));
    expect(spans.map(({ name }) => name)).toEqual(['user', 'Inside', 'T']);
    for (const { name, parentSpanContext } of spans) expect(name === 'T' || made.has(parentSpanContext!.spanId)).toBe(true);
    expect(await scopes(updater.taskUuid)).toMatchObject([{ name: 'Suppressed', scopes: [{ name: 'Inside' }] }]);
  });

  test('a carrier has traceparent where a provider made a span, and the ids of the record in any case', async () => {
    const { record } = processing();
    const updater = new TaskUpdater({ taskName: 'T' });
    const carrier = updater.carrier();
    expect(carrier).toEqual({ taskspan: expect.stringContaining(`;record=00-${updater.traceId}-${updater.spanId}-00`) });
    expect(continueTask(carrier).taskUuid).toBe(updater.taskUuid);
    updater.complete();
    expect(await record(updater.taskUuid)).toMatchObject({ trace_id: updater.traceId });
  });

  test('a part of a task that is in no trace is in none, and in its record', async () => {
    const { record, scopes, processor } = processing();
    const untraced = new TaskUpdater({ taskName: 'Untraced' });
    const exporter = exporting(processor);
    continueTask(untraced.carrier()).scope('Part', (part) => part.notify('said'));
    continueTask(untraced.carrier()).child('Child', (child) => child.notify('said'));
    untraced.complete();
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual(['Child']);
    expect(await scopes(untraced.taskUuid)).toMatchObject([{ name: 'Part', notification_count: 1 }, { name: 'Child' }]);
    expect(await record(untraced.taskUuid)).toMatchObject({ state: 'completed', jobs: { finished: 2 } });
  });
});

test('a span of other code that follows the contract is recorded as the SDK has it', async () => {
  const { record, processor } = processing();
  register(new NodeTracerProvider({ spanProcessors: [processor] }));
  const uuid = '0190b1c4-7e5f-7000-8000-000000000009';
  const attributes = { 'taskspan.span': 'task', 'taskspan.task.uuid': uuid, a: 1 };
  trace.getTracer('other').startSpan('Other code', { kind: SpanKind.INTERNAL, attributes }).setAttribute('b', 2).end();
  expect(await record(uuid)).toMatchObject({ task_name: 'Other code', state: 'completed', attributes: { a: 1, b: 2 } });
});
