import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { celeryFacts } from '../../../../collector/otlp/adapters/celery.ts';
import { TraceParents } from '../../../../collector/otlp/adapters/trace-parents.ts';
import type { OtlpSpan } from '../../../../collector/otlp/receive/otlp-items.ts';
import type { TaskSummary } from '../../../../src/task-record.ts';
import type { Fact, TaskStart } from '../../../../src/fact.ts';
import { memoryStore } from '../../../../collector/store/sqlite/sqlite-store.ts';
import { recordedSpans } from './recorded-spans.ts';

/** Of a worker of Celery 5.7 and a publisher of its tasks, by OpenTelemetry's instrumentation 0.66b2. */
const SPANS = recordedSpans('./celery.json');

const FAILING = 'ff4146ee-0c0a-4392-9610-b6ed874c426f';
const RETRIED = '5df7d24f-0852-4b34-96e7-4f577861507d';
const GIVEN_UP = '5d8d0851-4442-486c-800a-bbdbd44f9aef';
const EXPECTED = 'e6740882-5a60-4b3c-9d89-8a6b111dad64';
const IGNORED = 'f0e74ffc-4653-4af8-baa7-f15ade5ebcf3';
const REJECTED = 'd50847c4-79f9-46e0-9378-04a4ab784acb';

async function recordOf(spans: readonly OtlpSpan[], uuid: string): Promise<TaskSummary & { log: string }> {
  await using store = memoryStoreToDispose();
  await store.append(spans.flatMap(celeryFacts));
  const [task, log] = await Promise.all([store.stored(uuid), store.log(uuid)]);
  if (task === undefined) throw new Error(`no task ${uuid}`);
  return { ...(JSON.parse(task.summary) as TaskSummary), log: log?.text ?? '' };
}

function memoryStoreToDispose() {
  const store = memoryStore();
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() });
}

const spanOf = (name: string): OtlpSpan => SPANS.find((span) => span.name === name)!;
/** A run without a state of Celery. */
const untold = (change: Partial<OtlpSpan>): OtlpSpan => {
  const { 'celery.state': _, ...attributes } = spanOf('run/tasks.div').attributes;
  return { ...spanOf('run/tasks.div'), events: [], failed: false, message: '', attributes, ...change };
};

describe('a Celery task', () => {
  it('is queued while it is only published', async () => {
    const published = SPANS.filter(({ name }) => name.startsWith('apply_async/'));
    expect(await recordOf(published, FAILING)).toMatchObject({ task_name: 'tasks.div', state: 'queued', attempt: 0, start: null, log: '' });
  });

  it('has the UUID and the name that Celery knows it by, and its error', async () => {
    expect(await recordOf(SPANS, FAILING)).toMatchObject({
      task_uuid: FAILING,
      task_name: 'tasks.div',
      state: 'failed',
      finished: true,
      status: 0,
      exception: 'division by zero',
      attempt: 1,
      start: '2026-11-24T17:52:11.452590Z',
      facts_missing: 0,
      log: `\t - tasks.div
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
ZeroDivisionError: division by zero
\tTask Finished
`,
    });
  });

  it.each([-5_000_000, 0])('is whole where the clock of its worker was set back, by the end %i µs after the start', async (after) => {
    const span = SPANS.find(({ attributes, events }) => attributes['messaging.message.id'] === FAILING && events.length > 0)!;
    const events = span.events.map((event) => ({ ...event, time: span.start + 1_000_000 }));
    const { start, end, log } = await recordOf([{ ...span, events, end: span.start + after }], FAILING);
    expect(end).toBe(start);
    expect(log).toBe((await recordOf([span], FAILING)).log);
  });

  it('is one task in all of its attempts', async () => {
    expect(await recordOf(SPANS, RETRIED)).toMatchObject({ state: 'completed', attempt: 3, exception: '', status: 1 });
    expect((await recordOf(SPANS, RETRIED)).log).toBe(`\
\t - tasks.flaky
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
Retry: Retry in 1s: ValueError('not yet')
\tTask Finished
\tAttempt 2
\t - tasks.flaky
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
Retry: Retry in 1s: ValueError('not yet')
\tTask Finished
\tAttempt 3
\tTask Finished
`);
  });

  it('has failed when it is not tried again', async () => {
    expect(await recordOf(SPANS, GIVEN_UP)).toMatchObject({ state: 'failed', attempt: 2, exception: "'gone'" });
  });

  it('has failed by an error that it was expected to throw', async () => {
    expect(await recordOf(SPANS, EXPECTED)).toMatchObject({ state: 'failed', exception: 'expected one' });
  });

  it('has ended well when Celery is to ignore what became of it, and is cancelled when it was rejected', async () => {
    expect(await recordOf(SPANS, IGNORED)).toMatchObject({ state: 'completed' });
    expect(await recordOf(SPANS, REJECTED)).toMatchObject({ state: 'cancelled', status: 0 });
  });

  it('has a UUID made of its id where that is no UUID, the same for its message and its runs', () => {
    const named = SPANS.filter(({ attributes }) => attributes['messaging.message.id'] === 'order 17').flatMap(celeryFacts);
    expect(named.map(({ kind }) => kind)).toEqual(['task-announced', 'task-start', 'task-end']);
    // As Python makes it: uuid5(uuid5(JOB_NAMESPACE, 'celery'), 'order 17').
    expect([...new Set(named.map(({ span }) => span.taskUuid))]).toEqual([ORDER_17]);
  });

  it('is the same task by an instrumentation before version 0.41', async () => {
    const older = SPANS.map((span): OtlpSpan => {
      const { 'messaging.message.id': id, ...attributes } = span.attributes;
      return { ...span, attributes: { ...attributes, 'messaging.message_id': id } };
    });
    const { attributes, ...record } = await recordOf(older, RETRIED);
    expect(attributes).toMatchObject({ 'messaging.message_id': RETRIED });
    expect(record).toEqual({ ...(await recordOf(SPANS, RETRIED)), attributes: undefined });
  });

  it('has timed out by a soft time limit', async () => {
    const limit = { name: 'exception', time: spanOf('run/tasks.div').start, attributes: { 'exception.type': 'billiard.exceptions.SoftTimeLimitExceeded' } };
    const facts = celeryFacts(untold({ failed: true, events: [limit] }));
    expect(facts.at(-1)).toMatchObject({ outcome: 'timed_out', error: { name: 'billiard.exceptions.SoftTimeLimitExceeded' } });
  });

  it('is one attempt with the updater in its run, which it ends where nothing else does', async () => {
    const run = spanOf('run/tasks.div');
    const uuid = run.attributes['messaging.message.id'] as string;
    const ref = { taskUuid: uuid, traceId: run.traceId, spanId: '00000000000000a1', taskSpanId: '00000000000000a1' };
    const updater: Fact = { ...(celeryFacts(run)[0] as TaskStart), span: ref, time: run.start + 1, workerIntervalMs: 5000, observed: false };
    const mark = { 'taskspan.task.uuid': uuid, 'taskspan.task.run': run.spanId };
    await using store = memoryStoreToDispose();
    await store.append([updater]);
    await store.append(celeryFacts({ ...run, attributes: { ...run.attributes, ...mark } }));
    const { state, exception } = JSON.parse((await store.stored(uuid))!.summary) as TaskSummary;
    expect({ state, exception }).toEqual({ state: 'failed', exception: 'division by zero' });
    expect((await store.scopes(uuid))?.attempts).toHaveLength(1);
    expect((await store.log(uuid))?.text.match(/Task Finished/g)).toHaveLength(1);
  });

  it('keeps the attributes that its code has set on the span', async () => {
    const span = untold({ attributes: { ...spanOf('run/tasks.div').attributes, customer: 'ACME' } });
    expect(await recordOf([span], FAILING)).toMatchObject({ attributes: { customer: 'ACME', 'messaging.destination': 'celery' } });
  });
});

describe('a task that another one has published', () => {
  const TRACE = 'f'.repeat(32);
  const id = (number: number): string => `00000000-0000-4000-8000-00000000000${number}`;
  /** A span of a task; the parent is the span before it in its list. */
  const spansOf = (...tasks: [action: 'apply_async' | 'run', task: number, retries?: number][]): OtlpSpan[] =>
    tasks.map(([action, task, retries = 0], at) => ({
      ...untold({}),
      traceId: TRACE,
      spanId: `000000000000000${at + 1}`,
      parentSpanId: at === 0 ? 'ee00000000000000' : `000000000000000${at}`,
      attributes: { 'celery.action': action, 'messaging.message.id': id(task), 'celery.retries': retries, 'celery.state': 'SUCCESS' },
    }));
  const CHAIN = spansOf(['apply_async', 1], ['run', 1], ['apply_async', 2], ['run', 2], ['apply_async', 2], ['run', 2, 1], ['apply_async', 3], ['run', 3]);

  it.each([['in order', CHAIN], ['the parents last', CHAIN.toReversed()]])('has it as its parent, also when it is tried again: %s', async (_, spans) => {
    const found = new TraceParents();
    await using store = memoryStoreToDispose();
    for (const span of spans) await store.append(found.complete(celeryFacts(span)));
    const parents = await Promise.all([1, 2, 3].map(async (task) => (JSON.parse((await store.stored(id(task)))!.summary) as TaskSummary).parent_task_uuid));
    expect(parents).toEqual([null, id(1), id(2)]);
    expect(JSON.parse((await store.stored(id(2)))!.summary)).toMatchObject({ attempt: 2, state: 'completed' });
  });

  it('has the one that its message names, whatever span stands above', () => {
    const [publish, run] = spansOf(['apply_async', 5], ['run', 5]) as [OtlpSpan, OtlpSpan];
    const naming = { ...publish, attributes: { ...publish.attributes, 'taskspan.parent.task.uuid': id(4), 'taskspan.queued_final_ms': 1000 } };
    expect(celeryFacts(naming)).toMatchObject([{ kind: 'task-announced', queuedFinalMs: 1000 }]);
    const starts = new TraceParents().complete([naming, run].flatMap(celeryFacts)).filter(({ kind }) => kind === 'task-start');
    expect(starts).toMatchObject([{}, { parentTaskUuid: id(4) }]);
  });

  it('has none in a circle of spans', () => {
    const [publish, run] = spansOf(['apply_async', 4], ['run', 4]) as [OtlpSpan, OtlpSpan];
    const facts = [{ ...publish, parentSpanId: run.spanId }, run].flatMap(celeryFacts);
    expect(new TraceParents().complete(facts)).toBe(facts);
  });
});

const ORDER_17 = '66d0e229-26e7-5400-baf8-24551130b55d';

describe('a run without a state of Celery', () => {
  const { events } = spanOf('run/tasks.div');

  it('has failed by the status of its span', async () => {
    const span = untold({ failed: true, message: 'broken' });
    expect(await recordOf([span], FAILING)).toMatchObject({ state: 'failed', exception: 'broken' });
  });

  it('has failed by an exception alone', async () => {
    expect(await recordOf([untold({ events })], FAILING)).toMatchObject({ state: 'failed', exception: 'division by zero' });
  });

  it('has ended well by neither', async () => {
    expect(await recordOf([untold({})], FAILING)).toMatchObject({ state: 'completed', exception: '' });
  });
});

describe('an error that the task has survived', () => {
  it('is reported, and the task has ended well', async () => {
    const { events } = spanOf('run/tasks.div');
    const span = untold({ events, attributes: spanOf('run/tasks.add').attributes });
    const [facts] = [celeryFacts(span)];
    expect(facts.map(({ kind, seq }) => [kind, seq])).toEqual([['task-start', 0], ['exception', 1], ['task-end', 2]]);
    expect(facts.at(-1)).toMatchObject({ outcome: 'completed', error: undefined, exception: 'division by zero' });
  });
});

describe('spans of Celery in whatever order and number', () => {
  it('give the same record', async () => {
    const { log: _, version: __, log_bytes: ___, ...record } = await recordOf(SPANS, RETRIED);
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(SPANS, { minLength: SPANS.length }), fc.subarray(SPANS), async (spans, again) => {
        expect(await recordOf([...spans, ...again], RETRIED)).toMatchObject(record);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a span of the instrumentation that is no task, or whose task an updater records', () => {
  it("has no facts", () => {
    expect(celeryFacts({ ...spanOf('run/tasks.div'), attributes: {} })).toEqual([]);
    const { attributes } = spanOf('run/tasks.div');
    expect(celeryFacts(untold({ attributes: { ...attributes, 'taskspan.task.uuid': FAILING } }))).toEqual([]);
    expect(celeryFacts(untold({ attributes: { 'messaging.message.id': FAILING, 'celery.action': 'other' } }))).toEqual([]);
  });
});
