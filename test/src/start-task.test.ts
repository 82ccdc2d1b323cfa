import { context, propagation, trace } from '@opentelemetry/api';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { describe, expect, expectTypeOf, onTestFinished, test, vi } from 'vitest';
import { memoryStore, TaskSpanProcessor } from '../../collector/index.ts';
import type { TaskStore } from '../../collector/index.ts';
import { announceTask, startTask } from '../../src/index.ts';
import type { StartedTask } from '../../src/index.ts';
import { diagnosed } from './support/diagnosed.ts';
import { recorded } from './support/recorded.ts';
import { thrown } from './support/thrown.ts';

/** A store that commits nothing until a test lets it. */
function heldStore(): { store: TaskStore; asked: Promise<void>; commit: () => void } {
  const store = memoryStore();
  const append = store.append.bind(store);
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  store.append = async (facts) => {
    asked.resolve();
    await held.promise;
    await append(facts);
  };
  return { store, asked: asked.promise, commit: held.resolve };
}

/** Registers a provider whose tasks go to a store, until the test has finished. */
function recordIn(store: TaskStore): void {
  const provider = new NodeTracerProvider({ spanProcessors: [new TaskSpanProcessor({ store, beatIntervalMs: 0, retention: false })] });
  provider.register();
  onTestFinished(async () => {
    trace.disable();
    context.disable();
    propagation.disable();
    await provider.shutdown();
  });
}

describe('a started task', () => {
  test('has begun when startTask returns, and can be found when it resolves', async () => {
    const { store, asked, commit } = heldStore();
    recordIn(store);
    const events: string[] = [];
    const starting = startTask('Import', async (updater) => {
      events.push('begun');
      updater.notify('Hello');
      await new Promise(() => undefined);
    }).then(async ({ taskUuid }) => {
      events.push('found');
      return store.task(taskUuid);
    });
    expect(events).toEqual(['begun']);
    await asked;
    expect(events).toEqual(['begun']);
    commit();
    expect(await starting).toMatchObject({ task_name: 'Import', state: 'running', log_bytes: 7 });
  });

  test('has the function\'s result or error as `done`, and ends by it', async () => {
    const sdk = recorded();
    const well = await startTask('Well', async (updater) => updater.scope('Part', () => 5), { attributes: { queue: 'mail' } });
    expectTypeOf(well).toEqualTypeOf<StartedTask<number>>();
    expect(await well.done).toBe(5);
    expect(await sdk.record(well.taskUuid)).toMatchObject({ state: 'completed', attributes: { queue: 'mail' } });
    const error = new Error('no');
    for (const fn of [() => thrown(error), () => Promise.reject(error)]) {
      const badly = await startTask('Badly', fn);
      await expect(badly.done).rejects.toBe(error);
      expect(await sdk.record(badly.taskUuid)).toMatchObject({ state: 'failed', exception: 'no' });
    }
  });

  test('that suppresses exceptions rejects `done` by the latest one', async () => {
    recorded();
    const { done } = await startTask('Import', (updater) => updater.scope('Part', () => thrown(new Error('no'))), { suppressException: true });
    await expect(done).rejects.toThrow('no');
  });

  test('resolves at once where nothing records it', async () => {
    const { taskUuid, done } = await startTask('Import', () => 5);
    expect(taskUuid).toMatch(/^[0-9a-f-]{36}$/);
    expect(await done).toBe(5);
  });

  test('rejects wrong arguments, as runTask throws them', async () => {
    await expect(startTask(5 as never, () => 1)).rejects.toThrow(TypeError);
    await expect(startTask('Import', 'x' as never)).rejects.toThrow('startTask: expected a function, got "x"');
    await expect(startTask('Import', () => 1, { colour: 'blue' } as never)).rejects.toThrow('startTask: expected options among');
  });
});

/** @isolated A process reports each cause once, and a loaded machine may have reported this one in another file. */
test('a store that does not commit delays neither a start nor an announcement for longer than two seconds, and is reported once', async () => {
  const warnings = diagnosed();
  const { store, commit } = heldStore();
  recordIn(store);
  const started = vi.fn();
  await Promise.all([
    startTask('Import', started),
    startTask('Import', started),
    announceTask({ taskName: 'Later' }),
  ]);
  expect(started).toHaveBeenCalledTimes(2);
  expect(warnings).toEqual(['taskspan: a task could not be committed within 2 s of its start or announcement: it can\'t be found yet']);
  commit();
});
