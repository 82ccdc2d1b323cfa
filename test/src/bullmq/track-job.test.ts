import { SpanKind, trace } from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { jobUuid, trackJob, trackWorker } from '../../../src/bullmq/index.ts';
import type { JobWorker, QueueJob } from '../../../src/bullmq/index.ts';
import { currentUpdater } from '../../../src/index.ts';
import { cancelLiveTask } from '../../../src/worker.ts';
import { recorded } from '../support/recorded.ts';
import { thrown } from '../support/thrown.ts';

const UUID = jobUuid('mail', '1');

function job(more: object = {}): QueueJob & { shown: unknown[]; updateProgress(progress: unknown): Promise<void> } {
  const shown: unknown[] = [];
  const updateProgress = async (progress: unknown): Promise<void> => void shown.push(progress);
  return { id: '1', name: 'Send', queueName: 'mail', attemptsMade: 0, shown, updateProgress, ...more };
}

describe('a tracked processor', () => {
  it('gets what BullMQ gives it, and its `this`', async () => {
    const given: unknown[] = [];
    const processor = trackJob(function (this: unknown, ...args: unknown[]) {
      given.push(this, ...args.slice(0, 2));
      return 'sent';
    });
    const worker = {};
    const one = job();
    await expect(processor.call(worker, one, 'token')).resolves.toBe('sent');
    expect(given[0]).toBe(worker);
    expect(given[1]).toBe(one);
    expect(given[2]).toBe('token');
  });

  it('takes three arguments, or BullMQ would make no signal for it', () => {
    expect(trackJob(() => undefined)).toHaveLength(3);
  });

  it('runs the same without an SDK, with its progress shown and its error rethrown', async () => {
    const error = new RangeError('division by zero');
    const one = job();
    const processor = trackJob((_job, _token, _signal, updater) => {
      expect(currentUpdater()).toBe(updater);
      expect(updater.taskUuid).toBe(UUID);
      updater.progress(1, 4);
      throw error;
    });
    await expect(processor(one)).rejects.toBe(error);
    expect(one.shown).toEqual([25]);
  });

  it('fails by a result that JSON can not write, as its job does', async () => {
    const { record } = recorded();
    await expect(trackJob(() => ({ rows: 3n }))(job())).rejects.toThrow(TypeError);
    expect(await record(UUID)).toMatchObject({ state: 'failed', exception: expect.stringContaining('BigInt') as string });
  });

  it('that BullMQ cancels has the reason in its log', async () => {
    const { record } = recorded();
    const controller = new AbortController();
    const processor = trackJob((_job, _token, signal) => {
      controller.abort('the order was withdrawn');
      signal.throwIfAborted();
    });
    await expect(processor(job(), undefined, controller.signal)).rejects.toBe('the order was withdrawn');
    expect(await record(UUID)).toMatchObject({ state: 'cancelled', log: expect.stringContaining('\tCancel requested: the order was withdrawn\n') as string });
  });

  it('shows the scope that it is in while it has no progress of its own', async () => {
    const one = job();
    await trackJob(async (_job, _token, _signal, updater) => {
      await updater.scope('Import', async (scope) => {
        scope.scope('Read file', () => undefined);
        scope.scope('Write rows', (rows) => rows.progress(1204, 5000));
      });
    })(one);
    expect(one.shown).toEqual([{ name: 'Import', done: null, total: null }]);
    const rows = job();
    await trackJob((_job, _token, _signal, updater) => {
      updater.scope('Read file', () => undefined);
      updater.scope('Write rows').progress(1204, 5000);
    })(rows);
    expect(rows.shown).toEqual([{ name: 'Read file', done: null, total: null }, { name: 'Write rows', done: 1204, total: 5000 }]);
    const planned = job();
    await trackJob((_job, _token, _signal, updater) => {
      updater.scope('Read file', () => undefined);
      updater.plan(['Read file', 'Write rows']);
    })(planned);
    expect(planned.shown.at(-1)).toBe(100);
  });

  it.each([
    [{ attemptsMade: 0 }, 1],
    [{ attemptsMade: 2 }, 3],
    [{ attemptsMade: 1, attemptsStarted: 4 }, 4],
    [{ attemptsMade: 0, attemptsStarted: 0 }, 1],
  ])('that has been made and started %j is attempt %i', async (counts, attempt) => {
    const { record } = recorded();
    await trackJob(() => undefined)(job(counts));
    expect(await record(UUID)).toMatchObject({ attempt, state: 'completed' });
  });

  it.each([
    ['DelayedError', '', 'Back in the queue, delayed'],
    ['WaitingError', '', 'Back in the queue'],
    ['WaitingChildrenError', '', 'Back in the queue, waiting for other jobs'],
    ['RateLimitError', 'bullmq:rateLimitExceeded', 'Back in the queue, because of a rate limit'],
    ['Error', 'bullmq:rateLimitExceeded', 'Back in the queue, because of a rate limit'],
  ])('that throws a %s %s has not failed', async (name, message, notice) => {
    const { record } = recorded();
    const error = Object.assign(new Error(message), { name });
    const processor = trackJob(() => Promise.reject(error));
    await expect(processor(job())).rejects.toBe(error);
    expect(await record(UUID)).toMatchObject({ state: 'cancelled', exception: '', log: expect.stringMatching(`^\t${notice}\n`) as string });
  });

  it.each([
    ['named like what every object has', Object.assign(new Error('no'), { name: 'constructor' }), 'no'],
    ['whose message throws', Object.defineProperty(new Error(), 'message', { get: () => thrown(new Error('hostile')) }), 'Error'],
    ['that is frozen', Object.freeze(new Error('no')), 'no'],
    ['that is nothing', undefined, 'undefined'],
    ['without a prototype', Object.create(null) as unknown, '{}'],
  ])('rethrows the very same error %s', async (_, error, exception) => {
    const { record } = recorded();
    const isSame = trackJob(() => thrown(error))(job()).catch((one: unknown) => one === error);
    await expect(isSame).resolves.toBe(true);
    expect(await record(UUID)).toMatchObject({ state: 'failed', exception });
  });

  it('that is cancelled ends as cancelled, whichever error reports the abort', async () => {
    const { record } = recorded();
    const aborted: unknown = Object.assign(Object.create(null), { name: 'AbortError' });
    const processor = trackJob((_job, _token, _signal, updater) => {
      cancelLiveTask(UUID, updater.spanId);
      throw aborted;
    });
    await expect(processor(job())).rejects.toMatchObject({ name: 'UnrecoverableError', cause: aborted });
    expect(await record(UUID)).toMatchObject({ state: 'cancelled' });
  });

  it('that is cancelled and fails by an error of its own is not retried either', async () => {
    const { record } = recorded();
    const error = new Error('stopped in a way of its own');
    const processor = trackJob((_job, _token, _signal, updater) => {
      cancelLiveTask(UUID, updater.spanId);
      throw error;
    });
    await expect(processor(job())).rejects.toMatchObject({ name: 'UnrecoverableError', message: error.message, cause: error });
    expect(await record(UUID)).toMatchObject({ state: 'failed', exception: error.message });
  });

  it('goes on in the trace that its job carries, in a sandbox too', async () => {
    const { record } = recorded();
    const traceId = '0af7651916cd43dd8448eb211c80319c';
    const metadata = JSON.stringify({ traceparent: `00-${traceId}-b7ad6b7169203331-01` });
    for (const opts of [{ telemetry: { metadata } }, { tm: metadata }]) {
      const processor = trackJob(() => trace.getActiveSpan()?.spanContext().traceId);
      await expect(processor(job({ opts }))).resolves.toBe(traceId);
    }
    await trackJob(() => undefined)(job({ opts: { tm: 'no JSON' } }));
    expect((await record(UUID)).trace_id).not.toBe(traceId);
  });

  it('is a span of kind CONSUMER, with a link to the span that added its job', async () => {
    const { spans } = recorded();
    const added = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
    const metadata = JSON.stringify({ traceparent: `00-${added.traceId}-${added.spanId}-01` });
    await trackJob(() => undefined)(job({ opts: { telemetry: { metadata } } }));
    await trackJob(() => undefined)(job());
    expect((await spans()).map(({ kind, links }) => [kind, links.map((link) => link.context.spanId)])).toEqual([
      [SpanKind.CONSUMER, [added.spanId]],
      [SpanKind.CONSUMER, []],
    ]);
  });

  it('marks the span of bullmq-otel that it runs in, and no other', async () => {
    const { spans } = recorded();
    const tracer = trace.getTracer('test');
    await tracer.startActiveSpan('process mail', { attributes: { 'bullmq.queue.operation': 'process' } }, async (span) => {
      await trackJob(() => undefined)(job());
      span.end();
    });
    await tracer.startActiveSpan('request', async (span) => {
      await trackJob(() => undefined)(job());
      span.end();
    });
    const all = await spans();
    const of = (name: string) => all.find((span) => span.name === name)?.attributes['taskspan.task.uuid'];
    expect([of('process mail'), of('request')]).toEqual([UUID, undefined]);
  });

  it('is checked at once', () => {
    expect(() => trackJob('mail' as never)).toThrow('trackJob: expected a function, got "mail"');
    expect(() => trackJob(() => undefined, { attempt: 2 } as never)).toThrow('trackJob: expected options among');
  });
});

describe('a tracked worker', () => {
  type Listener = Parameters<JobWorker['on']>[1];

  function failing(): { fail: Listener } {
    let listener: Listener | undefined;
    trackWorker({ on: (_event, fn) => void (listener = fn) });
    return { fail: (...args) => listener?.(...args) };
  }

  it.each([
    ['job stalled more than allowable limit', {}],
    ['job started more than allowable limit', {}],
    ['Unexpected exit code: null signal: SIGKILL', {}],
    ['Error initializing child: Uncaught Fatal Exception and signal null', {}],
    ['Child exited before it could be retained', {}],
    ['child mail:2 failed', { deferredFailure: 'child mail:2 failed' }],
  ])('records that BullMQ gave a job up: %s', async (message, more) => {
    const { record } = recorded();
    failing().fail(job({ attemptsMade: 1, attemptsStarted: 3, ...more }), new Error(message));
    expect(await record(UUID)).toMatchObject({ state: 'failed', exception: message, attempt: 3 });
  });

  it('records the parent of a job in a flow that BullMQ gave up', async () => {
    const { record } = recorded();
    const parent = { id: '7', queueKey: 'bull:flows' };
    failing().fail(job({ attemptsMade: 1, parent, deferredFailure: 'child failed' }), new Error('child failed'));
    expect(await record(UUID)).toMatchObject({ state: 'failed', parent_task_uuid: jobUuid('flows', '7') });
  });

  it('does not record an error that a tracked processor threw, whatever its message', async () => {
    const { spans } = recorded();
    const one = job({ attemptsMade: 1 });
    const error = new Error('Unexpected exit code: 1');
    await expect(trackJob(() => thrown(error))(one)).rejects.toBe(error);
    failing().fail(one, error);
    expect(await spans()).toHaveLength(1);
  });

  it('does not record an error that a processor threw a second time', async () => {
    const { spans } = recorded();
    failing().fail(job({ attemptsMade: 1 }), new Error('division by zero'));
    failing().fail(job({ attemptsMade: 1 }), undefined as never);
    failing().fail(undefined, new Error('job stalled more than allowable limit'));
    expect(await spans()).toEqual([]);
  });

  it('is checked at once', () => {
    expect(() => trackWorker({} as never)).toThrow('trackWorker: expected a Worker of BullMQ, got');
  });
});
