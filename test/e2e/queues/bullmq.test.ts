import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { trace } from '@opentelemetry/api';
import { DelayedError, FlowProducer, Queue, QueueEvents, UnrecoverableError, Worker } from 'bullmq';
import type { Job } from 'bullmq';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { startTaskspan } from '../../../collector/index.ts';
import type { Taskspan } from '../../../collector/index.ts';
import { jobUuid, queueTasks, trackJob, trackQueueEvents, trackWorker } from '../../../src/bullmq/index.ts';
import type { JobTaskOptions } from '../../../src/bullmq/index.ts';
import { startNode, temporaryFolder } from '../../support/node-process.ts';
import { describeWithRedis, startRedis } from '../redis.ts';
import type { RedisServer } from '../redis.ts';
import { temporaryFile } from './temporary-file.ts';
import { recordWhen } from './records.ts';
import { nextOf } from './worker-events.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const REGISTER = fileURLToPath(new URL('../../../collector/register.ts', import.meta.url));
const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

describeWithRedis('jobs of BullMQ', () => {
  let redis: RedisServer;
  let taskspan: Taskspan;
  let store: string;
  let url: string;
  let removeStore: () => Promise<void>;
  let queues = 0;

  beforeAll(async () => {
    redis = await startRedis();
    ({ path: store, remove: removeStore } = await temporaryFile('taskspan.sqlite'));
    taskspan = await startTaskspan({ store, serve: { port: 0 } });
    url = taskspan.url!;
  });
  afterAll(async () => {
    await taskspan?.close();
    await redis?.stop();
    await removeStore?.();
  });

  /** A queue of the test's own. */
  function newQueue(): Queue {
    const queue = queueTasks(new Queue(`queue-${++queues}`, { connection: redis.connection }));
    onTestFinished(() => queue.close());
    return queue;
  }

  function newWorker(queue: Queue, processor: ConstructorParameters<typeof Worker>[1], options: object = {}): Worker {
    const worker = trackWorker(new Worker(queue.name, processor, { connection: redis.connection, ...options }));
    onTestFinished(() => worker.close(true));
    return worker;
  }

  async function added(queue: Queue, ...args: Parameters<Queue['add']>): Promise<{ job: Job; uuid: string }> {
    const job = await queue.add(...args);
    return { job, uuid: jobUuid(queue.name, job.id!) };
  }

  const ended = (uuid: string) => recordWhen(url, uuid, ({ finished }) => finished);

  it('are queued tasks from when they are added, of all ways to add them', async () => {
    const queue = newQueue();
    const flows = queueTasks(new FlowProducer({ connection: redis.connection }));
    onTestFinished(() => flows.close());
    const { uuid } = await added(queue, 'Send a mail', { to: 'ada' });
    const [second, third] = await queue.addBulk([{ name: 'Second', data: 1 }, { name: 'Third', data: 2 }]);
    const flow = await flows.add({ name: 'Parent', queueName: queue.name, children: [{ name: 'Child', queueName: queue.name }] });

    const record = await recordWhen(url, uuid, () => true);
    expect(record).toMatchObject({
      task_name: 'Send a mail',
      state: 'queued',
      attributes: { 'bullmq.queue.name': queue.name, 'bullmq.job.id': '1' },
    });
    for (const job of [second, third, flow.job, flow.children?.[0]?.job]) {
      const { task_name, state } = await recordWhen(url, jobUuid(queue.name, job?.id ?? ''), () => true);
      expect({ task_name, state }).toEqual({ task_name: job?.name, state: 'queued' });
    }
  });

  it('run as their tasks, with the job\'s id where it is a UUID, its progress and its trace', async () => {
    const queue = newQueue();
    const traceId = await trace.getTracer('test').startActiveSpan('request', async (span) => {
      await queue.add('Import', { rows: 4 }, { jobId: UUID.toUpperCase() });
      span.end();
      return span.spanContext().traceId;
    });
    const seen: unknown[] = [];
    const worker = newWorker(queue, trackJob(async (job, _token, _signal, updater) => {
      seen.push(job.data, job.attemptsMade);
      updater.plan(2);
      updater.scope('Read', () => updater.notify('Read 4 rows'));
      updater.scope('Write', (scope) => scope.progress(1, 2));
      return 'imported';
    }));
    const shown: unknown[] = [];
    worker.on('progress', (_job, progress) => shown.push(progress));
    const [job, result] = (await nextOf(worker, 'completed')) as [Job, unknown];

    expect({ result, seen }).toEqual({ result: 'imported', seen: [{ rows: 4 }, 0] });
    expect(await ended(UUID)).toMatchObject({ task_name: 'Import', state: 'completed', attempt: 1, trace_id: traceId, progress: 1 });
    expect((await queue.getJob(job.id!))?.progress).toBe(100);
    expect(shown).toContain(50);
  });

  it('that fail are tried again as the next attempt, and the worker gets the very error', async () => {
    const queue = newQueue();
    const errors = [new TypeError('the first'), new RangeError('division by zero')];
    const thrown = [...errors];
    const { uuid } = await added(queue, 'Divide', {}, { attempts: 3 });
    const worker = newWorker(queue, trackJob(async (_job, _token, _signal, updater) => {
      const error = thrown.shift();
      updater.scope('Divide', () => {
        if (error !== undefined) throw error;
      });
    }));
    const failures: unknown[] = [];
    worker.on('failed', (_job, error) => failures.push(error));
    await nextOf(worker, 'completed');

    const record = await recordWhen(url, uuid, ({ state }) => state === 'completed');
    expect(failures.map((error, index) => error === errors[index])).toEqual([true, true]);
    expect(record).toMatchObject({ attempt: 3, exception: '' });
    expect(record.log).toMatch(/TypeError: the first\n[^]*\tAttempt 2\n[^]*RangeError: division by zero\n[^]*\tAttempt 3\n/);
  });

  it('have the name and attributes that are made of their data, on both sides the same', async () => {
    type Mail = Job<{ to: string }, void>;
    const options: JobTaskOptions<Mail> = { taskName: ({ data }) => `Mail to ${data.to}`, attributes: ({ data }) => ({ to: data.to }) };
    const queue: Queue<{ to: string }, void> = queueTasks(new Queue(`queue-${++queues}`, { connection: redis.connection }), options);
    onTestFinished(() => queue.close());
    const uuid = jobUuid(queue.name, (await queue.add('mail', { to: 'ada' })).id!);
    const described = { task_name: 'Mail to ada', attributes: { to: 'ada', 'bullmq.queue.name': queue.name, 'bullmq.job.id': '1' } };
    expect(await recordWhen(url, uuid, () => true)).toMatchObject({ state: 'queued', ...described });
    const worker = trackWorker(new Worker(queue.name, trackJob(async (_job: Mail) => {}, options), { connection: redis.connection }), options);
    onTestFinished(() => worker.close(true));
    expect(await ended(uuid)).toMatchObject({ state: 'completed', ...described });
  });

  it('that fail for good by UnrecoverableError are failed tasks, and are not tried again', async () => {
    const queue = newQueue();
    const { uuid, job } = await added(queue, 'Divide', {}, { attempts: 3 });
    await nextOf(newWorker(queue, trackJob(() => Promise.reject(new UnrecoverableError('by zero')))), 'failed');
    expect(await ended(uuid)).toMatchObject({ state: 'failed', exception: 'by zero', attempt: 1 });
    expect(await job.isFailed()).toBe(true);
  });

  it('that fail for good are failed tasks', async () => {
    const queue = newQueue();
    const { uuid } = await added(queue, 'Divide', {});
    newWorker(queue, trackJob(() => Promise.reject(new RangeError('division by zero'))));
    expect(await ended(uuid)).toMatchObject({ state: 'failed', status: 0, exception: 'division by zero', attempt: 1 });
  });

  it('that a flow waits for are child tasks of the one that waits', async () => {
    const queue = newQueue();
    const flows = new FlowProducer({ connection: redis.connection, prefix: 'of:its:own' });
    onTestFinished(() => flows.close());
    const { job, children } = await flows.add({ name: 'Parent', queueName: queue.name, children: [{ name: 'Child', queueName: queue.name }] });
    newWorker(queue, trackJob(() => undefined), { prefix: 'of:its:own' });
    expect(await ended(jobUuid(queue.name, job.id!))).toMatchObject({ task_name: 'Parent', parent_task_uuid: null });
    const child = await ended(jobUuid(queue.name, children![0]!.job.id!));
    expect(child).toMatchObject({ task_name: 'Child', state: 'completed', parent_task_uuid: jobUuid(queue.name, job.id!) });
  });

  it('are cancelled by taskspan, and then not tried again', async () => {
    const queue = newQueue();
    const { uuid } = await added(queue, 'Wait', {}, { attempts: 3 });
    const worker = newWorker(queue, trackJob(async (_job, _token, signal) => {
      await once(signal, 'abort');
      signal.throwIfAborted();
    }));
    const failed = nextOf(worker, 'failed') as Promise<[Job, Error]>;
    await recordWhen(url, uuid, ({ state }) => state === 'running');
    const answer = await fetch(`${url}/tasks/${uuid}/cancel`, { method: 'POST' });
    const [job, { cause }] = await failed;

    expect(answer.status).toBe(202);
    expect(await ended(uuid)).toMatchObject({ state: 'cancelled', attempt: 1 });
    expect(cause).toMatchObject({ code: 'TASKSPAN_CANCELLED' });
    expect(await job.isFailed()).toBe(true);
  });

  it('that are cancelled while they wait hear of it when they run', async () => {
    const queue = newQueue();
    const { uuid, job } = await added(queue, 'Wait', {}, { attempts: 3 });
    await recordWhen(url, uuid, ({ state }) => state === 'queued');
    expect((await fetch(`${url}/tasks/${uuid}/cancel?reason=too%20late`, { method: 'POST' })).ok).toBe(true);
    await recordWhen(url, uuid, ({ state, attempt }) => state === 'cancelled' && attempt === 0);
    const worker = newWorker(queue, trackJob(async (_job, _token, signal) => {
      if (!signal.aborted) await once(signal, 'abort');
      signal.throwIfAborted();
    }));
    await nextOf(worker, 'failed');
    const record = await recordWhen(url, uuid, ({ finished, attempt, cancel }) => finished && attempt === 1 && cancel?.heard !== null);
    expect(record).toMatchObject({ state: 'cancelled', cancel: { reason: 'too late', heard: expect.any(String) as string } });
    expect(await job.isFailed()).toBe(true);
  });

  it('that BullMQ cancels are cancelled tasks, whatever they throw', async () => {
    const queue = newQueue();
    const { job, uuid } = await added(queue, 'Wait', {});
    const reason = new Error('no longer needed');
    const worker = newWorker(queue, trackJob(async (_job, _token, signal) => {
      await once(signal, 'abort');
      throw reason;
    }));
    await recordWhen(url, uuid, ({ state }) => state === 'running');
    const failed = nextOf(worker, 'failed');
    expect(worker.cancelJob(job.id!)).toBe(true);

    expect((await failed)[1]).toBe(reason);
    expect(await ended(uuid)).toMatchObject({ state: 'cancelled', exception: '' });
  });

  it('that are removed before they run are cancelled tasks, whoever removes them', async () => {
    const queue = newQueue();
    const events = trackQueueEvents(new QueueEvents(queue.name, { connection: redis.connection }));
    onTestFinished(() => events.close());
    await events.waitUntilReady();
    const elsewhere = new Queue(queue.name, { connection: redis.connection });
    const flows = queueTasks(new FlowProducer({ connection: redis.connection }));
    onTestFinished(async () => {
      await Promise.all([elsewhere.close(), flows.close()]);
    });
    const stateOf = (id: string | undefined, state: string) => recordWhen(url, jobUuid(queue.name, id!), (record) => record.state === state);
    const add = async (options: object = {}) => (await queue.add('Never', {}, options)).id;

    const [byId, delayed] = [await add(), await add({ delay: 60_000 })];
    await queue.remove(byId!);
    expect(await stateOf(byId, 'cancelled')).toMatchObject({ task_name: 'Never', finished: true, status: 0, start: null, attempt: 0 });
    await (await queue.getJob(delayed!))!.remove();
    await stateOf(delayed, 'cancelled');

    const other = await add();
    await elsewhere.remove(other!);
    await stateOf(other, 'cancelled');
    const flow = await flows.add({ name: 'Parent', queueName: queue.name, children: [{ name: 'Child', queueName: queue.name }] });
    await elsewhere.remove(flow.job.id!);
    await Promise.all([stateOf(flow.job.id, 'cancelled'), stateOf(flow.children![0]!.job.id, 'cancelled')]);

    const [waiting, prioritized, later] = [await add(), await add({ priority: 2 }), await add({ delay: 60_000 })];
    await queue.drain();
    await Promise.all([stateOf(waiting, 'cancelled'), stateOf(prioritized, 'cancelled')]);
    await queue.drain(true);
    await stateOf(later, 'cancelled');
    const old = await add({ timestamp: Date.now() - 60_000 });
    expect(await queue.clean(1000, 0, 'wait')).toEqual([old]);
    expect(await stateOf(old, 'expired')).toMatchObject({ finished: true, exception: expect.stringMatching(/^expired: queued since /) as string });

    const worker = newWorker(queue, trackJob(() => undefined));
    const completed = nextOf(worker, 'completed');
    const ran = await add();
    await completed;
    await worker.close();
    const last = await add({ delay: 60_000 });
    await queue.remove(ran!);
    await queue.obliterate();
    await stateOf(last, 'cancelled');
    await stateOf(ran, 'completed');
  });

  it('of a job scheduler become tasks when they run, each its own, and none of them is queued or removed', async () => {
    const queue = newQueue();
    const worker = newWorker(queue, trackJob(() => undefined));
    const ran: Job[] = [];
    const bothRan = new Promise<void>((resolve) => {
      worker.on('completed', (job) => void (ran.push(job) === 2 && resolve()));
    });
    await queue.upsertJobScheduler('ticks', { every: 100 }, { name: 'Tick' });
    await bothRan;
    await queue.removeJobScheduler('ticks');
    await worker.close();
    const uuids = ran.map(({ id }) => jobUuid(queue.name, id!));
    expect(new Set(uuids).size).toBe(ran.length);
    for (const uuid of uuids) expect(await ended(uuid)).toMatchObject({ task_name: 'Tick', state: 'completed', attempt: 1 });
    await taskspan.flush();
    const { tasks } = (await (await fetch(`${url}/tasks?limit=100`)).json()) as { tasks: { task_name: string; state: string }[] };
    expect(tasks.filter(({ task_name }) => task_name === 'Tick' || task_name.startsWith('remove ')).map(({ state }) => state)).toEqual(ran.map(() => 'completed'));
  });

  it('that put themselves back have not failed, and go on as the next attempt', async () => {
    const queue = newQueue();
    const { uuid } = await added(queue, 'Later', {});
    newWorker(queue, trackJob(async (job: Job, token) => {
      if (job.attemptsStarted > 1) return;
      await job.moveToDelayed(Date.now() + 1, token);
      throw new DelayedError();
    }));
    const record = await recordWhen(url, uuid, ({ state }) => state === 'completed');
    expect(record).toMatchObject({ attempt: 2, exception: '' });
    expect(record.log).toMatch(/^\tBack in the queue, delayed\n[^]*\tAttempt 2\n/);
  });

  it('that run into a rate limit have not failed', async () => {
    const queue = newQueue();
    const { uuid } = await added(queue, 'Limited', {});
    const worker = newWorker(queue, trackJob(async ({ attemptsStarted }: Job) => {
      if (attemptsStarted > 1) return;
      await queue.rateLimit(1);
      throw Worker.RateLimitError();
    }), { limiter: { max: 1, duration: 1 } });
    await nextOf(worker, 'completed');
    const record = await recordWhen(url, uuid, ({ state }) => state === 'completed');
    expect(record.log).toMatch(/^\tBack in the queue, because of a rate limit\n[^]*\tAttempt 2\n/);
  });

  /** Soon after the lock of the worker that was killed has expired. */
  const STALLS = { stalledInterval: 200 };

  /** A worker in a process of its own, which is killed while it runs the job. */
  async function killedWhileRunning(queue: Queue, uuid: string): Promise<void> {
    const args = [join(HERE, 'bullmq-worker.ts'), queue.name, String(redis.connection.port), store];
    const worker = startNode(['--disable-warning=ExperimentalWarning', ...args], { cwd: await temporaryFolder() });
    await recordWhen(url, uuid, ({ log }) => log.includes('Running'));
    worker.kill('SIGKILL');
    await worker.ended;
  }

  it('whose worker is killed are taken up by another as the next attempt', async () => {
    const queue = newQueue();
    const { uuid } = await added(queue, 'Survive', {});
    await killedWhileRunning(queue, uuid);
    newWorker(queue, trackJob(async (_job, _token, _signal, updater) => updater.notify('Done at last')), STALLS);
    const record = await recordWhen(url, uuid, ({ state }) => state === 'completed');
    expect(record).toMatchObject({ attempt: 2 });
    expect(record.log).toMatch(/\tRunning\n[^]*\tAttempt 2\n\tDone at last\n/);
  });

  it('that BullMQ gives up because their workers die are failed tasks', async () => {
    const queue = newQueue();
    const { uuid } = await added(queue, 'Kill', {});
    await killedWhileRunning(queue, uuid);
    newWorker(queue, trackJob(() => expect.fail('it must not run')), { ...STALLS, maxStalledCount: 0 });
    const record = await recordWhen(url, uuid, ({ finished }) => finished);
    expect(record).toMatchObject({ state: 'failed', exception: 'job stalled more than allowable limit', attempt: 2 });
  });

  /** A worker whose processor is a file, in a process or a thread of its own. */
  function newSandbox(queue: Queue, useWorkerThreads: boolean): Worker {
    const own = { execArgv: ['--disable-warning=ExperimentalWarning', '--import', REGISTER], env: { ...process.env, TASKSPAN_STORE: store } };
    const options = { useWorkerThreads, workerForkOptions: own, workerThreadsOptions: own };
    return newWorker(queue, new URL('bullmq-sandbox.ts', import.meta.url), options);
  }

  it.each([
    ['a process', false],
    ['a thread', true],
  ])('are tasks in sandboxed processors too, in %s', async (_, useWorkerThreads) => {
    const queue = newQueue();
    const { uuid, job } = await added(queue, 'Flaky', {}, { attempts: 2 });
    // What the sandbox stores may be seen before its worker has the progress.
    const completed = nextOf(newSandbox(queue, useWorkerThreads), 'completed');
    const record = await recordWhen(url, uuid, ({ state }) => state === 'completed');
    await completed;
    expect(record).toMatchObject({ task_name: 'Flaky', attempt: 2, exception: '' });
    expect(record.log).toMatch(/TypeError: not yet\n[^]*\tAttempt 2\n\tHello from the sandbox\n/);
    expect((await queue.getJob(job.id!))?.progress).toBe(100);
  });

  it('are cancelled in a sandbox too, and then not tried again', async () => {
    const queue = newQueue();
    const { uuid, job } = await added(queue, 'Wait', {}, { attempts: 3 });
    const failed = nextOf(newSandbox(queue, false), 'failed');
    await recordWhen(url, uuid, ({ log }) => log.includes('Waiting'));
    await fetch(`${url}/tasks/${uuid}/cancel`, { method: 'POST' });
    await failed;
    expect(await ended(uuid)).toMatchObject({ state: 'cancelled', attempt: 1 });
    expect(await job.isFailed()).toBe(true);
  });

  it('whose sandbox dies are failed tasks', async () => {
    const queue = newQueue();
    const { uuid } = await added(queue, 'Die', {});
    newSandbox(queue, false);
    const record = await ended(uuid);
    expect(record).toMatchObject({ state: 'failed', exception: 'Unexpected exit code: null signal: SIGKILL', attempt: 1 });
    const { attempts } = (await (await fetch(`${url}/tasks/${uuid}/scopes`)).json()) as { attempts: unknown[] };
    expect(attempts).toHaveLength(1);
  });
});
