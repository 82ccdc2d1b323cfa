import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bullmqFacts } from '../../../../collector/otlp/adapters/bullmq.ts';
import type { OtlpSpan } from '../../../../collector/otlp/receive/otlp-items.ts';
import { createReceiver } from '../../../../collector/otlp/receive/receiver.ts';
import type { TaskSummary } from '../../../../src/task-record.ts';
import { memoryStore } from '../../../../collector/store/sqlite/sqlite-store.ts';
import { jobUuid } from '../../../../src/bullmq/job.ts';
import { recordedSpans } from './recorded-spans.ts';

/** Of a queue, its worker, a flow and a job scheduler of BullMQ 6.7, by bullmq-otel 2.0. */
const SPANS = recordedSpans('./bullmq.json');

const BAD = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

async function recordOf(spans: readonly OtlpSpan[], uuid: string): Promise<TaskSummary & { log: string }> {
  const store = memoryStore();
  try {
    await store.append(spans.flatMap(bullmqFacts));
    const [task, log] = await Promise.all([store.stored(uuid), store.log(uuid)]);
    if (task === undefined) throw new Error(`no task ${uuid}`);
    return { ...(JSON.parse(task.summary) as TaskSummary), log: log?.text ?? '' };
  } finally {
    await store.close();
  }
}

const runOf = (name: string, at = 0): OtlpSpan =>
  SPANS.filter((span) => span.name === 'process mail' && span.attributes['bullmq.job.name'] === name)[at]!;
const exception = (attributes: OtlpSpan['attributes']) => ({ name: 'exception', time: runOf('Good').end - 1, attributes });

describe('a job of BullMQ, by bullmq-otel\'s spans', () => {
  it('is queued while it is only added, by a queue, a flow or a job scheduler', async () => {
    const added = SPANS.filter(({ name }) => /^(?:add|addNode) /.test(name));
    expect(await recordOf(added, jobUuid('mail', '1'))).toMatchObject({
      task_name: 'Good',
      state: 'queued',
      attributes: { 'bullmq.queue.name': 'mail', 'bullmq.job.id': '1' },
    });
    const child = runOf('Child').attributes['bullmq.job.id'] as string;
    expect(await recordOf(added, child)).toMatchObject({ task_name: 'Child', state: 'queued' });
    const tick = runOf('Tick.tock').attributes['bullmq.job.id'] as string;
    expect(await recordOf(added, jobUuid('mail', tick))).toMatchObject({ task_name: 'Tick.tock', state: 'queued' });
  });

  it('is cancelled if it is removed before it runs, and only then', async () => {
    const [added] = SPANS.filter(({ name }) => name.startsWith('add '));
    const id = '1';
    const removed = (run: readonly OtlpSpan[]) => {
      const attributes = { 'bullmq.queue.name': 'mail', 'bullmq.queue.operation': 'remove', 'bullmq.job.id': id };
      return recordOf([added!, ...run, { ...runOf('Good'), spanId: '00000000000000aa', name: 'remove mail', events: [], attributes }], jobUuid('mail', id));
    };
    expect(added!.attributes['bullmq.job.id']).toBe(id);
    expect(await removed([])).toMatchObject({ task_name: 'Good', state: 'cancelled', finished: true, start: null });
    expect(await removed([runOf('Good')])).toMatchObject({ state: 'completed', attempt: 1 });
  });

  it('is completed when its run is', async () => {
    expect(await recordOf(SPANS, jobUuid('mail', '1'))).toMatchObject({
      task_name: 'Good',
      state: 'completed',
      attempt: 1,
      exception: '',
      facts_missing: 0,
      trace_id: runOf('Good').traceId,
      log: '\tTask Finished\n',
    });
  });

  it('is whole where the clock of its worker was set back', async () => {
    const span = runOf('Bad');
    const { start, end, log } = await recordOf([{ ...span, end: span.start - 5_000_000 }], BAD);
    expect(end).toBe(start);
    expect(log).toBe((await recordOf([span], BAD)).log);
  });

  it('has failed by the error that BullMQ has, with its id as the UUID where that is one', async () => {
    expect(await recordOf(SPANS, BAD)).toMatchObject({
      task_name: 'Bad',
      state: 'failed',
      status: 0,
      exception: 'division by zero',
      facts_missing: 0,
      log: `\t - Bad
\t\tFailed
\t\tTime spent: 0h0m
\t\tSee error message:
Error: division by zero
\tTask Finished
`,
    });
  });

  it('is tried again as the next attempt', async () => {
    const record = await recordOf(SPANS, jobUuid('mail', '2'));
    expect(record).toMatchObject({ task_name: 'Flaky', state: 'completed', attempt: 2, exception: '' });
    expect(record.log).toMatch(/Error: the first\n[^]*\tAttempt 2\n/);
  });

  it('stays as it was where a run put it back in the queue', async () => {
    const back = runOf('Later');
    expect(back.events).toEqual([]);
    expect(bullmqFacts(back)).toEqual([]);
    expect(await recordOf(SPANS, jobUuid('mail', '5'))).toMatchObject({ task_name: 'Later', state: 'completed', attempt: 1 });
  });

  it('has failed where only an exception shows it', async () => {
    const attributes = { 'exception.type': 'ReplyError', 'exception.message': 'OOM' };
    const span = { ...runOf('Good'), events: [exception(attributes)] };
    const record = await recordOf([span], jobUuid('mail', '1'));
    expect(record).toMatchObject({ state: 'failed', exception: 'OOM' });
    expect(record.log).toContain('ReplyError: OOM\n');
  });

  it('is completed in spite of an exception on the way', async () => {
    const span = { ...runOf('Good'), events: [exception({ 'exception.message': 'ECONNRESET' }), ...runOf('Good').events] };
    expect(await recordOf([span], jobUuid('mail', '1'))).toMatchObject({ state: 'completed', exception: '', facts_missing: 0 });
  });

  it('is left to the span of its own that trackJob made', () => {
    const { attributes } = runOf('Good');
    expect(bullmqFacts({ ...runOf('Good'), attributes: { ...attributes, 'taskspan.task.uuid': BAD } })).toEqual([]);
  });

  it('is all that is reported: spans of the queue and the worker are ignored', () => {
    const names = new Set(SPANS.filter((span) => bullmqFacts(span).length > 0).map(({ name }) => name.split(' ')[0]));
    expect(names).toEqual(new Set(['add', 'addNode', 'process']));
    expect(SPANS.map(({ name }) => name.split(' ')[0])).toEqual(expect.arrayContaining(['addBulk', 'complete', 'retry', 'close']));
  });

  it('is taken whatever the application calls its tracer', async () => {
    const store = memoryStore();
    const body = readFileSync(new URL('./bullmq.json', import.meta.url), 'utf8');
    const headers = { 'Content-Type': 'application/json' };
    const response = await createReceiver({ store }).request('/v1/traces', { method: 'POST', headers, body });
    expect([response.status, await response.json()]).toEqual([200, {}]);
    expect(JSON.parse((await store.stored(BAD))!.summary)).toMatchObject({ task_name: 'Bad', state: 'failed' });
    await store.close();
  });

  it('is never an error, whatever the span has', () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(undefined));
    const keys = ['bullmq.queue.name', 'bullmq.job.id', 'bullmq.job.name', 'bullmq.job.attempts.made', 'bullmq.job.failed.reason'];
    const attributes = fc.dictionary(fc.constantFrom(...keys), value, { noNullPrototype: true });
    const operation = fc.constantFrom('add', 'addNode', 'process');
    const event = fc.record({ name: fc.constantFrom('job failed', 'job completed', 'exception'), time: fc.nat(), attributes });
    fc.assert(
      fc.property(attributes, operation, fc.array(event), (own, doing, events) => {
        const span = { ...runOf('Good'), attributes: { ...own, 'bullmq.queue.operation': doing }, events };
        for (const fact of bullmqFacts(span)) {
          expect(Number.isSafeInteger(fact.seq) && Number.isSafeInteger(fact.time)).toBe(true);
          if (fact.kind === 'task-start') expect(Number.isSafeInteger(fact.attempt) && fact.attempt >= 1).toBe(true);
        }
      }),
      { seed: 6 },
    );
  });
});
