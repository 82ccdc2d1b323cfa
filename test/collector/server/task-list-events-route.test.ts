import * as fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { TaskSummary } from '../../../src/task-record.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { EventReader } from './live/event-reader.ts';

const PATH = '/tasks/events';

/** Tasks in a store, by number. */
function manyTasks(store: TaskStore): { say: (number: number, text?: string) => Promise<void> } {
  const tasks = new Map<number, ScriptedTask>();
  return {
    say: async (number, text = 'line') => {
      const task = tasks.get(number) ?? new ScriptedTask(`00000000-0000-4000-8000-${String(number).padStart(12, '0')}`);
      const isNew = !tasks.has(number);
      tasks.set(number, task);
      await store.append(
        task.during(() => {
          if (isNew) task.attempt({ name: `task ${number}` });
          else task.attempts[0]!.notify(text);
        }),
      );
    },
  };
}

async function nextTask(events: EventReader): Promise<TaskSummary> {
  const event = (await events.next())!;
  expect(event.event).toBe('change');
  return JSON.parse(event.data) as TaskSummary;
}

test('the stream of all tasks has each new and changed task from now on, as the list has it', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  const { say } = manyTasks(store);
  await say(1);
  const events = new EventReader(await app.request(PATH));
  const { position } = await store.changes({ limit: 1 });
  expect(await events.next()).toEqual({ event: 'start', id: position, data: JSON.stringify({ change: position }) });
  await say(2);
  const added = await nextTask(events);
  await say(1, 'changed');
  const changed = await nextTask(events);
  const { tasks } = (await (await app.request('/tasks')).json()) as { tasks: TaskSummary[] };
  expect([added, changed]).toEqual(tasks);
  expect(events.lastId).toBe((await store.changes({ limit: 1 })).position);
});

test('a client of all tasks that reconnects gets each task that has changed meanwhile once', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  const { say } = manyTasks(store);
  for (const number of [1, 2]) await say(number);
  const { position } = await store.changes({ limit: 1 });
  for (const number of [3, 1, 3, 3]) await say(number);
  for (const [options, path] of [[{ headers: { 'Last-Event-ID': position } }, PATH], [{}, `${PATH}?after=${position}`]] as const) {
    const events = new EventReader(await app.request(path, options));
    expect(await nextTask(events)).toMatchObject({ task_name: 'task 1', version: 2 });
    // Only the last event of a batch has an id: a client that is cut off in it gets all of it again.
    expect(events.lastId).toBe('');
    expect(await nextTask(events)).toMatchObject({ task_name: 'task 3', version: 3 });
    expect(events.lastId).toBe((await store.changes({ limit: 1 })).position);
  }
});

test('an id that was never given is a 400 as a parameter, and begins from the start where a client reconnects with it', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  await manyTasks(store).say(1);
  const { position } = await store.changes({ limit: 1 });
  const ofAnother = (await memoryStore().changes({ limit: 1 })).position;
  for (const id of ['2', 'x', '1.5', `${position}0`, ofAnother]) {
    expect((await app.request(`${PATH}?after=${id}`)).status).toBe(400);
    const events = new EventReader(await app.request(PATH, { headers: { 'Last-Event-ID': id } }));
    expect(await events.next()).toMatchObject({ event: 'start', id: position });
  }
});

test('a client of all tasks that is cut off at any moment has in the end the latest state of each', async () => {
  const folder = await temporaryFolder();
  let files = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ task: fc.integer({ min: 1, max: 5 }), cut: fc.boolean(), elsewhere: fc.boolean() }), { maxLength: 25 }),
      async (steps) => {
        const path = `${folder}/${++files}.sqlite`;
        const stores = [sqliteStore(path), sqliteStore(path)] as const;
        const apps = stores.map((store) => createTasksApp({ store }));
        const { say } = manyTasks(stores[0]);
        const seen = new Map<string, number>();
        let ofConnection = new Map<string, number>();
        let last = '0';
        let at = 0;
        let events = new EventReader(await apps[0]!.request(`${PATH}?after=0`));
        const take = async (): Promise<void> => {
          const task = await nextTask(events);
          last = events.lastId || last;
          expect(task.version).toBeGreaterThan(ofConnection.get(task.task_uuid) ?? 0);
          ofConnection.set(task.task_uuid, task.version);
          seen.set(task.task_uuid, Math.max(task.version, seen.get(task.task_uuid) ?? 0));
        };
        for (const { task, cut, elsewhere } of steps) {
          await say(task);
          if (!cut) continue;
          await events[Symbol.asyncDispose]();
          if (elsewhere) at = 1 - at;
          ofConnection = new Map();
          events = new EventReader(await apps[at]!.request(`${PATH}?after=${last}`));
          await take();
        }
        const { tasks } = await stores[0].tasks({ limit: 10 });
        while (tasks.some(({ uuid, version }) => seen.get(uuid) !== version)) await take();
        await events[Symbol.asyncDispose]();
        for (const store of stores) await store.close();
      },
    ),
    cases(25),
  );
});

test('a request to cancel a task, and to cancel its child tasks, is a change of each', async () => {
  const store = memoryStore();
  const child = new ScriptedTask('64bf5712-b9ec-11e9-afdd-8c16454a0938');
  child.attempt({ parentTaskUuid: UUID });
  const parent = new ScriptedTask();
  parent.attempt();
  await store.append([...parent.facts, ...child.facts].map((fact) => (fact.kind === 'task-start' ? { ...fact, workerId: 'w', cancellable: true } : fact)));
  const events = new EventReader(await createTasksApp({ store }).request(PATH));
  await events.next();
  await store.cancel(UUID, { reason: 'wrong file' });
  const changes = [await nextTask(events), await nextTask(events)];
  expect(changes.map(({ task_uuid: uuid }) => uuid)).toEqual([UUID, child.uuid]);
  for (const change of changes) expect(change).toMatchObject({ version: 1, cancel: { reason: 'wrong file', heard: null } });
});

test('a server on another connection that is behind the client catches up', async () => {
  const path = `${await temporaryFolder()}/tasks.sqlite`;
  const [writing, reading] = [sqliteStore(path), sqliteStore(path)];
  onTestFinished(() => Promise.all([writing.close(), reading.close()]).then(() => undefined));
  const { say } = manyTasks(writing);
  await say(1);
  const app = createTasksApp({ store: reading });
  const other = new EventReader(await app.request(PATH));
  await other.next();
  await say(2);
  const { position } = await writing.changes({ limit: 1 });
  const response = await app.request(`${PATH}?after=${position}`);
  expect(response.status).toBe(200);
  await response.body!.cancel();
});

test('a client that reconnects to a server that is behind gets no change twice', async () => {
  const path = `${await temporaryFolder()}/tasks.sqlite`;
  const [writing, reading] = [sqliteStore(path), sqliteStore(path)];
  onTestFinished(() => Promise.all([writing.close(), reading.close()]).then(() => undefined));
  const { say } = manyTasks(writing);
  await say(1);
  const app = createTasksApp({ store: reading });
  await new EventReader(await app.request(PATH)).next();
  await say(2);
  const events = new EventReader(await app.request(`${PATH}?after=0`));
  await nextTask(events);
  await nextTask(events);
  await say(3);
  expect(await nextTask(events)).toMatchObject({ task_name: 'task 3' });
  expect(events.lastId).toBe((await writing.changes({ limit: 1 })).position);
});

/** Does something once after a store has found what has changed, and before it reads the tasks. */
function beforeTheNextRead(store: TaskStore, work: () => Promise<void>): void {
  const read = store.storedMany.bind(store);
  vi.spyOn(store, 'storedMany').mockImplementationOnce(async (uuids) => {
    await work();
    return read(uuids);
  });
}

test('a task that changes while a client that reconnects is sent what it missed comes once in each version', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  const { say } = manyTasks(store);
  await say(1);
  beforeTheNextRead(store, () => say(1));
  const events = new EventReader(await app.request(`${PATH}?after=0`));
  expect(await nextTask(events)).toMatchObject({ task_name: 'task 1', version: 2 });
  await say(2);
  expect(await nextTask(events)).toMatchObject({ task_name: 'task 2', version: 1 });
});

test('a task that changes while it is read comes once to each client, also to one that has just connected', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  const { say } = manyTasks(store);
  await say(1);
  const first = new EventReader(await app.request(PATH));
  await first.next();
  const second = Promise.withResolvers<EventReader>();
  const started = second.promise.then((events) => events.next());
  beforeTheNextRead(store, async () => {
    await say(1);
    second.resolve(new EventReader(await app.request(PATH)));
  });
  await say(1);
  await started;
  for (const events of [first, await second.promise]) expect(await nextTask(events)).toMatchObject({ version: 3 });
  await say(1);
  for (const events of [first, await second.promise]) expect(await nextTask(events)).toMatchObject({ version: 4 });
});
