import { join } from 'node:path';
import { context, propagation, trace } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { DelayedError, FlowProducer, Queue, Worker } from 'bullmq';
import type { WorkerOptions } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { jobUuid, queueTasks, trackJob } from '../../../src/bullmq/index.ts';
import { startCommand, temporaryFolder } from '../../support/node-process.ts';
import { describeWithRedis, startRedis } from '../redis.ts';
import type { RedisServer } from '../redis.ts';
import { recordWhen } from './records.ts';
import { nextOf } from './worker-events.ts';

describeWithRedis('spans of bullmq-otel that are sent to taskspan serve', () => {
  let redis: RedisServer;
  let queues = 0;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis?.stop();
  });

  /** A server, an application's provider that sends to it, and a queue and worker that are traced by it. */
  async function started(Exporter: typeof JsonExporter, processor: ConstructorParameters<typeof Worker>[1], more: Partial<WorkerOptions> = {}) {
    const cwd = await temporaryFolder();
    const server = startCommand(['serve', '--port', '0', '--store', join(cwd, 'taskspan.sqlite')], { cwd });
    const [url] = await server.printed(/http:\/\/127\.0\.0\.1:\d+/);
    const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new Exporter({ url: `${url}/v1/traces` }))] });
    provider.register();
    const options = { connection: redis.connection, telemetry: new BullMQOtel({ tracerName: 'the application' }) };
    const queue = new Queue(`traced-${++queues}`, options);
    const worker = new Worker(queue.name, processor, { ...options, ...more, autorun: false });
    onTestFinished(async () => {
      await worker.close(true);
      await queue.close();
      trace.disable();
      context.disable();
      propagation.disable();
      await provider.shutdown();
    });
    return { url, queue, worker, provider, uuidOf: ({ id }: { id?: string }) => jobUuid(queue.name, id!) };
  }

  it.each([
    ['protobuf', ProtobufExporter],
    ['JSON', JsonExporter],
  ])('are queued and then run tasks, without a word of taskspan in their code, in %s', async (_, Exporter) => {
    const { url, queue, worker, provider, uuidOf } = await started(Exporter, async ({ name, attemptsMade }) => {
      if (name === 'Flaky' && attemptsMade === 0) throw new TypeError('the first');
      if (name === 'Bad') throw new RangeError('division by zero');
    });
    const [good, flaky, bad] = [await queue.add('Good', {}), await queue.add('Flaky', {}, { attempts: 2 }), await queue.add('Bad', {})];
    await provider.forceFlush();
    expect(await recordWhen(url, uuidOf(good), () => true)).toMatchObject({ task_name: 'Good', state: 'queued' });

    const drained = nextOf(worker, 'drained');
    void worker.run();
    await drained;
    await worker.close();
    await provider.forceFlush();
    expect(await recordWhen(url, uuidOf(good), () => true)).toMatchObject({ task_name: 'Good', state: 'completed', attempt: 1 });
    expect(await recordWhen(url, uuidOf(flaky), () => true)).toMatchObject({ state: 'completed', attempt: 2, exception: '' });
    expect(await recordWhen(url, uuidOf(bad), () => true)).toMatchObject({ state: 'failed', exception: 'division by zero', facts_missing: 0 });
  });

  it('make one attempt of a run that is delayed, stalled, put back, or in a flow that fails with a child, and end a job that is removed', async () => {
    let runs = 0;
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const { url, queue, worker, provider, uuidOf } = await started(JsonExporter, async (job, token) => {
      if (job.name === 'Child') throw new RangeError('division by zero');
      if (job.name === 'Stall') {
        if (++runs === 1) await released;
        else release();
      }
      if (job.name === 'Later' && job.attemptsStarted === 1) {
        await job.moveToDelayed(Date.now() + 1, token);
        throw new DelayedError();
      }
    }, { lockDuration: 5000, stalledInterval: 100, skipLockRenewal: true, concurrency: 4 });
    worker.on('error', () => undefined);
    const flows = new FlowProducer({ connection: redis.connection, telemetry: new BullMQOtel({ tracerName: 'the application' }) });
    onTestFinished(() => flows.close());
    const removed = await queue.add('Removed', {}, { delay: 60_000 });
    const [delayed, stalled, later] = [await queue.add('Delayed', {}, { delay: 1 }), await queue.add('Stall', {}), await queue.add('Later', {})];
    const child = { name: 'Child', queueName: queue.name, opts: { failParentOnFailure: true } };
    const { job: parent } = await flows.add({ name: 'Parent', queueName: queue.name, children: [child] });
    await queue.remove(removed.id!);

    const open = new Set(['Delayed', 'Stall', 'Later', 'Parent']);
    const all = new Promise<void>((resolve) => {
      const ended = ({ name }: { name: string } = { name: '' }): void => void (open.delete(name) && open.size === 0 && resolve());
      worker.on('completed', ended).on('failed', ended);
    });
    void worker.run();
    await all;
    await worker.close();
    await provider.forceFlush();
    const outcomes = async (job: { id?: string }) => {
      const { attempts } = (await (await fetch(`${url}/tasks/${uuidOf(job)}/scopes`)).json()) as { attempts: { attempt: number; outcome: string }[] };
      return attempts.map(({ attempt, outcome }) => [attempt, outcome]);
    };
    expect(await recordWhen(url, uuidOf(removed), () => true)).toMatchObject({ state: 'cancelled', finished: true, attempt: 0 });
    expect(await outcomes(delayed)).toEqual([[1, 'completed']]);
    expect(await outcomes(later)).toEqual([[1, 'completed']]);
    expect(await outcomes(parent)).toEqual([[1, 'failed']]);
    expect(await outcomes(stalled)).toHaveLength(2);
    expect(await recordWhen(url, uuidOf(stalled), () => true)).toMatchObject({ state: 'completed' });
  });

  it('leave a tracked job to its own span, so that it is recorded once', async () => {
    const { url, queue, worker, provider, uuidOf } = await started(JsonExporter, trackJob(async (_job, _token, _signal, updater) => {
      updater.notify('Reported by trackJob');
    }));
    const job = await queueTasks(queue).add('Tracked', {});
    const completed = nextOf(worker, 'completed');
    void worker.run();
    await completed;
    await worker.close();
    await provider.forceFlush();
    const record = await recordWhen(url, uuidOf(job), () => true);
    expect(record).toMatchObject({ task_name: 'Tracked', state: 'completed', attempt: 1 });
    expect(record.log).toBe('\tReported by trackJob\n\tTask Finished\n');
    const { attempts } = (await (await fetch(`${url}/tasks/${uuidOf(job)}/scopes`)).json()) as { attempts: unknown[] };
    expect(attempts).toHaveLength(1);
  });
});
