import { expect, onTestFinished, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { watchTasks } from '../../../src/client/index.ts';
import type { TasksSnapshot, TasksWatch, WatchTasksOptions } from '../../../src/client/index.ts';
import type { Outcome } from '../../../src/conventions.ts';
import { factsOf, NOW, uuidOf } from '../../collector/store/stored-task.ts';
import { cut, ORIGIN, retryAtOnce, snapshotOf } from './served-task.ts';

/** A list of tasks that an app serves to clients in the same process. */
class ServedList {
  readonly store: TaskStore = memoryStore();
  readonly asked: string[] = [];
  /** Answers a request in place of the app. */
  instead: (path: string) => Response | undefined | Promise<Response | undefined> = () => undefined;
  readonly #app = createTasksApp({ store: this.store });

  constructor() {
    onTestFinished(() => this.store.close());
  }

  async begin(...numbers: number[]): Promise<void> {
    for (const number of numbers) await this.store.append(factsOf(uuidOf(number), { time: NOW + number * 1000 }));
  }

  async end(number: number, end: Outcome = 'completed'): Promise<void> {
    await this.store.append(factsOf(uuidOf(number), { time: NOW + number * 1000, end }));
  }

  watch(options: WatchTasksOptions = {}): TasksWatch {
    const fetch = async (url: string, { headers, signal }: RequestInit): Promise<Response> => {
      const path = url.slice(ORIGIN.length);
      this.asked.push(path);
      return cut((await this.instead(path)) ?? (await this.#app.request(url, { headers: headers!, signal: signal! })), signal!);
    };
    const watch = watchTasks(`${ORIGIN}/tasks`, { fetch, ...options });
    onTestFinished(() => watch.close());
    return watch;
  }
}

const numbersOf = ({ tasks }: TasksSnapshot): number[] => tasks.map(({ task_uuid }) => Number(task_uuid.slice(-12)));
const shows =
  (...numbers: number[]) =>
  (snapshot: TasksSnapshot): boolean =>
    snapshot.connection === 'live' && numbersOf(snapshot).join() === numbers.join();

test('a list has the newest tasks first, and each change of them', async () => {
  const list = new ServedList();
  await list.begin(1, 2);
  const watch = list.watch();
  expect(watch.getSnapshot()).toEqual({ connection: 'connecting', tasks: [], hasMore: false });
  const first = await snapshotOf(watch, shows(2, 1));
  await list.begin(3);
  const second = await snapshotOf(watch, shows(3, 2, 1));
  expect(second.tasks[1]).toBe(first.tasks[0]);
  await list.end(1);
  const third = await snapshotOf(watch, ({ tasks }) => tasks[2]?.state === 'completed');
  expect(third.tasks.slice(0, 2)).toEqual(second.tasks.slice(0, 2));
  expect(third.tasks[0]).toBe(second.tasks[0]);
  await list.store.delete(uuidOf(1));
  expect(await snapshotOf(watch, shows(3, 2))).toMatchObject({ hasMore: false });
});

test('a task that leaves the filter leaves the list, and one that comes to fit it is there', async () => {
  const list = new ServedList();
  await list.begin(1, 2);
  const watch = list.watch({ filter: { state: 'running' } });
  await snapshotOf(watch, shows(2, 1));
  await list.end(2);
  await snapshotOf(watch, shows(1));
  await list.begin(3);
  await snapshotOf(watch, shows(3, 1));
  expect(list.asked.map((path) => decodeURIComponent(path))).toEqual(['/tasks/events?state=running', '/tasks?state=running&limit=50']);
});

test('a list is as long as its limit, and knows whether there is more', async () => {
  const list = new ServedList();
  await list.begin(1, 2, 3, 4);
  const watch = list.watch({ limit: 3 });
  expect(await snapshotOf(watch, shows(4, 3, 2))).toMatchObject({ hasMore: true });
  await list.end(1);
  await list.begin(5);
  expect(await snapshotOf(watch, shows(5, 4, 3))).toMatchObject({ hasMore: true });
  const short = list.watch({ limit: 5 });
  expect(await snapshotOf(short, shows(5, 4, 3, 2, 1))).toMatchObject({ hasMore: false });
  await list.begin(6);
  expect(await snapshotOf(short, shows(6, 5, 4, 3, 2))).toMatchObject({ hasMore: true });
});

test('a list of which most tasks have left is filled up with those for which there was no room', async () => {
  retryAtOnce();
  const list = new ServedList();
  await list.begin(1, 2, 3, 4, 5, 6);
  const watch = list.watch({ limit: 4, filter: { state: 'running' } });
  await snapshotOf(watch, shows(6, 5, 4, 3));
  await list.end(6);
  await snapshotOf(watch, shows(5, 4, 3));
  await list.end(5);
  await snapshotOf(watch, shows(4, 3));
  await list.end(4);
  expect(await snapshotOf(watch, shows(3, 2, 1))).toMatchObject({ hasMore: false });
});

test('what changes while the page is read is not missed', async () => {
  const list = new ServedList();
  await list.begin(1);
  list.instead = async (path) => {
    if (!path.startsWith('/tasks?')) return undefined;
    list.instead = () => undefined;
    await list.begin(2);
    return undefined;
  };
  await snapshotOf(list.watch(), shows(2, 1));
});

test('an older state of a task never takes the place of a newer one', async () => {
  const list = new ServedList();
  await list.begin(1);
  const old = JSON.stringify({ task_uuid: uuidOf(1), state: 'queued', version: 0, created: null });
  const events = ['event: start\nid: a\ndata: {"change":"a"}\n\n', `event: change\nid: b\ndata: ${old}\n\n`];
  list.instead = (path) =>
    path.startsWith('/tasks/events')
      ? new Response(new ReadableStream({ start: (controller) => events.forEach((event) => controller.enqueue(Buffer.from(event))) }), {
          headers: { 'Content-Type': 'text/event-stream' },
        })
      : undefined;
  const { tasks } = await snapshotOf(list.watch(), shows(1));
  expect(tasks).toMatchObject([{ state: 'running' }]);
});

test('a page that can not be read just now is read again, from the start', async () => {
  retryAtOnce();
  const list = new ServedList();
  await list.begin(1);
  let failures = 2;
  list.instead = (path) => (path.startsWith('/tasks?') && failures-- > 0 ? new Response('<h1>Bad gateway</h1>', { status: 502 }) : undefined);
  await snapshotOf(list.watch(), shows(1));
  expect(list.asked.filter((path) => path.startsWith('/tasks/events')).every((path) => !path.includes('after'))).toBe(true);
});

test('a filter that there is not is final, with what the server says', async () => {
  const list = new ServedList();
  const snapshot = await snapshotOf(list.watch({ filter: 'colour=blue' }), ({ error }) => error !== undefined);
  expect(snapshot).toMatchObject({ connection: 'failed', error: { status: 400, detail: expect.stringContaining('colour') as string } });
});
