import * as fc from 'fast-check';
import type { Hono } from 'hono';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ListChannel, readChanged } from '../../../../collector/server/live/list-channel.ts';
import { ListFilter } from '../../../../collector/server/live/list-filter.ts';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { memoryStore, sqliteStore } from '../../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../../collector/store/task-store.ts';
import { filterOf } from '../../../../src/filter-parameters.ts';
import { matches } from '../../../../src/task-filter.ts';
import { TASK_STATES } from '../../../../src/task-record.ts';
import type { TaskSummary } from '../../../../src/task-record.ts';
import { heldClock } from '../../../support/held-clock.ts';
import type { HeldClock } from '../../../support/held-clock.ts';
import { cases } from '../../record/arbitrary-task.ts';
import { ScriptedTask } from '../../record/scripted-task.ts';
import type { AttemptStart } from '../../record/scripted-task.ts';
import { uuidOf } from '../../store/stored-task.ts';
import { EventReader } from './event-reader.ts';

vi.mock('../../../../collector/timers.ts', () => import('../../../support/global-timers.ts'));

/** Some tasks in a store, by number. */
class Tasks {
  readonly store: TaskStore;
  readonly app: Hono;
  readonly #tasks = new Map<number, ScriptedTask>();

  constructor(store: TaskStore = memoryStore()) {
    this.store = store;
    this.app = createTasksApp({ store, listen: false });
  }

  task(number: number): ScriptedTask {
    const task = this.#tasks.get(number) ?? new ScriptedTask(uuidOf(number));
    this.#tasks.set(number, task);
    return task;
  }

  async commit(number: number, work: (task: ScriptedTask) => void): Promise<void> {
    const task = this.task(number);
    await this.store.append(task.during(() => work(task)));
  }

  begin(number: number, start: AttemptStart = {}): Promise<void> {
    return this.commit(number, (task) => task.attempt({ name: `task ${number}`, ...start }));
  }

  notify(number: number): Promise<void> {
    return this.commit(number, (task) => task.attempts.at(-1)!.notify('line'));
  }

  complete(number: number): Promise<void> {
    return this.commit(number, (task) => task.attempts.at(-1)!.complete());
  }

  fail(number: number): Promise<void> {
    return this.commit(number, (task) => task.attempts.at(-1)!.fail({ name: 'Error', message: 'disk full' }));
  }

  async watch(query: string, app: Hono = this.app): Promise<EventReader> {
    const events = new EventReader(await app.request(`/tasks/events?${query}`));
    if (!query.includes('after=')) expect(await events.next()).toMatchObject({ event: 'start' });
    return events;
  }
}

/** The next event as `change 1` or `gone 1`, with the number of its task. */
async function next(events: EventReader): Promise<string> {
  const { event, data } = (await events.next())!;
  return `${event} ${Number((JSON.parse(data) as TaskSummary).task_uuid.slice(-12))}`;
}

/** Lets time pass until the promise is settled. */
async function passUntil<T>(clock: HeldClock, promise: Promise<T>): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => (isSettled = true));
  // oxlint-disable-next-line no-unmodified-loop-condition -- the promise modifies it
  while (!isSettled) await clock.pass(100);
  return settled;
}

test('a list stream has the tasks that fit its filter, and names those that fit no more', async () => {
  const tasks = new Tasks();
  await tasks.begin(1);
  await tasks.begin(2);
  const running = await tasks.watch('state=running');
  await tasks.begin(3);
  expect(await next(running)).toBe('change 3');
  await tasks.complete(3);
  expect(await next(running)).toBe('gone 3');
  // It was there before the stream: the client has it from the list.
  await tasks.complete(1);
  expect(await next(running)).toBe('gone 1');
  await tasks.notify(2);
  expect(await next(running)).toBe('change 2');
  expect(running.lastId).toBe((await tasks.store.changes({ limit: 1 })).position);
});

test('tasks that never fitted are not named, neither where they change nor where they are deleted', async () => {
  const tasks = new Tasks();
  for (const number of [1, 2, 3]) await tasks.begin(number);
  const failed = await tasks.watch('state=failed');
  await tasks.notify(1);
  await tasks.complete(1);
  await tasks.store.delete(uuidOf(1));
  await tasks.begin(4);
  await tasks.fail(2);
  expect(await next(failed)).toBe('change 2');
  await tasks.store.delete(uuidOf(2));
  expect(await next(failed)).toBe('gone 2');
  await tasks.notify(3);
  await tasks.fail(3);
  expect(await next(failed)).toBe('change 3');
  // Another attempt, in which it runs.
  await tasks.commit(3, (task) => task.attempt());
  expect(await next(failed)).toBe('gone 3');
});

test('a client that comes back learns what fits and what fits no more, at another server too, and of no task that never fitted', async () => {
  const tasks = new Tasks();
  for (const number of [1, 2, 3, 4, 5]) await tasks.begin(number, { attributes: { customer: number === 5 ? 'b' : 'a' } });
  const query = 'state=running&attribute.customer=a';
  const before = await tasks.watch(query);
  await tasks.notify(1);
  expect(await next(before)).toBe('change 1');
  const { lastId } = before;
  await before[Symbol.asyncDispose]();
  await tasks.complete(1);
  await tasks.complete(5);
  await tasks.notify(5);
  await tasks.complete(2);
  await tasks.store.delete(uuidOf(2));
  await tasks.notify(3);
  await tasks.begin(6, { attributes: { customer: 'a' } });
  for (const app of [tasks.app, createTasksApp({ store: tasks.store, listen: false })]) {
    const after = await tasks.watch(`${query}&after=${lastId}`, app);
    expect([await next(after), await next(after), await next(after), await next(after)].toSorted()).toEqual(['change 3', 'change 6', 'gone 1', 'gone 2']);
    await tasks.notify(4);
    expect(await next(after)).toBe('change 4');
    await after[Symbol.asyncDispose]();
  }
  const failed = await tasks.watch(`state=failed&after=${lastId}`);
  await tasks.fail(3);
  // Of running tasks it is known that they were not failed; of deleted ones nothing is known.
  expect([await next(failed), await next(failed)]).toEqual(['gone 2', 'change 3']);
});

test('a client that begins with all changes is sent what fits, and no other task is named', async () => {
  const tasks = new Tasks();
  for (const number of [1, 2, 3]) await tasks.begin(number);
  await tasks.complete(1);
  await tasks.store.delete(uuidOf(1));
  await tasks.complete(2);
  const running = await tasks.watch('state=running&after=0');
  expect(await next(running)).toBe('change 3');
  await tasks.complete(3);
  expect(await next(running)).toBe('gone 3');
});

test('a client that begins with all changes learns that a task fits no more which it was sent a moment ago', async () => {
  const tasks = new Tasks();
  await tasks.begin(1);
  const other = await tasks.watch('state=running');
  const beginning = await tasks.watch('state=running&after=0');
  expect(await next(beginning)).toBe('change 1');
  // The list has gone on before this client reads on, which has not caught up with it.
  await tasks.complete(1);
  expect(await next(other)).toBe('gone 1');
  await tasks.begin(2);
  expect([await next(beginning), await next(beginning)]).toEqual(['gone 1', 'change 2']);
});

test('what a client has is what the list has, whatever happens and however often it is cut off', async () => {
  const step = fc.record({
    task: fc.integer({ min: 1, max: 5 }),
    what: fc.constantFrom('begin', 'notify', 'complete', 'fail', 'delete'),
    isCut: fc.boolean(),
    hasOther: fc.boolean(),
  });
  const query = fc.constantFrom('state=running', 'state=failed,completed', 'error=disk', 'name=task 1&name=task 2', 'state=queued', 'q=task', 'attribute.n=2');
  await fc.assert(
    fc.asyncProperty(query, fc.array(step, { maxLength: 25 }), async (search, steps) => {
      const tasks = new Tasks(sqliteStore(':memory:'));
      const apps = [tasks.app, createTasksApp({ store: tasks.store, listen: false })] as const;
      let events = await tasks.watch(search);
      let { lastId } = events;
      const seen = new Map<string, number>();
      const take = async (): Promise<void> => {
        const { event, data } = (await events.next())!;
        lastId = events.lastId || lastId;
        const task = JSON.parse(data) as TaskSummary;
        if (event === 'gone') seen.delete(task.task_uuid);
        else if (event === 'change') seen.set(task.task_uuid, task.version);
      };
      for (const { task: number, what, isCut, hasOther } of steps) {
        const task = tasks.task(number);
        const isOpen = task.attempts.at(-1)?.open === true;
        if (what === 'delete') await tasks.store.delete(task.uuid);
        else if (what === 'begin') await tasks.begin(number, { attributes: { n: number } });
        else if (isOpen) await tasks[what](number);
        if (!isCut) continue;
        await events[Symbol.asyncDispose]();
        events = await tasks.watch(`${search}&after=${lastId}`, apps[hasOther ? 1 : 0]);
      }
      const filter = filterOf(new URLSearchParams(search));
      const all = (await tasks.store.tasks({ limit: 10 })).tasks;
      const fitting = new Map<string, number>();
      for (const { uuid, version } of all) if (matches(filter, (await tasks.store.task(uuid))!)) fitting.set(uuid, version);
      const isSame = (): boolean => seen.size === fitting.size && [...fitting].every(([uuid, version]) => seen.get(uuid) === version);
      while (!isSame()) await take();
      await events[Symbol.asyncDispose]();
      await tasks.store.close();
    }),
    cases(60),
  );
});

test('lists of equal filters are one: their tasks are read once, and their events are the same bytes', async () => {
  const tasks = new Tasks();
  await tasks.begin(1);
  const queries = ['state=running&name=task*&name=x', 'name=x&name=task*&state=running'];
  const read = vi.spyOn(tasks.store, 'tasks');
  const streams = await Promise.all(Array.from({ length: 20 }, (_, at) => tasks.watch(queries[at % 2]!)));
  expect(read).toHaveBeenCalledTimes(1);
  const many = vi.spyOn(tasks.store, 'storedMany');
  await tasks.notify(1);
  const sent = await Promise.all(streams.map(async (events) => (await events.next())!.data));
  expect(new Set(sent).size).toBe(1);
  expect(many).toHaveBeenCalledTimes(1);
});

test('attributes that are too long for a list are found, and left out of the event', async () => {
  const tasks = new Tasks();
  await tasks.begin(1, { attributes: { customer: 'acme', notes: 'x'.repeat(7000), more: 'y'.repeat(7000) } });
  const events = await tasks.watch('attribute.customer=acme');
  await tasks.notify(1);
  const { data } = (await events.next())!;
  expect(JSON.parse(data)).toMatchObject({ task_uuid: uuidOf(1), attributes: {}, cut: ['attributes'] });
  const late = await tasks.watch('attribute.customer=acme&after=0');
  expect(await next(late)).toBe('change 1');
});

test('a task that has run for so long fits from then on, without a commit', async () => {
  const clock = heldClock();
  const tasks = new Tasks();
  await tasks.begin(1);
  const start = Date.parse((await tasks.store.task(uuidOf(1)))!.start!);
  const now = vi.spyOn(Date, 'now').mockReturnValue(start + 599_000);
  onTestFinished(() => now.mockRestore());
  const events = await tasks.watch('longer_than=10m');
  const first = next(events);
  await clock.pass(2000);
  now.mockReturnValue(start + 601_000);
  expect(await passUntil(clock, first)).toBe('change 1');
  const second = next(events);
  await clock.pass(2000);
  await tasks.complete(1);
  expect(await passUntil(clock, second)).toBe('gone 1');
});

test('with longer_than a client that comes back has the tasks that began to fit meanwhile, and learns that they have ended', async () => {
  const clock = heldClock();
  const tasks = new Tasks();
  await tasks.begin(1);
  const start = Date.parse((await tasks.store.task(uuidOf(1)))!.start!);
  const now = vi.spyOn(Date, 'now').mockReturnValue(start + 599_000);
  onTestFinished(() => now.mockRestore());
  const query = 'longer_than=10m&state=running';
  // Another client keeps the list alive on this server, and is told while the first one is away.
  const other = await tasks.watch(query);
  const { position } = await tasks.store.changes({ limit: 1 });
  now.mockReturnValue(start + 601_000);
  expect(await passUntil(clock, next(other))).toBe('change 1');
  const events = await tasks.watch(`${query}&after=${position}`);
  expect(await next(events)).toBe('change 1');
  // On another server it comes back before that has noticed how long the task has run.
  const late = await tasks.watch(`${query}&after=${position}`, createTasksApp({ store: tasks.store, listen: false }));
  expect(await next(late)).toBe('change 1');
  const ends = Promise.all([next(events), next(late)]);
  await tasks.complete(1);
  expect(await passUntil(clock, ends)).toEqual(['gone 1', 'gone 1']);
});

test('a list that learns later than its place what fits names a task that has left in between', async () => {
  const tasks = new Tasks();
  await tasks.begin(1);
  await tasks.begin(2);
  const { position } = await tasks.store.changes({ limit: 1 });
  const list = new ListChannel(new ListFilter({ states: ['running'] }), { position, page: 0 }, 65_536);
  await tasks.complete(1);
  await list.learn(tasks.store);
  const before = list.channel.last;
  const { uuids, position: end } = await tasks.store.changes({ after: position, limit: 10 });
  for await (const changed of readChanged(tasks.store, uuids, false)) await list.send(changed, { position: end, page: 1 });
  expect(Buffer.from(before.next!.message!.event).toString()).toBe(`event: gone\nid: ${end}\ndata: {"task_uuid":"${uuidOf(1)}"}\n\n`);
});

test('a client to which nothing was sent for long goes on from there: comments have the position', async () => {
  const tasks = new Tasks();
  await tasks.begin(1);
  const app = createTasksApp({ store: tasks.store, listen: false, streams: { aliveMs: 100 } });
  const events = await tasks.watch('state=failed', app);
  await tasks.notify(1);
  const { position } = await tasks.store.changes({ limit: 1 });
  const following = next(events);
  await expect.poll(() => events.lastId).toBe(position);
  expect(events.comments).toContain('alive');
  await tasks.fail(1);
  expect(await following).toBe('change 1');
});

test.each([['state=gone', 'state'], ['name=', 'name'], ['attribute.=5', 'attribute.'], ['order=newest', 'order'], ['longer_than=5', 'longer_than']])(
  'a list stream with %s is refused as the list is',
  async (query, name) => {
    const response = await new Tasks().app.request(`/tasks/events?${query}`);
    expect(response.status).toBe(400);
    expect(((await response.json()) as { detail: string }).detail).toContain(name);
  },
);

test('streams of each state together have each task in one of them', async () => {
  const tasks = new Tasks();
  const seen = new Map<string, Set<string>>();
  const streams = new Map<string, EventReader>();
  for (const state of TASK_STATES) {
    streams.set(state, await tasks.watch(`state=${state}`));
    seen.set(state, new Set());
  }
  onTestFinished(async () => {
    for (const events of streams.values()) await events[Symbol.asyncDispose]();
  });
  const moves: [() => Promise<void>, string, string | undefined][] = [
    [() => tasks.commit(1, (task) => task.announce('task 1')), 'queued', undefined],
    [() => tasks.begin(1), 'running', 'queued'],
    [() => tasks.fail(1), 'failed', 'running'],
    [() => tasks.begin(1), 'running', 'failed'],
    [() => tasks.complete(1), 'completed', 'running'],
  ];
  for (const [move, to, from] of moves) {
    await move();
    expect(await next(streams.get(to)!)).toBe('change 1');
    if (from !== undefined) expect(await next(streams.get(from)!)).toBe('gone 1');
  }
});
