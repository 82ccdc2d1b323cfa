import { once } from 'node:events';
import { connect } from 'node:net';
import * as fc from 'fast-check';
import type { Hono } from 'hono';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { TaskChange } from '../../../src/task-stream.ts';
import type { TaskRecord } from '../../../src/task-record.ts';
import type { StreamOptions } from '../../../collector/server/live/event-stream.ts';
import { serveTasks } from '../../../collector/server/serve-tasks.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore, sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { Cancellation, TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { temporaryFolder } from '../../support/node-process.ts';
import { arbitraryTask, cases } from '../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import type { ScriptedAttempt } from '../record/scripted-task.ts';
import { EventReader, FollowedRecord } from './live/event-reader.ts';

const PATH = `/tasks/${UUID}/events`;

/** A task whose every fact is committed at once. */
class Telling {
  readonly store: TaskStore;
  readonly app: Hono;
  readonly attempt: ScriptedAttempt;
  readonly #task = new ScriptedTask();

  private constructor(store: TaskStore, streams: StreamOptions) {
    this.store = store;
    this.app = createTasksApp({ store, streams });
    this.attempt = this.#task.attempt();
  }

  static async begin(store: TaskStore = memoryStore(), streams: StreamOptions = {}): Promise<Telling> {
    const telling = new Telling(store, streams);
    await store.append(telling.#task.facts);
    return telling;
  }

  async say(...messages: string[]): Promise<void> {
    await this.commit(() => {
      for (const message of messages) this.attempt.notify(message);
    });
  }

  async commit(calls: () => void): Promise<void> {
    await this.store.append(this.#task.during(calls));
  }

  end(): Promise<void> {
    return this.commit(() => this.attempt.complete());
  }

  async record(): Promise<TaskRecord> {
    return (await (await this.app.request(`/tasks/${UUID}`)).json()) as TaskRecord;
  }

  async watch(headers: Record<string, string> = {}, path: string = PATH): Promise<EventReader> {
    return new EventReader(await this.app.request(path, { headers }));
  }
}

async function sqliteFile(): Promise<{ store: TaskStore; path: string }> {
  const path = `${await temporaryFolder()}/tasks.sqlite`;
  const store = sqliteStore(path);
  onTestFinished(() => store.close());
  return { store, path };
}

/** Calls of the store by name. */
function counted(store: TaskStore): { store: TaskStore; calls: Map<string, number> } {
  const calls = new Map<string, number>();
  const counting = new Proxy(store, {
    get(target, name: string) {
      const value = Reflect.get(target, name) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        calls.set(name, (calls.get(name) ?? 0) + 1);
        return value.apply(target, args);
      };
    },
  });
  return { store: counting, calls };
}

describe('a stream of a task', () => {
  test('begins with the present record, then has each commit, and ends with the task', async () => {
    const task = await Telling.begin();
    await task.say('first');
    const events = await task.watch();
    const record = (await events.next())!;
    expect(record).toMatchObject({ event: 'record', id: '2' });
    expect(JSON.parse(record.data)).toEqual({ ...(await task.record()), log_from: 0 });

    await task.say('é second');
    const change = (await events.next())!;
    expect(change).toMatchObject({ event: 'change', id: '3' });
    expect(JSON.parse(change.data)).toEqual({
      version: 3,
      updated: expect.any(String),
      log_bytes: 18,
      log_lines: 2,
      log: { offset: 7, text: '\té second\n' },
    });

    await task.end();
    const [last, end] = await events.rest();
    expect(last).toMatchObject({ event: 'change', id: '4' });
    expect(JSON.parse(last!.data)).toMatchObject({ finished: true, state: 'completed', status: 1, version: 4 });
    expect(end).toEqual({ event: 'end', id: '4', data: '{"version":4,"state":"completed"}' });
  });

  test('has a request to cancel and its receipt at once, without a new version, also for a client that comes back', async () => {
    const task = await Telling.begin();
    await task.store.append([{ ...task.attempt.task.facts[0]!, span: { ...task.attempt.ref, spanId: 'e'.repeat(16), taskSpanId: 'e'.repeat(16) }, attempt: 2, workerId: 'w', cancellable: true } as Fact]);
    const events = await task.watch();
    expect(JSON.parse((await events.next())!.data)).toMatchObject({ cancel: null, version: 2 });
    await task.store.cancel(UUID, { by: 'ada' });
    const asked = { requested: expect.any(String) as string, by: 'ada', reason: null, heard: null };
    const change = (await events.next())!;
    expect([change.event, change.id, JSON.parse(change.data)]).toEqual(['change', '2', { cancel: asked, version: 2 }]);
    const [{ number }] = (await task.store.cancellations('w', 0)) as [Cancellation];
    await task.store.cancellationHeard('w', number);
    const heard = { cancel: { ...asked, heard: expect.any(String) as string }, version: 2 };
    expect(JSON.parse((await events.next())!.data)).toEqual(heard);
    const back = await task.watch({ 'Last-Event-ID': '2' });
    expect(JSON.parse((await back.next())!.data)).toMatchObject(heard);
  });

  test('is never cached, gathered or transformed on its way', async () => {
    const task = await Telling.begin();
    for (const method of ['GET', 'HEAD']) {
      const response = await task.app.request(PATH, { method });
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toEqual({
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-transform',
        'x-accel-buffering': 'no',
        'x-content-type-options': 'nosniff',
      });
      await response.body?.cancel();
    }
  });

  test('of a task that has ended is its record and the end', async () => {
    const task = await Telling.begin();
    await task.end();
    const events = await (await task.watch()).rest();
    expect(events.map(({ event, id }) => [event, id])).toEqual([['record', '2'], ['end', '2']]);
    const late = await (await task.watch({ 'Last-Event-ID': '1' })).rest();
    expect(late.map(({ event, id }) => [event, id])).toEqual([['change', '2'], ['end', '2']]);
  });

  test('whose client has seen the end is a 204, so that an EventSource does not reconnect', async () => {
    const task = await Telling.begin();
    await task.end();
    const response = await task.app.request(PATH, { headers: { 'Last-Event-ID': '2' } });
    expect([response.status, await response.text()]).toEqual([204, '']);
  });

  test('of an unknown task is a 404, of an invalid UUID a 400', async () => {
    const { app } = await Telling.begin();
    expect((await app.request('/tasks/00000000-0000-4000-8000-000000000000/events')).status).toBe(404);
    expect((await app.request('/tasks/import/events')).status).toBe(400);
  });

  test('has for a client that goes on from a version all later changes, and none twice', async () => {
    const task = await Telling.begin();
    await task.say('one');
    await task.say('two');
    await task.say('three');
    for (const [headers, path] of [[{ 'Last-Event-ID': '2' }, PATH], [{}, `${PATH}?after=2`], [{ 'Last-Event-ID': '2' }, `${PATH}?after=1`]] as const) {
      const events = await task.watch(headers, path);
      const change = (await events.next())!;
      expect(change).toMatchObject({ event: 'change', id: '4' });
      const { log, ...fields } = JSON.parse(change.data) as Record<string, unknown>;
      expect(log).toEqual({ offset: 5, text: '\ttwo\n\tthree\n' });
      const { log: _, log_offset: __, ...record } = await task.record();
      expect(fields).toEqual(record);
    }
  });

  test.each(['9', '1.999', '9.1', '-1', 'x', '1.', ' '])('can not go on from %j', async (after) => {
    const task = await Telling.begin();
    const response = await task.app.request(`${PATH}?after=${encodeURIComponent(after)}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: expect.stringMatching(/^after: /) });
    const events = await task.watch({ 'Last-Event-ID': after });
    expect(await events.next()).toMatchObject({ event: 'record', id: '1' });
  });

  test('sends comments while nothing changes', async () => {
    const task = await Telling.begin(memoryStore(), { aliveMs: 100 });
    const events = await task.watch();
    await events.next();
    const next = events.next();
    await expect.poll(() => events.comments).toContain('alive');
    await task.say('at last');
    expect(await next).toMatchObject({ event: 'change', id: '2' });
  });

  test('ends when the task is deleted', async () => {
    const task = await Telling.begin();
    const events = await task.watch();
    await events.next();
    vi.spyOn(task.store, 'storedMany').mockResolvedValue([undefined]);
    expect(await events.next()).toMatchObject({ event: 'gone' });
    expect(await events.next()).toBeUndefined();
  });

  test('goes on when the store could not be read for a while', async () => {
    const task = await Telling.begin();
    const events = await task.watch();
    await events.next();
    const broken = vi.spyOn(task.store, 'changes').mockRejectedValue(new Error('database is locked'));
    await task.say('said meanwhile');
    await expect.poll(() => broken.mock.calls.length).toBeGreaterThan(0);
    broken.mockRestore();
    expect(JSON.parse((await events.next())!.data)).toMatchObject({ log: { text: '\tsaid meanwhile\n' } });
  });

  test.each([{ aliveMs: 5 }, { maxBehindBytes: 1000 }, { aliveMs: Number.NaN }])('refuses options such as %j', (streams) => {
    expect(() => createTasksApp({ store: memoryStore(), streams })).toThrow(RangeError);
  });
});

describe('what a client has after the events that came', () => {
  test('is the record that GET gives, whatever is committed and however often it reconnects', async () => {
    await fc.assert(
      fc.asyncProperty(
        arbitraryTask({ steps: 25 }),
        fc.array(fc.record({ facts: fc.integer({ min: 1, max: 6 }), comesBack: fc.boolean(), waits: fc.boolean() }), { minLength: 1, maxLength: 30 }),
        fc.boolean(),
        async (task, commits, inMemory) => {
          const store = inMemory ? memoryStore() : sqliteStore(':memory:');
          const app = createTasksApp({ store });
          const facts = [...task.facts];
          await store.append(facts.splice(0, 2));
          const client = new FollowedRecord();
          const open = async (id?: string): Promise<EventReader | undefined> => {
            const response = await app.request(`/tasks/${task.uuid}/events`, id === undefined ? {} : { headers: { 'Last-Event-ID': id } });
            return response.status === 204 ? undefined : new EventReader(response);
          };
          const get = async (): Promise<TaskRecord> => (await (await app.request(`/tasks/${task.uuid}`)).json()) as TaskRecord;
          let events = await open();
          const untilNow = async (): Promise<void> => {
            const { version } = await get();
            while ((client.record?.version ?? 0) < version) {
              const event = await events?.next();
              if (event === undefined) {
                // The task had ended, and went on: an attempt more, or facts that came late.
                client.ended = false;
                const { lastId } = events!;
                events = await open(lastId);
              } else client.take(event);
            }
            expect(client.record).toEqual(await get());
          };
          for (const { facts: count, comesBack, waits } of commits) {
            await store.append(facts.splice(0, count));
            if (waits) await untilNow();
            if (comesBack && events !== undefined) {
              const { lastId } = events;
              await events[Symbol.asyncDispose]();
              client.ended = false;
              events = (await open(lastId)) ?? events;
            }
          }
          await store.append(facts);
          await untilNow();
          await events?.[Symbol.asyncDispose]();
          await store.close();
        },
      ),
      cases(60),
    );
  });

  test('is whole though the log is longer than one message', async () => {
    const task = await Telling.begin();
    await task.say('begin');
    const events = await task.watch();
    const client = new FollowedRecord();
    client.take((await events.next())!);
    const long = Array.from({ length: 9 }, (_, line) => `${line} ${'é✓🎉 '.repeat(10_000)}`);
    await task.say(...long);
    // It reconnects in the middle of the log, more than once.
    let reader = events;
    for (let round = 0; round < 3; round++) {
      client.take((await reader.next())!);
      expect(reader.lastId).toMatch(/^2\.\d+$/);
      const { lastId } = reader;
      await reader[Symbol.asyncDispose]();
      reader = await task.watch({ 'Last-Event-ID': lastId });
    }
    while (client.record!.version < 3) client.take((await reader.next())!);
    expect(client.record).toEqual(await task.record());
  });
});

describe('many clients', () => {
  test('have each the state of their own beginning, whenever they come and however late they begin to read', async () => {
    const task = await Telling.begin();
    const first = await task.watch();
    await first.next();
    const clients: EventReader[] = [];
    const records = new Map<EventReader, FollowedRecord>();
    for (let commit = 0; commit < 4; commit++) {
      clients.push(await task.watch(), await task.watch({ 'Last-Event-ID': '1' }));
      await task.say(`line ${commit}`);
      await first.next();
    }
    const begun = await task.record();
    for (const client of clients) {
      const record = new FollowedRecord();
      records.set(client, record);
      // One that goes on has what it had.
      if (clients.indexOf(client) % 2 === 1) record.take({ event: 'record', data: JSON.stringify({ ...begun, log: '', log_from: 0 }) });
      record.take((await client.next())!);
      expect(record.record).toEqual(begun);
    }
    await task.say('to all');
    for (const [client, record] of records) {
      record.take((await client.next())!);
      expect(record.record).toEqual(await task.record());
    }
    const late = new FollowedRecord();
    late.take((await (await task.watch()).next())!);
    expect(late.record).toEqual(await task.record());
  });

  test('cost the store no more than one: it is read once a commit', async () => {
    const { store, calls } = counted(memoryStore());
    const task = await Telling.begin(store);
    await task.say('begin');
    const readings: string[] = [];
    const clients: EventReader[] = [];
    for (const count of [1, 300]) {
      while (clients.length < count) clients.push(await task.watch());
      for (const client of clients) if (client.lastId === '') await client.next();
      calls.clear();
      await task.say('to all');
      const events = await Promise.all(clients.map((client) => client.next()));
      expect(new Set(events.map((event) => event!.data)).size).toBe(1);
      readings.push(['changes', 'log'].map((name) => `${name} ${calls.get(name)}`).join(', '));
    }
    expect(readings).toEqual(['changes 1, log 1', 'changes 1, log 1']);
  });

  test('that reconnect at the same time are answered with one reading', async () => {
    const { store, calls } = counted(memoryStore());
    const task = await Telling.begin(store);
    await task.say('missed');
    const first = await task.watch({ 'Last-Event-ID': '1' });
    await first.next();
    calls.clear();
    const clients = await Promise.all(Array.from({ length: 100 }, () => task.watch({}, PATH)));
    await Promise.all(clients.map((client) => client.next()));
    expect(calls.get('log')).toBe(1);
    expect(calls.get('stored')).toBeUndefined();
  });

  test('that have disconnected leave nothing behind', async () => {
    const { store, calls } = counted(memoryStore());
    const stopped: number[] = [];
    const watch = store.watch.bind(store);
    store.watch = (listener) => {
      const stop = watch(listener);
      return () => {
        stopped.push(1);
        stop();
      };
    };
    const task = await Telling.begin(store);
    const server = await serveTasks({ app: task.app, port: 0 });
    onTestFinished(() => server.close());
    const { port } = new URL(server.url);
    const sockets = Array.from({ length: 5 }, () => connect(Number(port), '127.0.0.1'));
    for (const socket of sockets) {
      socket.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      await once(socket, 'data');
    }
    expect(stopped).toEqual([]);
    for (const socket of sockets) socket.destroy();
    await expect.poll(() => stopped).toEqual([1]);
    calls.clear();
    await task.say('to nobody');
    expect([...calls.keys()]).toEqual(['append']);
  });
});

describe('a client that takes nothing', () => {
  test('is disconnected while the other clients get everything, and goes on from there', async () => {
    const { store } = await sqliteFile();
    const task = await Telling.begin(store, { maxBehindBytes: 65_536 });
    const server = await serveTasks({ app: task.app, port: 0 });
    onTestFinished(() => server.close());
    const { port } = new URL(server.url);
    const slow = connect(Number(port), '127.0.0.1');
    onTestFinished(() => void slow.destroy());
    slow.write(`GET ${PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const [begin] = (await once(slow, 'data')) as [Buffer];
    slow.pause();
    // That it is disconnected may come as an error too.
    const closed = new Promise((resolve) => slow.on('error', () => undefined).once('close', resolve));
    let received = begin.toString();

    const quick = new EventReader(await fetch(server.url + PATH));
    await quick.next();
    // More than the system keeps for a connection of its own accord.
    for (let commit = 0; commit < 80; commit++) {
      await task.say('x'.repeat(200_000));
      expect(await quick.next()).toMatchObject({ event: 'change', id: String(commit + 2) });
    }
    slow.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    slow.resume();
    await closed;
    const last = [...received.matchAll(/\nid: (\d+)\ndata: (\{.*\})\n\n/g)].at(-1)!;
    const { log } = JSON.parse(last[2]!) as TaskChange;
    expect(Number(last[1])).toBeLessThan(80);

    const again = new EventReader(await fetch(server.url + PATH, { headers: { 'Last-Event-ID': last[1]! } }));
    const change = JSON.parse((await again.next())!.data) as TaskChange;
    expect(change.log!.offset).toBe(log!.offset + log!.text.length);
  }, 60_000);
});

describe('a commit of another connection to the same file', () => {
  test('is sent, though this connection is not notified of it', async () => {
    const { store, path } = await sqliteFile();
    const task = await Telling.begin(store);
    const reading = sqliteStore(path);
    onTestFinished(() => reading.close());
    const events = new EventReader(await createTasksApp({ store: reading }).request(PATH));
    expect(await events.next()).toMatchObject({ event: 'record', id: '1' });
    await task.say('from elsewhere');
    expect(JSON.parse((await events.next())!.data)).toMatchObject({ version: 2, log: { offset: 0, text: '\tfrom elsewhere\n' } });
  });

  test('that a client has seen there is not yet to come here', async () => {
    const { store, path } = await sqliteFile();
    const task = await Telling.begin(store);
    const reading = sqliteStore(path);
    onTestFinished(() => reading.close());
    const app = createTasksApp({ store: reading });
    const other = new EventReader(await app.request(PATH));
    await other.next();
    await task.say('seen');
    const response = await app.request(`${PATH}?after=2`);
    expect(response.status).toBe(200);
    await response.body!.cancel();
  });
});

afterEach(() => void vi.restoreAllMocks());
