import { context, propagation, trace } from '@opentelemetry/api';
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest';
import { memoryStore, startTaskspan } from '../../collector/index.ts';
import type { AttemptRecord, TaskSummary } from '../../collector/index.ts';
import { recordedTasks } from '../../collector/testing.ts';
import type { RecordedTasks } from '../../collector/testing.ts';
import { announceTask, runTask, startTask } from '../../src/index.ts';
import { diagnosed } from '../src/support/diagnosed.ts';

async function importCustomers(): Promise<string> {
  return runTask('Import', async (updater) => {
    await updater.scope('Read', async (scope) => scope.notify('Read 3 rows'));
    updater.setResult({ rows: 3 });
    return updater.taskUuid;
  });
}

/** The tasks that are recorded until the test has finished. */
async function recorded(): Promise<RecordedTasks> {
  const tasks = await recordedTasks();
  onTestFinished(() => tasks.close());
  return tasks;
}

describe('recorded tasks', () => {
  test('have record, log and scopes, whole as soon as they are asked for', async () => {
    const tasks = await recorded();
    const taskUuid = await importCustomers();
    const record = await tasks.record(taskUuid);
    expectTypeOf(record).toEqualTypeOf<TaskSummary>();
    expect(record).toMatchObject({
      task_name: 'Import', task_uuid: taskUuid, state: 'completed', result: { rows: 3 }, jobs: { total: 1, finished: 1 },
    });
    expect(await tasks.log(taskUuid.toUpperCase())).toBe(
      '\t - Read\n\tRead 3 rows\n\t\tSuccessfully completed\n\t\tTime spent: 0h0m\n\tTask Finished - 1 out of 1 jobs finished\n',
    );
    const attempts = await tasks.scopes(taskUuid);
    expectTypeOf(attempts).toEqualTypeOf<AttemptRecord[]>();
    expect(attempts).toMatchObject([{ attempt: 1, scopes: [{ name: 'Read', outcome: 'completed' }] }]);
  });

  test('are there while they run, and all of them in their order', async () => {
    const tasks = await recorded();
    const taskUuid = await announceTask({ taskName: 'Later' });
    const work = Promise.withResolvers<void>();
    const started = await startTask('Now', async (updater) => {
      updater.notify('Hello');
      await work.promise;
    });
    expect(await tasks.record(started.taskUuid)).toMatchObject({ state: 'running', log_bytes: 7 });
    work.resolve();
    await started.done;
    const names = (await tasks.records()).map(({ task_name: name, state }) => `${name} ${state}`);
    expect(names).toEqual(['Later queued', 'Now completed']);
    expect(await tasks.record(taskUuid)).toMatchObject({ state: 'queued' });
  });

  test('have what code sets on the active span, without any provider', async () => {
    const tasks = await recorded();
    const taskUuid = await runTask('Import', async (updater) => {
      trace.getActiveSpan()?.setAttribute('rows', 3);
      return updater.taskUuid;
    });
    expect(await tasks.record(taskUuid)).toMatchObject({ attributes: { rows: 3 }, trace_sampled: false });
  });

  test('that are unknown reject', async () => {
    const tasks = await recorded();
    const uuid = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
    for (const read of [tasks.record(uuid), tasks.log(uuid), tasks.scopes(uuid)]) {
      await expect(read).rejects.toThrow(`task ${uuid} is not among the recorded tasks`);
    }
    expect(await tasks.records()).toEqual([]);
  });

  test('are recorded beside a provider, whatever it samples, and it is left as it was', async () => {
    const exporter = new InMemorySpanExporter();
    const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    provider.register();
    onTestFinished(async () => {
      trace.disable();
      context.disable();
      propagation.disable();
      await provider.shutdown();
    });
    const tasks = await recorded();
    const taskUuid = await importCustomers();
    const [attempt] = await tasks.scopes(taskUuid);
    expect(exporter.getFinishedSpans().at(-1)!.spanContext().spanId).toBe(attempt!.span_id);
    expect(await tasks.record(taskUuid)).toMatchObject({ state: 'completed', trace_sampled: true });
    await tasks.close();
    await importCustomers();
    expect(exporter.getFinishedSpans()).toHaveLength(4);
  });

  test('do not depend on fake timers', async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const tasks = await recorded();
    const { taskUuid, done } = await startTask('Import', importCustomers);
    await done;
    expect(await tasks.record(taskUuid)).toMatchObject({ state: 'completed' });
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a recording', () => {
  test('leaves nothing behind: neither a recorded task, a listener nor a global of OpenTelemetry', async () => {
    const told = diagnosed();
    const listeners = (): unknown[] => process.eventNames().map((name) => [name, process.listenerCount(name)]);
    const globals = (): unknown[] => Object.entries((globalThis as Record<symbol, object>)[Symbol.for('opentelemetry.js.api.1')] ?? {});
    const before = [listeners(), globals()];
    const first = await recordedTasks();
    const [known] = [await importCustomers()];
    await first.close();
    await first.close();
    const unknown = await importCustomers();
    expect([listeners(), globals()]).toEqual(before);
    expect((await first.records()).map(({ task_uuid: uuid }) => uuid)).toEqual([known]);
    const second = await recorded();
    await expect(second.record(unknown)).rejects.toThrow('not among');
    expect(await second.record(await importCustomers())).toMatchObject({ state: 'completed' });
    expect(told).toEqual([]);
  });

  test('ends with its block', async () => {
    const uuids: string[] = [];
    for (let run = 0; run < 2; run++) {
      await using tasks = await recordedTasks();
      uuids.push(await importCustomers());
      expect((await tasks.records()).map(({ task_uuid: uuid }) => uuid)).toEqual(uuids.slice(-1));
    }
  });

  test('is refused where another one, or a collector, runs', async () => {
    const message = 'recordedTasks: a collector or another recording runs in this process: close it first';
    const tasks = await recordedTasks();
    await expect(recordedTasks()).rejects.toThrow(message);
    await tasks.close();
    diagnosed();
    const taskspan = await startTaskspan({ store: memoryStore(), registerProvider: false });
    await expect(recordedTasks()).rejects.toThrow(message);
    await taskspan.close();
    await (await recordedTasks()).close();
  });
});
