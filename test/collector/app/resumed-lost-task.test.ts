import { beforeEach, describe, expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/app/tasks-app.ts';
import { memoryStore } from '../../../collector/store/memory-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact, SpanRef } from '../../../src/fact.ts';
import { UUID } from '../record/scripted-task.ts';
import { EventReader, FollowedRecord } from './event-reader.ts';

const PATH = `/tasks/${UUID}/events`;
const span: SpanRef = { taskUuid: UUID, traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), taskSpanId: 'b'.repeat(16) };
const START: Fact = {
  kind: 'task-start', span, seq: 0, time: 1_767_323_045_000_000, name: 'TEST', attempt: 1, attributes: {}, workerId: 'worker',
  workerIntervalMs: 5000, sampled: true,
};

describe('a task that is lost while nobody watches', () => {
  let store: TaskStore;
  let client: FollowedRecord;

  beforeEach(async () => {
    store = memoryStore();
    client = new FollowedRecord();
    await store.append([START]);
  });

  /** What the client gets of an app of its own, as after a restart, until it has so many events. */
  async function watch(lastId: string, events: number): Promise<EventReader> {
    const app = createTasksApp({ store, listen: false });
    const reader = new EventReader(await app.request(PATH, { headers: { 'Last-Event-ID': lastId } }));
    for (let count = 0; count < events; count++) client.take((await reader.next())!);
    return reader;
  }

  async function silence(final: boolean): Promise<void> {
    const [worker] = await store.workers();
    await store.silence([{ id: 'worker', beats: worker!.beats, silentMs: 15_000, lost: true, final }]);
  }

  test('is told so to who comes back with its version', async () => {
    const { lastId } = await watch('', 1);
    expect(client.record).toMatchObject({ state: 'running', version: 1 });
    await silence(false);
    await watch(lastId, 1);
    expect(client.record).toMatchObject({ state: 'lost', finished: false, version: 1 });
  });

  test('for good is told so, and its end, once', async () => {
    const { lastId } = await watch('', 1);
    await silence(true);
    const reader = await watch(lastId, 2);
    expect(client.record).toMatchObject({ state: 'lost', finished: true, status: 0, version: 1 });
    expect(client.ended).toBe(true);
    expect(await reader.next()).toBeUndefined();
    const again = await createTasksApp({ store }).request(PATH, { headers: { 'Last-Event-ID': reader.lastId } });
    expect(again.status).toBe(204);
  });

  test('for good goes on for who has seen that end, where it comes back after all', async () => {
    const { lastId } = await watch('', 1);
    await silence(true);
    const reader = await watch(lastId, 2);
    await store.append([{ kind: 'notification', span, seq: 1, time: START.time + 1, message: 'back' }]);
    client.ended = false;
    await watch(reader.lastId, 1);
    expect(client.record).toMatchObject({ version: 2, log: '\tback\n' });
  });
});
