import type { Hono } from 'hono';
import { expect, test, vi } from 'vitest';
import { eventText } from '../../../../collector/server/live/event-stream.ts';
import { readMany } from '../../../../collector/server/read-many.ts';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../../collector/store/sqlite/sqlite-store.ts';
import { STORE_METHODS } from '../../../../collector/store/task-store.ts';
import type { StoredTask, TaskStore } from '../../../../collector/store/task-store.ts';
import { ScriptedTask } from '../../record/scripted-task.ts';
import { uuidOf } from '../../store/stored-task.ts';
import { EventReader } from './event-reader.ts';

/** Some running tasks in a store, by number, whose app is asked for them. */
class Tasks {
  readonly #kept: TaskStore = memoryStore();
  /** The kept store, but for the calls that a test replaces. */
  readonly store: TaskStore = Object.fromEntries(
    STORE_METHODS.map((method) => [method, (...args: never[]) => (this.#kept[method] as (...args: never[]) => unknown).apply(this.#kept, args)]),
  ) as unknown as TaskStore;
  readonly app: Hono = createTasksApp({ store: this.store });
  readonly #tasks = new Map<number, ScriptedTask>();

  async begin(...numbers: number[]): Promise<void> {
    for (const number of numbers) {
      const task = new ScriptedTask(uuidOf(number));
      this.#tasks.set(number, task);
      task.attempt({ name: `task ${number}` });
      await this.store.append(task.facts);
    }
  }

  async notify(...numbers: number[]): Promise<void> {
    await this.store.append(numbers.flatMap((number) => this.#tasks.get(number)!.during(() => this.#tasks.get(number)!.attempts[0]!.notify('line'))));
  }

  async result(number: number, json: string): Promise<void> {
    await this.store.append(this.#tasks.get(number)!.during(() => this.#tasks.get(number)!.attempts[0]!.result(json)));
  }

  /** The stream of a task, with its first event read. */
  async watch(number: number): Promise<EventReader> {
    const events = new EventReader(await this.app.request(`/tasks/${uuidOf(number)}/events`));
    await events.next();
    return events;
  }

  async watchAll(): Promise<EventReader> {
    const events = new EventReader(await this.app.request('/tasks/events'));
    await events.next();
    return events;
  }

  /** From now on the record of a task is one that can't be encoded. */
  spoil(number: number): void {
    const spoilt = (task: StoredTask | undefined): StoredTask | undefined =>
      task?.uuid === uuidOf(number) ? { ...task, summary: task.summary.slice(0, 20), liveness: { heard: Number.NaN, busySince: null, final: false } } : task;
    this.store.stored = async (uuid) => spoilt(await this.#kept.stored(uuid));
    this.store.storedMany = async (uuids, form) => (await this.#kept.storedMany(uuids, form)).map(spoilt);
    this.store.tasks = async (query) => {
      const page = await this.#kept.tasks(query);
      return { ...page, tasks: page.tasks.map((task) => spoilt(task)!) };
    };
  }

  /** The log of a task can't be read until the returned function is called. */
  withoutLog(number: number): () => void {
    const failing = vi.spyOn(this.store, 'log').mockImplementation(async (uuid, range) => {
      if (uuid === uuidOf(number)) throw new Error('disk I/O error');
      return this.#kept.log(uuid, range);
    });
    return () => failing.mockRestore();
  }
}

const PRETTY = '{\n  "a": 1,\r\n  "b": [\r1, 2]\n}';

test('an event whose data has line breaks has a data line for each', () => {
  expect(eventText({ event: 'change', id: '7', data: PRETTY })).toBe(
    'event: change\nid: 7\ndata: {\ndata:   "a": 1,\ndata:   "b": [\ndata: 1, 2]\ndata: }\n\n',
  );
});

test('a result with line breaks arrives in the stream of its task and in that of all tasks', async () => {
  const tasks = new Tasks();
  await tasks.begin(1);
  const [one, all] = [await tasks.watch(1), await tasks.watchAll()];
  await tasks.result(1, PRETTY);
  for (const events of [one, all]) expect(JSON.parse((await events.next())!.data)).toMatchObject({ result: { a: 1, b: [1, 2] }, version: 2 });
});

test('a result nested 20,000 levels deep stops no stream, not even that of its task', async () => {
  const tasks = new Tasks();
  await tasks.begin(1, 2);
  const [one, other, all] = [await tasks.watch(1), await tasks.watch(2), await tasks.watchAll()];
  await tasks.result(1, '['.repeat(20_000) + ']'.repeat(20_000));
  await tasks.notify(2);
  expect((await one.next())!.data).toMatch(/"version":2/);
  expect(JSON.parse((await other.next())!.data)).toMatchObject({ log: { text: '\tline\n' } });
  await all.next();
  expect(JSON.parse((await all.next())!.data)).toMatchObject({ task_name: 'task 2', version: 2 });
  const { tasks: list } = (await (await tasks.app.request('/tasks')).json()) as { tasks: unknown[] };
  expect(list).toHaveLength(2);
});

test('a task whose record can\'t be encoded ends its own streams alone, and is missing in lists', async () => {
  const tasks = new Tasks();
  await tasks.begin(1, 2);
  const [one, other, all] = [await tasks.watch(1), await tasks.watch(2), await tasks.watchAll()];
  tasks.spoil(1);
  await tasks.notify(1, 2);
  expect(await one.next()).toBeUndefined();
  expect(JSON.parse((await other.next())!.data)).toMatchObject({ log: { text: '\tline\n' } });
  expect(JSON.parse((await all.next())!.data)).toMatchObject({ task_name: 'task 2', version: 2 });
  expect(await (await tasks.app.request('/tasks')).json()).toMatchObject({ tasks: [{ task_name: 'task 2' }] });
  expect((await tasks.app.request(`/tasks/${uuidOf(1)}`)).status).toBe(503);
  expect((await tasks.app.request(`/tasks/${uuidOf(1)}/events`)).status).toBe(503);
});

test('a task whose log can\'t be read for a while waits alone, and misses nothing', async () => {
  const tasks = new Tasks();
  await tasks.begin(1, 2);
  const [one, other] = [await tasks.watch(1), await tasks.watch(2)];
  const restore = tasks.withoutLog(1);
  await tasks.notify(1, 2);
  expect(JSON.parse((await other.next())!.data)).toMatchObject({ log: { text: '\tline\n' } });
  restore();
  expect(JSON.parse((await one.next())!.data)).toMatchObject({ log: { text: '\tline\n' }, version: 2 });
});

test('many tasks are read in parts of 200, each UUID once', async () => {
  const asked: (readonly string[])[] = [];
  const store = { storedMany: async (uuids: readonly string[]) => (asked.push(uuids), uuids.map(() => undefined)) };
  const uuids = Array.from({ length: 450 }, (_, at) => uuidOf(at));
  const found: string[] = [];
  for await (const part of readMany(store, uuids)) found.push(...part.map(([uuid]) => uuid));
  expect(asked.map((part) => part.length)).toEqual([200, 200, 50]);
  expect(found).toEqual(uuids);
});

test('tasks that are long together are read in parts of 1 MiB', async () => {
  const tasks = new Tasks();
  const numbers = [1, 2, 3, 4, 5];
  await tasks.begin(...numbers);
  for (const number of numbers) await tasks.result(number, JSON.stringify('x'.repeat(400_000)));
  const parts: number[] = [];
  for await (const part of readMany(tasks.store, numbers.map(uuidOf))) parts.push(part.length);
  expect(parts).toEqual([2, 2, 1]);
});
