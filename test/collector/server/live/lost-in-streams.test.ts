import { expect, test } from 'vitest';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import type { TaskSummary } from '../../../../src/task-record.ts';
import type { TaskStore } from '../../../../collector/store/task-store.ts';
import { BACKENDS, factsOf, NOW, openSqlite, storePath, uuidOf } from '../../store/stored-task.ts';
import { EventReader } from './event-reader.ts';

const TASK = uuidOf(1);

/** Stores that are read and written: one, or two on the same file as two processes have them. */
const STORES: [string, () => { read: TaskStore; written: TaskStore }][] = [
  ...BACKENDS.map(([name, open]): (typeof STORES)[number] => [name, () => {
    const store = open();
    return { read: store, written: store };
  }]),
  ['in a SQLite file that another one writes', () => {
    const path = storePath();
    return { read: openSqlite(path), written: openSqlite(path) };
  }],
];

async function lose(store: TaskStore, final: boolean): Promise<void> {
  const [worker] = await store.workers();
  await store.silence([{ id: 'w', beats: worker!.beats, silentMs: 15_000, lost: true, final }]);
}

function comeBack(store: TaskStore): Promise<void> {
  return store.beat([{ workerId: 'w', host: 'here', pid: 1, intervalMs: 5000, time: NOW, busySince: null }]);
}

const running = factsOf(TASK).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact));

const HAPPENINGS: [(store: TaskStore) => Promise<void>, Partial<TaskSummary>][] = [
  [(store) => lose(store, false), { state: 'lost', version: 1 }],
  [comeBack, { state: 'running', version: 1 }],
  [(store) => lose(store, true), { state: 'lost', finished: true, version: 1 }],
];

/** The next event with another state than before: heartbeats come in between. */
async function nextState(events: EventReader, before: string): Promise<Partial<TaskSummary>> {
  for (;;) {
    const told = JSON.parse((await events.next())!.data) as Partial<TaskSummary>;
    if (told.state !== undefined && told.state !== before) return told;
  }
}

test('a client that reconnects gets the loss of its task, though its version is the same', async () => {
  const store = openSqlite();
  const app = createTasksApp({ store, listen: false });
  await store.append(running);
  const resumed = async (id: string): Promise<EventReader> =>
    new EventReader(await app.request(`/tasks/${TASK}/events`, { headers: { 'Last-Event-ID': id } }));
  for (const [happen, expected] of HAPPENINGS) {
    await happen(store);
    await using events = await resumed('1');
    const { id, data } = (await events.next())!;
    const record = (await (await app.request(`/tasks/${TASK}`)).json()) as TaskSummary;
    const told = JSON.parse(data) as TaskSummary;
    expect(told).toMatchObject(expected);
    expect(record).toMatchObject(told);
    expect(id).toBe(record.finished ? '1-lost' : '1');
    if (record.finished) expect(await events.next()).toMatchObject({ event: 'end' });
  }
  const end = await app.request(`/tasks/${TASK}/events`, { headers: { 'Last-Event-ID': '1-lost' } });
  expect(end.status).toBe(204);
  await store.append(factsOf(TASK, { end: 'failed' }));
  const { id, data } = (await (await resumed('1-lost')).next())!;
  expect([id, JSON.parse(data)]).toEqual(['2', expect.objectContaining({ state: 'failed' })]);
});

test.each(STORES)('a stream of a task in a store %s, and of all tasks, has its loss, its return and its final loss', async (_, open) => {
  const { read, written } = open();
  const app = createTasksApp({ store: read, listen: false });
  await written.append(running);
  const all = new EventReader(await app.request('/tasks/events'));
  const one = new EventReader(await app.request(`/tasks/${TASK}/events`));
  const start = (await all.next())!;
  await one.next();
  let state = 'running';
  for (const [happen, expected] of HAPPENINGS) {
    await happen(written);
    for (const events of [all, one]) expect(await nextState(events, state)).toMatchObject(expected);
    state = expected.state!;
  }
  expect(await one.next()).toMatchObject({ event: 'end', data: '{"version":1,"state":"lost"}' });
  const later = new EventReader(await app.request(`/tasks/events?after=${start.id}`));
  expect(JSON.parse((await later.next())!.data)).toMatchObject({ task_uuid: TASK, state: 'lost', finished: true });
});
