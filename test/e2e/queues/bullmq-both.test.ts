import { fileURLToPath } from 'node:url';
import { context, propagation, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { FlowProducer, Queue, Worker } from 'bullmq';
import { BullMQOtel } from 'bullmq-otel';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startTaskspan } from '../../../collector/index.ts';
import type { AttemptRecord, Taskspan, TaskRecord } from '../../../collector/index.ts';
import { jobUuid, queueTasks, trackJob, trackWorker } from '../../../src/bullmq/index.ts';
import { describeWithRedis, startRedis } from '../redis.ts';
import type { RedisServer } from '../redis.ts';
import { recordWhen } from './records.ts';
import { nextOf } from './worker-events.ts';

const REGISTER = fileURLToPath(new URL('../../../collector/register.ts', import.meta.url));

describeWithRedis('jobs of BullMQ with bullmq-otel and taskspan/bullmq together', () => {
  let redis: RedisServer;
  let url: string;
  let provider: NodeTracerProvider;
  let taskspan: Taskspan;
  let queues = 0;

  beforeAll(async () => {
    redis = await startRedis();
    taskspan = await startTaskspan({ store: ':memory:', serve: { port: 0, receive: true } });
    url = taskspan.url!;
    provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }))] });
    provider.register();
  });
  afterAll(async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    await provider?.shutdown();
    await taskspan?.close();
    await redis?.stop();
  });

  const telemetry = new BullMQOtel({ tracerName: 'the application' });

  function newQueue(): Queue {
    const queue = queueTasks(new Queue(`both-${++queues}`, { connection: redis.connection, telemetry }));
    onTestFinished(() => queue.close());
    return queue;
  }

  /** A worker of this process, or with a processor in a sandbox. */
  function newWorker(queue: Queue, processor: ConstructorParameters<typeof Worker>[1], options: object = {}): Worker {
    const worker = new Worker(queue.name, processor, { connection: redis.connection, telemetry, ...options });
    onTestFinished(() => worker.close(true));
    return worker;
  }

  function newSandbox(queue: Queue, useWorkerThreads = false): Worker {
    const own = { execArgv: ['--disable-warning=ExperimentalWarning', '--import', REGISTER], env: { ...process.env, TASKSPAN_ENDPOINT: url } };
    const options = { useWorkerThreads, workerForkOptions: own, workerThreadsOptions: own };
    return newWorker(queue, new URL('bullmq-sandbox.ts', import.meta.url), options);
  }

  /** The task's record and its attempts, when all that this process has is sent. A sandbox sends by itself, and later. */
  async function wholeTask(queue: Queue, id: string | undefined, worker: Worker, isWhole = ({ finished }: TaskRecord): boolean => finished) {
    await worker.close();
    await provider.forceFlush();
    const uuid = jobUuid(queue.name, id!);
    const record = await recordWhen(url, uuid, isWhole);
    const { attempts } = (await (await fetch(`${url}/tasks/${uuid}/scopes`)).json()) as { attempts: AttemptRecord[] };
    return { record, attempts: attempts.map(({ attempt, outcome }) => [attempt, outcome]) };
  }

  it.each([
    ['a process', false],
    ['a thread', true],
  ])('are one attempt a run in a sandboxed processor, in %s', async (_, useWorkerThreads) => {
    const queue = newQueue();
    const { id } = await queue.add('Flaky', {}, { attempts: 2 });
    const worker = newSandbox(queue, useWorkerThreads);
    await nextOf(worker, 'completed');
    const { record, attempts } = await wholeTask(queue, id, worker, ({ state, progress, log }) => state === 'completed' && progress === 1 && log.includes('Hello from the sandbox'));
    expect(attempts).toEqual([[1, 'failed'], [2, 'completed']]);
    expect(record).toMatchObject({ task_name: 'Flaky', state: 'completed', attempt: 2, progress: 1 });
    expect(record.log.match(/^\tAttempt .*$/gm)).toEqual(['\tAttempt 2']);
  });

  it.each([
    ['by its own spans', (worker: Worker) => worker],
    ['by a tracked worker', trackWorker<Worker>],
  ])('are one attempt if the sandbox dies, %s', async (_, tracked) => {
    const queue = newQueue();
    const { id } = await queue.add('Die', {});
    const worker = tracked(newSandbox(queue));
    await nextOf(worker, 'failed');
    const { record, attempts } = await wholeTask(queue, id, worker);
    expect(attempts).toEqual([[1, 'failed']]);
    expect(record).toMatchObject({ state: 'failed', exception: 'Unexpected exit code: null signal: SIGKILL', attempt: 1 });
    expect(record.log.match(/Task Finished/g)).toHaveLength(1);
  });

  it.each([
    ['failParentOnFailure', 'failed'],
    ['ignoreDependencyOnFailure', 'completed'],
    ['removeDependencyOnFailure', 'completed'],
    ['continueParentOnFailure', 'completed'],
  ])('are one attempt in a flow in which a job fails, with %s', async (option, state) => {
    const queue = newQueue();
    const flows = queueTasks(new FlowProducer({ connection: redis.connection, telemetry }));
    onTestFinished(() => flows.close());
    const child = { name: 'Child', queueName: queue.name, opts: { [option]: true } };
    const { job, children } = await flows.add({ name: 'Parent', queueName: queue.name, children: [child] });
    const worker = trackWorker(newWorker(queue, trackJob(({ name }) => {
      if (name === 'Child') throw new RangeError('division by zero');
    })));
    await new Promise<void>((resolve) => {
      const ended = ({ name }: { name: string } = { name: '' }): void => void (name === 'Parent' && resolve());
      worker.on('completed', ended).on('failed', ended);
    });
    const parent = await wholeTask(queue, job.id, worker);
    expect(parent.attempts).toEqual([[1, state]]);
    expect(parent.record).toMatchObject({ task_name: 'Parent', state, attempt: 1 });
    expect((await wholeTask(queue, children![0]!.job.id, worker)).attempts).toEqual([[1, 'failed']]);
  });

  it('are a further attempt if they stall and run again', async () => {
    const queue = newQueue();
    const { id } = await queue.add('Stall', {});
    const stalls = { lockDuration: 5000, stalledInterval: 100, skipLockRenewal: true, concurrency: 2 };
    let runs = 0;
    let release!: () => void;
    const released = new Promise<void>((resolve) => (release = resolve));
    const worker = trackWorker(newWorker(queue, trackJob(() => (++runs === 1 ? released : release())), stalls));
    // Of the first run, whose lock is lost.
    worker.on('error', () => undefined);
    await nextOf(worker, 'completed');
    const { record, attempts } = await wholeTask(queue, id, worker);
    expect(record).toMatchObject({ state: 'completed', attempt: 2 });
    expect(attempts.map(([number]) => number)).toEqual([1, 2]);
  });
});
