import { SpanKind } from '@opentelemetry/api';
import { describe, expect, onTestFinished, test } from 'vitest';
import { memoryStore, TaskSpanProcessor } from '../../collector/index.ts';
import type { TaskStore } from '../../collector/index.ts';
import { announceTask, runTask } from '../../src/index.ts';
import type { Fact } from '../../src/fact.ts';
import type { AnnounceTaskOptions } from '../../src/index.ts';
import { recorded } from './support/recorded.ts';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';

/** The facts that a store gets. */
function appended(store: TaskStore): { facts: Fact[] } {
  const facts: Fact[] = [];
  const append = store.append.bind(store);
  store.append = (given) => {
    facts.push(...given);
    return append(given);
  };
  return { facts };
}

describe('an announced task', () => {
  test('is queued: known by name, not started, without a line in its log', async () => {
    const sdk = recorded();
    const uuid = await announceTask({ taskName: 'Import', taskUuid: UUID.toUpperCase(), attributes: { queue: 'mail' } });
    expect(uuid).toBe(UUID);
    expect(await sdk.record(uuid)).toMatchObject({
      task_name: 'Import', start: null, end: null, log: '', exception: '', finished: false, status: 2, state: 'queued',
      attempt: 0, progress: null, attributes: { queue: 'mail' }, trace_id: null, heard: null, version: 1,
    });
    expect(await sdk.attempts(uuid)).toEqual([]);
  });

  test.each([
    [3_600_000, 3_600_000],
    [0, 0],
    [undefined, null],
    [Number.NaN, null],
    [-1, null],
  ])('has the time after which it expires: %s is recorded as %s', async (queuedFinalMs, kept) => {
    const store = memoryStore();
    const processor = new TaskSpanProcessor({ store, beatIntervalMs: 0, retention: false });
    onTestFinished(() => processor.shutdown());
    const { facts } = appended(store);
    await announceTask({ taskName: 'Import', ...(queuedFinalMs !== undefined && { queuedFinalMs }) });
    expect(facts).toMatchObject([{ kind: 'task-announced', name: 'Import', attributes: {} }]);
    expect((facts[0] as { queuedFinalMs?: number }).queuedFinalMs ?? null).toBe(kept);
  });

  test('can be found when the promise resolves', async () => {
    const store = memoryStore();
    const processor = new TaskSpanProcessor({ store, beatIntervalMs: 0, retention: false });
    onTestFinished(() => processor.shutdown());
    const uuid = await announceTask({ taskName: 'Import' });
    expect(await store.task(uuid)).toMatchObject({ state: 'queued', task_name: 'Import' });
  });

  test('has its name, attributes and their values cut where they are too long', async () => {
    const sdk = recorded();
    const uuid = await announceTask({ taskName: 'Import', attributes: { a: 'long', b: 1 }, limits: { name: 2, attributes: 1, attributeValue: 3 } });
    expect(await sdk.record(uuid)).toMatchObject({ task_name: 'Im… (cut: 6 characters)', attributes: { a: 'lon… (cut: 4 characters)' } });
    expect((await sdk.record(uuid)).attributes).not.toHaveProperty('b');
  });

  test('runs when a worker takes it, with its own attributes over those that were announced', async () => {
    const sdk = recorded();
    const taskUuid = await announceTask({ taskName: 'Announced', attributes: { by: 'producer', queue: 'mail' } });
    runTask('Import', (updater) => updater.scope('Read', () => undefined), { taskUuid, attributes: { by: 'worker' } });
    expect(await sdk.record(taskUuid)).toMatchObject({
      task_name: 'Import', state: 'completed', attempt: 1, jobs: { total: 1, finished: 1 }, attributes: { by: 'worker', queue: 'mail' },
    });
  });

  test('that has begun before stays as it was', async () => {
    const sdk = recorded();
    const uuid = runTask('Import', (updater) => updater.taskUuid);
    const before = { ...(await sdk.record(uuid)), updated: '', version: 0 };
    await announceTask({ taskName: 'Late', taskUuid: uuid });
    expect({ ...(await sdk.record(uuid)), updated: '', version: 0 }).toEqual(before);
    expect(await sdk.log(uuid)).toBe('\tTask Finished\n');
  });

  test('is a producer\'s span in the trace of the code that announced it', async () => {
    const sdk = recorded();
    await runTask('Parent', async () => announceTask({ taskName: 'Import', taskUuid: UUID, attributes: { queue: 'mail' } }));
    const [announcement, parent] = [await sdk.span('enqueue Import'), await sdk.span('Parent')];
    expect(announcement.kind).toBe(SpanKind.PRODUCER);
    expect(announcement.parentSpanContext?.spanId).toBe(parent.spanContext().spanId);
    expect(announcement.attributes).toEqual({
      'taskspan.span': 'announcement', 'taskspan.task.uuid': UUID, 'taskspan.task.name': 'Import', queue: 'mail',
    });
    expect((await sdk.record(UUID)).state).toBe('queued');
  });

  test('contains no secrets', async () => {
    const sdk = recorded();
    const redact = (text: string): string => text.replace('hunter2', '***');
    const uuid = await announceTask({ taskName: 'Login hunter2', attributes: { password: 'hunter2' }, redact });
    expect(await sdk.record(uuid)).toMatchObject({ task_name: 'Login ***', attributes: { password: '***' } });
  });

  test('has a UUID without any SDK too, a new one each time', async () => {
    const [one, other] = [await announceTask({ taskName: 'x' }), await announceTask({ taskName: 'x' })];
    expect(one).toMatch(/^[0-9a-f-]{36}$/);
    expect(other).not.toBe(one);
  });
});

test.each<[string, object | string, string]>([
  ['no options', 'Import', 'announceTask: expected an object of options, got "Import"'],
  ['no name', {}, 'taskName: expected the name to be a string, got undefined'],
  ['an unknown option', { taskName: 'x', name: 'y' }, 'announceTask: expected options among taskName, taskUuid, attributes, queuedFinalMs, redact, limits, got "name"'],
  ['no UUID', { taskName: 'x', taskUuid: '1' }, 'taskUuid: expected a UUID (RFC 9562), got "1"'],
  ['attributes of ours', { taskName: 'x', attributes: { 'taskspan.x': 1 } }, 'attributes: expected names that are not empty and not of taskspan.*'],
  ['a text to redact with', { taskName: 'x', redact: 'x' }, 'redact: expected a function, got "x"'],
])('an announcement with %s rejects with a TypeError', async (_, options, message) => {
  const announced = announceTask(options as AnnounceTaskOptions);
  await expect(announced).rejects.toThrow(TypeError);
  await expect(announced).rejects.toThrow(message);
});
