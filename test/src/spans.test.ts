import { context, propagation, SpanStatusCode, trace } from '@opentelemetry/api';
import type { HrTime } from '@opentelemetry/api';
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-node';
import { describe, expect, test } from 'vitest';
import { createReceiver, memoryStore } from '../../collector/index.ts';
import { TaskUpdater } from '../../src/index.ts';
import { microsOf } from '../../src/clock.ts';
import { worker } from '../../src/worker.ts';
import { traceBody } from '../collector/otlp/receive/otlp-bodies.ts';
import { processor } from './support/processor.ts';
import { exported, recorded } from './support/recorded.ts';
import type { Recorded } from './support/recorded.ts';
import { thrown } from './support/thrown.ts';
import { turn } from './support/turn.ts';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

describe('the tree of spans', () => {
  test('is the tree of scopes, in one trace', async () => {
    const { spans } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    await updater.scope('A', async () => {
      await updater.scope('B', async (b) => {
        await turn();
        b.scope('C', () => undefined);
      });
      await Promise.all([updater.scope('D', turn), updater.scope('E', turn)]);
    });
    updater.scope('F', () => undefined);
    updater.complete();
    expect(parentsOf(await spans())).toEqual({ A: 'T', B: 'A', C: 'B', D: 'A', E: 'A', F: 'T', T: undefined });
    expect(new Set((await spans()).map((span) => span.spanContext().traceId))).toEqual(new Set([updater.traceId]));
  });

  test('is a child of the span that was active when the task began', async () => {
    const { spans } = recorded();
    trace.getTracer('user').startActiveSpan('request', (request) => {
      new TaskUpdater({ taskName: 'T' }).complete();
      request.end();
    });
    expect(parentsOf(await spans())).toEqual({ T: 'request', request: undefined });
  });

  test.each([true, false])('of a scope outside the code of its task is a child of the task span, whatever began before it (%s)', async (first) => {
    const { spans } = recorded();
    trace.getTracer('user').startActiveSpan('request', (request) => {
      const inRequest = context.active();
      const updater = new TaskUpdater({ taskName: 'T' });
      if (first) updater.scope('outside', () => undefined);
      updater.run(() => context.with(inRequest, () => updater.scope('inside', () => undefined)));
      if (!first) updater.scope('outside', () => undefined);
      updater.complete();
      request.end();
    });
    expect(parentsOf(await spans())).toEqual({ 'outside': 'T', 'inside': 'request', T: 'request', request: undefined });
  });

  test("a user's own span between two scopes is the parent span, and the scope stays the parent scope", async () => {
    const { spans, span, attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Outer', () => {
      trace.getTracer('user').startActiveSpan('query', (query) => {
        updater.scope('Inner', () => undefined);
        query.end();
      });
    });
    updater.complete();
    expect(parentsOf(await spans())).toEqual({ Inner: 'query', query: 'Outer', Outer: 'T', T: undefined });
    const outer = await span('Outer');
    expect((await span('Inner')).attributes['taskspan.scope.parent']).toBe(outer.spanContext().spanId);
    expect((await attempts(updater))[0]!.scopes).toMatchObject([
      { name: 'Outer', heading: true, scopes: [{ name: 'Inner', heading: false }] },
    ]);
  });

  test('a scope that is opened in other code is a child of its own parent', async () => {
    const { spans } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const [one, two] = [updater.scope('One'), updater.scope('Two')];
    one.run(() => {
      trace.getTracer('user').startActiveSpan('query', (query) => {
        two.scope('Of two', () => undefined);
        query.end();
      });
    });
    one.complete();
    two.complete();
    expect(parentsOf(await spans())).toMatchObject({ 'Of two': 'Two', query: 'One' });
  });

  test('the active span is that of the innermost scope, and for a block opened by using that of run', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const active = (): string | undefined => trace.getActiveSpan()?.spanContext().spanId;
    expect(active()).toBeUndefined();
    expect(updater.run(active)).toBe(updater.spanId);
    const inner = updater.scope('Outer', () => [active(), updater.scope('Inner', active), active()]);
    expect(inner![0]).toBe(inner![2]);
    expect(new Set([...inner!, updater.spanId, undefined]).size).toBe(4);
    using block = updater.scope('Block');
    expect(active()).toBeUndefined();
    expect(block.run(active)).toMatch(/^[0-9a-f]{16}$/);
    block.complete();
    expect(active()).toBeUndefined();
  });

  test("spans of other instrumentation inside the task have no effect on it", async () => {
    const { spans, record, attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => {
      trace.getTracer('http').startActiveSpan('GET', (span) => {
        span.addEvent('taskspan.notification', { 'taskspan.message': 'not ours', 'taskspan.seq': 1 });
        span.recordException(new Error('not ours'));
        span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      });
    });
    updater.insertFinalUpdate();
    expect(await record(updater)).toMatchObject({
      status: 1,
      jobs: { total: 1, finished: 1 },
      log: '\t - Job\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\tTask Finished - 1 out of 1 jobs finished\n',
    });
    expect((await attempts(updater))[0]!.scopes).toMatchObject([{ name: 'Job', heading: false, scopes: [] }]);
    expect(parentsOf(await spans())).toEqual({ GET: 'Job', Job: 'T', T: undefined });
  });

  test('keeps baggage as it is and adds nothing to it', () => {
    recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const baggage = propagation.createBaggage({ user: { value: 'u1' } });
    const seen = context.with(propagation.setBaggage(context.active(), baggage), () =>
      updater.scope('Job', () => propagation.getActiveBaggage()?.getAllEntries()),
    );
    expect(seen).toEqual([['user', { value: 'u1' }]]);
    expect(updater.scope('Job', () => propagation.getActiveBaggage())).toBeUndefined();
  });
});

describe('a span', () => {
  test('of a task has the attributes of the wire contract from its start', async () => {
    const { started } = startedSpans();
    const updater = new TaskUpdater({ taskName: 'T', taskUuid: UUID.toUpperCase(), attempt: 2, attributes: { a: 1 } });
    expect(started).toEqual([
      {
        'taskspan.span': 'task',
        'taskspan.task.uuid': UUID,
        'taskspan.task.name': 'T',
        'taskspan.task.attempt': 2,
        'taskspan.worker.id': worker.id,
        'taskspan.worker.cancellable': true,
        'taskspan.worker.interval_ms': worker.intervalMs,
        'taskspan.outcome': '',
        'taskspan.heading': false,
        'taskspan.facts': 0,
        'taskspan.error': '',
        'taskspan.exception': '',
        'taskspan.exception.span': '',
        'taskspan.jobs.total': 0,
        'taskspan.jobs.finished': 0,
        'taskspan.jobs.failed': 0,
        a: 1,
      },
    ]);
    updater.complete();
  });

  test('of a scope has the attributes of the wire contract from its start', async () => {
    const { started } = startedSpans();
    const updater = new TaskUpdater({ taskName: 'T', taskUuid: UUID });
    updater.scope('Job', () => undefined);
    expect(started[1]).toEqual({
      'taskspan.name': 'Job',
      'taskspan.span': 'scope',
      'taskspan.task.uuid': UUID,
      'taskspan.task.name': 'T',
      'taskspan.task.attempt': 1,
      'taskspan.task.span': updater.spanId,
      'taskspan.scope.parent': updater.spanId,
      'taskspan.outcome': '',
      'taskspan.heading': false,
      'taskspan.facts': 0,
    });
  });

  test('of a successful scope has its outcome and fact count at the end, and no status', async () => {
    const { span } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', (job) => {
      job.notify('one');
      job.notify('two');
    });
    const { attributes, status, events } = await span('Job');
    expect(attributes).toMatchObject({
      'taskspan.outcome': 'completed',
      'taskspan.heading': false,
      'taskspan.facts': 3,
    });
    for (const absent of ['taskspan.error', 'error.type']) expect(attributes).not.toHaveProperty(absent);
    expect(status).toEqual({ code: SpanStatusCode.UNSET });
    expect(events.map(({ name, attributes: own }) => [name, own])).toEqual([
      ['taskspan.notification', { 'taskspan.message': 'one', 'taskspan.seq': 1 }],
      ['taskspan.notification', { 'taskspan.message': 'two', 'taskspan.seq': 2 }],
    ]);
  });

  test('of a failed scope has an error status with the message and an exception event', async () => {
    const { span } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const error = Object.assign(new TypeError('no such file'), { code: 'ENOENT' });
    updater.scope('Job', () => thrown(error));
    const { attributes, status, events } = await span('Job');
    expect(attributes).toMatchObject({
      'taskspan.outcome': 'failed',
      'taskspan.error': 'TypeError',
      'error.type': 'TypeError',
      'taskspan.facts': 2,
    });
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'no such file' });
    expect(events).toMatchObject([
      {
        name: 'exception',
        attributes: {
          'exception.type': 'TypeError',
          'exception.message': 'no such file',
          'exception.stacktrace': error.stack,
          'taskspan.seq': 1,
        },
      },
    ]);
  });

  test('of a heading that rethrows an error has its status, and no exception of its own', async () => {
    const { span } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Heading', (heading) => {
      heading.scope('Job', () => thrown(new RangeError('no')), { suppressException: false });
    });
    const { attributes, status, events } = await span('Heading');
    expect(attributes).toMatchObject({ 'taskspan.outcome': 'failed', 'taskspan.heading': true });
    for (const absent of ['taskspan.error', 'error.type']) expect(attributes).not.toHaveProperty(absent);
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'no' });
    expect(events).toEqual([]);
  });

  test('of a task has the task\'s outcome at its end', async () => {
    const { span } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.setResult({ rows: 1 });
    updater.scope('Works', () => undefined);
    updater.scope('Breaks', () => thrown(new RangeError('no')));
    updater.scope('Open');
    updater.insertFinalUpdate();
    const { attributes, status, events } = await span('T');
    expect(attributes).toMatchObject({
      'taskspan.outcome': 'failed',
      'taskspan.heading': true,
      'taskspan.error': '',
      'taskspan.exception': 'no',
      'taskspan.facts': 2,
      'taskspan.jobs.total': 3,
      'taskspan.jobs.finished': 1,
      'taskspan.jobs.failed': 1,
    });
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: 'no' });
    expect(events).toMatchObject([
      { name: 'taskspan.result', attributes: { 'taskspan.result': '{"rows":1}', 'taskspan.seq': 1 } },
    ]);
  });

  test('has progress and plan as events', async () => {
    const { span } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.plan({ Read: 1, Write: 2 });
    updater.plan(['ignored']);
    updater.progress(1, 4);
    updater.run(() => updater.progress(2));
    updater.complete();
    expect((await span('T')).events.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['taskspan.plan', { 'taskspan.plan': '{"Read":1,"Write":2}', 'taskspan.seq': 1 }],
      ['taskspan.progress', { 'taskspan.done': 1, 'taskspan.total': 4, 'taskspan.seq': 2 }],
      ['taskspan.progress', { 'taskspan.done': 2, 'taskspan.seq': 3 }],
    ]);
  });

  test('belongs to the instrumentation scope taskspan, whose version is that of the wire contract', async () => {
    const { span } = recorded();
    new TaskUpdater({ taskName: 'T' }).complete();
    expect((await span('T')).instrumentationScope).toMatchObject({ name: 'taskspan', version: '1.2.0' });
  });

  test('has its end although the user has filled it with attributes', async () => {
    const { span, spans, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T', attributes: many(200, 'task') });
    updater.scope('Job', (job) => {
      trace.getActiveSpan()!.setAttributes(many(200, 'scope'));
      job.scope('Inside', () => undefined);
      throw new Error('no');
    });
    updater.run(() => trace.getActiveSpan()!.setAttributes(many(200, 'more')));
    updater.insertFinalUpdate();
    const [task, job] = [await span('T'), await span('Job')];
    expect(task.droppedAttributesCount).toBeGreaterThan(0);
    expect(job.droppedAttributesCount).toBeGreaterThan(0);
    expect(job.attributes).toMatchObject({
      'taskspan.outcome': 'failed',
      'taskspan.heading': true,
      'taskspan.facts': 2,
    });
    expect(task.attributes).toMatchObject({
      'taskspan.outcome': 'failed',
      'taskspan.exception': 'no',
      'taskspan.jobs.total': 2,
    });
    expect(await record(updater)).toMatchObject({ state: 'failed', exception: 'no', jobs: { total: 2, failed: 1 } });
    const store = memoryStore();
    const body = traceBody('json', await spans());
    await createReceiver({ store }).request('/v1/traces', { method: 'POST', body, headers: { 'Content-Type': 'application/json' } });
    const [attempt] = (await store.scopes(updater.taskUuid))!.attempts;
    expect(attempt!.scopes).toMatchObject([{ name: 'Job', outcome: 'failed', heading: true, error: 'Error: no' }]);
  });

  test('has a notification although that has more attributes than an event may have', async () => {
    const { span, attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T', limits: { attributes: 200 } });
    updater.scope('Job', (job) => job.notify('full', many(200, 'event')));
    const [event] = (await span('Job')).events;
    expect(event!.droppedAttributesCount).toBeGreaterThan(0);
    expect(event!.attributes).toMatchObject({ 'taskspan.message': 'full', 'taskspan.seq': 1 });
    const [job] = (await attempts(updater))[0]!.scopes;
    expect(Object.keys(job!.notifications[0]!.attributes!)).toHaveLength(200);
  });

  test("does not let a user's attribute replace the message of a notification", async () => {
    const { span, log } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', (job) => job.notify('true', { 'taskspan.message': 'false', 'taskspan.seq': 9 }));
    expect((await span('Job')).events[0]!.attributes).toEqual({ 'taskspan.message': 'true', 'taskspan.seq': 1 });
    expect(await log(updater)).toContain('\ttrue\n');
  });

  test('keeps its last 128 events, and the record all of them', async () => {
    const { span, log, attempts } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', (job) => {
      for (let at = 1; at <= 1000; at++) job.notify(`line ${at}`);
    });
    const { events, droppedEventsCount, attributes } = await span('Job');
    expect([events.length, droppedEventsCount, attributes['taskspan.facts']]).toEqual([128, 872, 1001]);
    expect((await log(updater)).match(/line \d+/g)).toEqual(Array.from({ length: 1000 }, (_, at) => `line ${at + 1}`));
    expect((await attempts(updater))[0]!.scopes[0]!.notification_count).toBe(1000);
  });
});

describe('times', () => {
  test('strictly increase from start to end, and no scope reaches beyond its parent', async () => {
    const { spans } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    const parts = [0, 1, 2, 3, 4].map((at) =>
      updater.scope(`Part ${at}`, async (part) => {
        for (let step = 0; step < 20; step++) {
          part.scope(`Step ${at}.${step}`, (inner) => inner.notify('here'));
          if (step % at === 0) await turn();
        }
      }),
    );
    await Promise.all(parts);
    updater.complete();
    const ended = await spans();
    expect(ended).toHaveLength(106);
    const timesOf = ({ startTime, endTime, events }: ReadableSpan): number[] =>
      [startTime, ...events.map(({ time }) => time), endTime].map(microsOf);
    const times = ended.flatMap(timesOf);
    expect(new Set(times).size).toBe(times.length);
    const byId = new Map(ended.map((span) => [span.spanContext().spanId, span]));
    for (const span of ended) {
      const own = timesOf(span);
      expect(own).toEqual(own.toSorted((one, other) => one - other));
      const parent = byId.get(span.parentSpanContext?.spanId ?? '');
      if (parent === undefined) continue;
      expect(isBefore(parent.startTime, span.startTime)).toBe(true);
      expect(isBefore(span.endTime, parent.endTime)).toBe(true);
    }
  });

  test('are those of the record', async () => {
    const { span, record } = recorded();
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.complete();
    const { startTime, endTime } = await span('T');
    const { start, end, updated } = await record(updater);
    expect([start, end]).toEqual([startTime, endTime].map(isoOf));
    expect(updated).toBe(end);
  });
});

describe('sampling', () => {
  test('that drops the trace leaves the record whole', async () => {
    const { spans, record } = recorded({ sampler: new AlwaysOffSampler() });
    const updater = new TaskUpdater({ taskName: 'T' });
    updater.scope('Job', () => updater.notify('here'));
    updater.insertFinalUpdate();
    expect(await spans()).toEqual([]);
    expect(await record(updater)).toMatchObject({ status: 1, jobs: { total: 1, finished: 1 }, trace_sampled: false });
    expect((await record(updater)).log).toContain('\there\n');
  });

  test('that drops the trace changes nothing for the task', async () => {
    const { spans } = exported({ sampler: new AlwaysOffSampler() });
    const updater = new TaskUpdater({ taskName: 'T' });
    expect(updater.scope('Job', (job) => job.scope('Inside', () => 42))).toBe(42);
    updater.scope('Breaks', () => thrown(new Error('no')));
    expect(() => updater.raiseLatestException()).toThrow('no');
    expect(await spans()).toEqual([]);
  });
});

function many(count: number, prefix: string): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, at) => [`${prefix}.${at}`, at]));
}

/** The name of each span's parent, by the span's name. */
function parentsOf(spans: ReadableSpan[]): Record<string, string | undefined> {
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
  return Object.fromEntries(spans.map((span) => [span.name, names.get(span.parentSpanContext?.spanId ?? '')]));
}

/** The attributes that spans have when they start. */
function startedSpans(): Recorded & { started: object[] } {
  const started: object[] = [];
  const recording = recorded({
    after: [processor({ onStart: (span) => void started.push({ ...span.attributes }) })],
  });
  return { ...recording, started };
}

function isBefore(one: HrTime, other: HrTime): boolean {
  return microsOf(one) < microsOf(other);
}

function isoOf(time: HrTime): string {
  const [seconds, nanos] = time;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos / 1000).padStart(6, '0')}Z`;
}
