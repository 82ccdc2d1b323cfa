import { rmSync } from 'node:fs';
import { context, propagation, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createReceiver, memoryStore, startTaskspan, TaskSpanProcessor } from '../../../collector/index.ts';
import type { TaskStore } from '../../../collector/index.ts';
import { hasListener } from '../../../collector/store/heartbeat.ts';
import type { Fact } from '../../../src/fact.ts';
import { runTask, TaskUpdater } from '../../../src/index.ts';
import { diagnosed } from '../../src/support/diagnosed.ts';
import { traceBody } from '../otlp/receive/otlp-bodies.ts';
import { newFile, storeIn } from '../store/sqlite-file.ts';
import { DAY, factsOf, uuidOf } from '../store/stored-task.ts';

function sdk(...stores: TaskStore[]) {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({
    spanProcessors: [...stores.map((store) => new TaskSpanProcessor({ store })), new SimpleSpanProcessor(exporter)],
  });
  provider.register();
  onTestFinished(async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    await provider.shutdown();
  });
  return { provider, exporter };
}

test('of 100,000 notifications in one scope none is missing and all are in order, though the span keeps 128', async () => {
  const store = memoryStore();
  const { provider, exporter } = sdk(store);
  const updater = new TaskUpdater({ taskName: 'chatty' });
  updater.scope('talk', (scope) => {
    for (let step = 0; step < 100_000; step++) scope.notify(`step ${step}`);
  });
  updater.complete();
  // One flush ends after two seconds, also where a loaded machine has not committed all by then.
  for (let flush = 0; flush < 5; flush++) await provider.forceFlush();
  const lines = (await store.log(updater.taskUuid))!.text.split('\n').slice(1, 100_001);
  expect(lines.findIndex((line, step) => line !== `\tstep ${step}`)).toBe(-1);
  const span = exporter.getFinishedSpans().find(({ name }) => name === 'talk')!;
  expect(span.events).toHaveLength(128);
  const [attempt] = (await store.scopes(updater.taskUuid))!.attempts;
  const [scope] = attempt!.scopes;
  expect(scope!.notification_count).toBe(100_000);
  expect(scope!.notifications.map(({ message }) => message)).toEqual(
    Array.from({ length: 100 }, (_, index) => `step ${99_900 + index}`),
  );
});

test('two processors on one provider both have the whole task', async () => {
  const stores = [memoryStore(), memoryStore(), memoryStore()];
  const { provider } = sdk(...stores);
  let uuid = '';
  runTask('task', (updater) => {
    uuid = updater.taskUuid;
    updater.scope('part', (scope) => {
      scope.notify('said');
      scope.progress(1, 2);
    });
    updater.setResult(42);
  });
  await provider.forceFlush();
  const summaries = await Promise.all(stores.map(async (store) => (await store.stored(uuid))!.summary));
  expect(JSON.parse(summaries[0]!)).toMatchObject({ state: 'completed', result: 42, jobs: { finished: 1 } });
  expect(new Set(summaries).size).toBe(1);
  const logs = await Promise.all(stores.map(async (store) => (await store.log(uuid))!.text));
  expect(new Set(logs).size).toBe(1);
});

test('a task span that other code has ended keeps its lines, here and where the span is received', async () => {
  const [here, there] = [memoryStore(), memoryStore()];
  const { provider, exporter } = sdk(here);
  let uuid = '';
  runTask('task', (updater) => {
    uuid = updater.taskUuid;
    updater.notify('one');
    updater.notify('two');
    // Later than both by any clock: the SDK's own may be a little behind.
    trace.getActiveSpan()!.end(Date.now() + 1000);
  });
  await provider.forceFlush();
  const headers = { 'Content-Type': 'application/json' };
  const body = traceBody('json', exporter.getFinishedSpans());
  await createReceiver({ store: there }).request('/v1/traces', { method: 'POST', body, headers });
  for (const store of [here, there]) expect((await store.log(uuid))!.text).toBe('\tone\n\ttwo\n\tTask Finished\n');
  // The updater knows when the task ended, the span when it was ended.
  const [ours, theirs] = await Promise.all([here, there].map(async (store) => JSON.parse((await store.stored(uuid))!.summary) as object));
  expect({ ...theirs, end: null, updated: null }).toEqual({ ...ours, end: null, updated: null });
});

test('a store that fails is tried again, and the task does not notice', async () => {
  let failures = 3;
  const failing = memoryStore();
  const append = failing.append.bind(failing);
  failing.append = (facts) => (failures-- > 0 ? Promise.reject(new Error('unreachable')) : append(facts));
  const { provider } = sdk(failing);
  let uuid = '';
  expect(
    await runTask('task', async (updater) => {
      uuid = updater.taskUuid;
      updater.notify('said');
      return 'result';
    }),
  ).toBe('result');
  await expect
    .poll(async () => {
      await provider.forceFlush();
      return (await failing.stored(uuid))?.state;
    })
    .toBe('completed');
});

test('ended tasks go, quiet ones are lost and announced ones expire when their time is over, others stay', async () => {
  const store = memoryStore();
  const announced = (number: number, time: number): Fact => ({
    kind: 'task-announced', span: { taskUuid: uuidOf(number), traceId: 'c'.repeat(32), spanId: 'c'.repeat(16), taskSpanId: '' }, seq: 0, time, name: 'to come', attributes: {},
  });
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: now - 40 * (DAY / 1000) });
  await store.append([...factsOf(uuidOf(1), { end: 'completed' }), ...factsOf(uuidOf(2))]);
  vi.useRealTimers();
  await store.append([...factsOf(uuidOf(3)), announced(4, now * 1000 - 8 * DAY), announced(5, now * 1000 - 6 * DAY)]);
  sdk(store);
  await expect.poll(() => store.stored(uuidOf(1))).toBeUndefined();
  const states = async (): Promise<unknown> => (await store.tasks({ limit: 9 })).tasks.map(({ uuid, state }) => `${uuid.slice(-1)} ${state}`);
  await expect.poll(states).toEqual(['5 queued', '4 expired', '3 running', '2 lost']);
});

test('with retention: false all stay', async () => {
  const store = memoryStore();
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now: now - 400 * (DAY / 1000) });
  await store.append(factsOf(uuidOf(1), { end: 'completed' }));
  vi.useRealTimers();
  await store.append(factsOf(uuidOf(2)));
  const processor = new TaskSpanProcessor({ store, retention: false, beatIntervalMs: 50 });
  onTestFinished(() => processor.shutdown());
  const looked = vi.spyOn(store, 'workers');
  await expect.poll(() => looked.mock.calls.length).toBeGreaterThan(10);
  expect((await store.stored(uuidOf(1)))!.state).toBe('completed');
});

test('tasks of a worker that falls silent are lost, those of this process promise no heartbeats', async () => {
  const store = memoryStore();
  const [start, ...others] = factsOf(uuidOf(1));
  await store.append([{ ...start!, workerIntervalMs: 50 } as Fact, ...others]);
  const provider = new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store, beatIntervalMs: 50, lostFinalMs: 0 })] });
  provider.register();
  onTestFinished(async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    await provider.shutdown();
  });
  const updater = new TaskUpdater({ taskName: 'mine' });
  await expect.poll(async () => (await store.stored(uuidOf(1)))!.state).toBe('lost');
  expect(await store.stored(updater.taskUuid)).toMatchObject({ state: 'running' });
  expect((await store.stored(updater.taskUuid))!.liveness).toBeUndefined();
  updater.complete();
});

test.each([
  ['bufferBytes', 1, 'bufferBytes: expected a whole number of at least 1048576, got 1'],
  ['bufferBytes', 1500000.5, 'bufferBytes: expected a whole number of at least 1048576, got 1500000.5'],
  ['beatIntervalMs', 7, 'beatIntervalMs: expected 0 or a whole number from 50 to 3600000, got 7'],
  ['lostFinalMs', -1, 'lostFinalMs: expected a whole number from 0 to 2147483647, got -1'],
  ['retention', { days: -1 }, 'retention.days: expected '],
])('a %s of %j is a RangeError', (option, value, message) => {
  const make = (): unknown => new TaskSpanProcessor({ store: memoryStore(), [option]: value });
  expect(make).toThrow(RangeError);
  expect(make).toThrow(message);
});

test.each([
  [undefined, 'TaskSpanProcessor: expected an object of options, got undefined'],
  [{ store: memoryStore(), bufferbytes: 1 }, 'TaskSpanProcessor: expected options among store, bufferBytes, beatIntervalMs, lostFinalMs, quietFinalMs, queuedFinalMs, retention, got "bufferbytes"'],
])('invalid options are a TypeError: %#', (options, message) => {
  expect(() => new TaskSpanProcessor(options as never)).toThrow(new TypeError(message));
});

test('spans of other instrumentations leave no trace in record, log and tree', async () => {
  const store = memoryStore();
  const { provider } = sdk(store);
  const tracer = trace.getTracer('other');
  const updater = new TaskUpdater({ taskName: 'task' });
  updater.scope('part', () => {
    const span = tracer.startSpan('inside');
    span.addEvent('taskspan.notification', { 'taskspan.message': 'not ours', 'taskspan.seq': 1 });
    span.end();
  });
  updater.complete();
  await provider.forceFlush();
  expect((await store.log(updater.taskUuid))!.text).not.toContain('not ours');
  expect((await store.scopes(updater.taskUuid))!.attempts[0]!.scopes.map(({ name, scopes }) => [name, scopes])).toEqual([['part', []]]);
});

test('a UUID in upper case, as other instrumentations may write it, is kept in lower case', async () => {
  const store = memoryStore();
  const { provider } = sdk(store);
  const uuid = '54BF5712-B9EC-11E9-AFDD-8C16454A0938';
  const attributes = { 'taskspan.span': 'task', 'taskspan.task.uuid': uuid };
  for (let attempt = 0; attempt < 2; attempt++) provider.getTracer('other').startSpan('foreign', { attributes }).end();
  await provider.forceFlush();
  expect(await store.stored(uuid.toLowerCase())).toMatchObject({ state: 'completed' });
});

test('a task that runs while the file of its store is deleted is in the new file, with its name', async () => {
  diagnosed();
  const path = newFile();
  const store = storeIn(path);
  const { provider } = sdk(store);
  const updater = new TaskUpdater({ taskName: 'work' });
  await provider.forceFlush();
  for (const end of ['', '-wal', '-shm']) rmSync(`${path}${end}`, { force: true });
  updater.notify('said');
  await vi.waitFor(async () => expect((await store.log(updater.taskUuid))?.text).toContain('said'), { timeout: 10_000 });
  await provider.forceFlush();
  expect(await store.task(updater.taskUuid)).toMatchObject({ task_name: 'work' });
  updater.complete();
});

test('an ended collector listens no more to whether the file of its store was replaced', async () => {
  const store = memoryStore();
  const ends = vi.fn();
  store.onReplaced = () => ends;
  const processor = new TaskSpanProcessor({ store });
  await processor.shutdown();
  const taskspan = await startTaskspan({ store });
  await taskspan.close();
  expect(ends).toHaveBeenCalledTimes(2);
});

test('an app on a store whose collector has ended listens to workers itself', async () => {
  const store = memoryStore();
  const processors = [new TaskSpanProcessor({ store }), new TaskSpanProcessor({ store })];
  for (const processor of processors) {
    expect(hasListener(store)).toBe(true);
    await processor.shutdown();
    await processor.shutdown();
  }
  expect(hasListener(store)).toBe(false);
});
