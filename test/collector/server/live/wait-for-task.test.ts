import { once } from 'node:events';
import { connect } from 'node:net';
import type { Hono } from 'hono';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { serveTasks } from '../../../../collector/server/serve-tasks.ts';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { memoryStore, sqliteStore } from '../../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../../collector/store/task-store.ts';
import { heldClock } from '../../../support/held-clock.ts';
import { temporaryFolder } from '../../../support/node-process.ts';
import { ScriptedTask, UUID } from '../../record/scripted-task.ts';
import { EventReader } from './event-reader.ts';

vi.mock('../../../../collector/timers.ts', () => import('../../../support/global-timers.ts'));

const OTHER = '00000000-0000-4000-8000-000000000000';
const PATHS = [`/tasks/${UUID}`, `/tasks/${UUID}/events`, `/tasks/${UUID}/log`, `/tasks/${UUID}/log?follow=1`, `/tasks/${UUID}/scopes`];

const waiting = (path: string, seconds = 30): string => `${path}${path.includes('?') ? '&' : '?'}wait=${seconds}`;

/** A store that has no task yet, and what it was asked for. */
class Empty {
  readonly store: TaskStore;
  readonly app: Hono;
  readonly calls: string[] = [];
  /** How often the store was begun to be watched, less how often that was ended. */
  watches = 0;
  readonly #looks = new EventTarget();
  #looked = 0;

  constructor(store: TaskStore = memoryStore()) {
    this.store = new Proxy(store, {
      get: (target, name: string) => (...args: never[]) => {
        this.calls.push(name);
        const given = (target[name as keyof TaskStore] as (...args: never[]) => unknown).apply(target, args);
        if (name === 'stored' || name === 'storedMany' || name === 'scopes') void (given as Promise<unknown>).then(() => this.#look());
        if (name !== 'watch') return given;
        this.watches++;
        return () => {
          this.watches--;
          (given as () => void)();
        };
      },
    });
    this.app = createTasksApp({ store: this.store, listen: false });
  }

  /** Resolves when it was looked so often for a task: a request looks once more after it has begun to listen. */
  async asked(looks = 2): Promise<void> {
    while (this.#looked < looks) await once(this.#looks, 'look');
  }

  #look(): void {
    this.#looked++;
    this.#looks.dispatchEvent(new Event('look'));
  }

  async begin(uuid = UUID): Promise<void> {
    const task = new ScriptedTask(uuid);
    task.attempt().notify('hello');
    await this.store.append(task.facts);
  }
}

describe('a request for a task that is yet to come', () => {
  test.each(PATHS)('%s is answered when the task is there', async (path) => {
    const empty = new Empty();
    const answer = Promise.resolve(empty.app.request(waiting(path)));
    await empty.asked();
    await empty.begin(OTHER);
    await empty.begin();
    const response = await answer;
    expect(response.status).toBe(200);
    const reader = response.body!.getReader();
    let text = '';
    while (!text.includes('hello')) text += new TextDecoder().decode((await reader.read()).value);
    await reader.cancel();
    expect(empty.watches).toBe(0);
  });

  test('gets the text, or the headers alone, as any request', async () => {
    for (const init of [{ headers: { Accept: 'text/plain' } }, { method: 'HEAD' }]) {
      const empty = new Empty();
      const answer = Promise.resolve(empty.app.request(waiting(PATHS[0]!), init));
      await empty.asked();
      await empty.begin();
      const response = await answer;
      expect([response.status, await response.text()]).toEqual([200, 'method' in init ? '' : '\thello\n']);
    }
  });

  test.each(PATHS)('%s is a 404 after so many seconds', async (path) => {
    const clock = heldClock();
    const empty = new Empty();
    let status: number | undefined;
    const answer = Promise.resolve(empty.app.request(waiting(path, 2))).then((response) => (status = response.status));
    await empty.asked();
    await clock.pass(1999);
    expect(status).toBeUndefined();
    await clock.pass(1);
    expect(await answer).toBe(404);
    expect(empty.watches).toBe(0);
  });

  test('is answered at once where the task is there, or where it does not wait', async () => {
    const empty = new Empty();
    expect((await empty.app.request(PATHS[0]!)).status).toBe(404);
    await empty.begin();
    expect((await empty.app.request(waiting(PATHS[0]!))).status).toBe(200);
    expect(empty.calls).not.toContain('watch');
  });

  test.each(['0', '31', '100', '1.5', '-1', '', 'x', '1s', '1e1'])('is a 400 that names the possible values for wait=%s', async (wait) => {
    const empty = new Empty();
    await empty.begin();
    for (const path of PATHS) {
      const response = await empty.app.request(`${path}${path.includes('?') ? '&' : '?'}wait=${wait}`);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ detail: `wait: expected whole seconds from 1 to 30, got ${JSON.stringify(wait)}` });
    }
  });

  test.each(PATHS)('%s leaves nothing behind when its client has disconnected', async (path) => {
    const empty = new Empty();
    const client = new AbortController();
    const answer = Promise.resolve(empty.app.request(waiting(path), { signal: client.signal }));
    await empty.asked();
    expect(empty.watches).toBe(1);
    client.abort();
    await answer;
    expect(empty.watches).toBe(0);
    empty.calls.length = 0;
    await empty.begin();
    expect(empty.calls).toEqual(['append']);
  });

  test('costs the store one reading a commit, however many wait, and none between', async () => {
    const empty = new Empty();
    const answers = Promise.all(Array.from({ length: 100 }, async () => empty.app.request(waiting(PATHS[0]!))));
    // The first looks of all are one.
    await empty.asked(101);
    expect(empty.watches).toBe(1);
    empty.calls.length = 0;
    await empty.begin(OTHER);
    await expect.poll(() => empty.calls).toEqual(['append', 'changes']);
    await empty.begin();
    expect((await answers).every(({ status }) => status === 200)).toBe(true);
    expect(empty.calls.filter((name) => name === 'changes')).toHaveLength(2);
  });

  test('is not given the answer that another client got just before', async () => {
    const store = memoryStore();
    const held = Promise.withResolvers<undefined>();
    const read = vi.spyOn(store, 'stored').mockReturnValueOnce(held.promise);
    const app = createTasksApp({ store, listen: false });
    const before = Promise.resolve(app.request(PATHS[1]!));
    await expect.poll(() => read.mock.calls.length).toBe(1);
    const after = Promise.resolve(app.request(waiting(PATHS[1]!)));
    await new Empty(store).begin();
    held.resolve(undefined);
    expect((await before).status).toBe(404);
    const response = await after;
    expect(response.status).toBe(200);
    await response.body!.cancel();
  });

  test('is a 503 where the store fails', async () => {
    const store = memoryStore();
    store.changes = () => Promise.reject(new Error('away'));
    const app = createTasksApp({ store, listen: false });
    for (const path of PATHS) expect((await app.request(waiting(path))).status).toBe(503);
  });
});

describe('over a real connection', () => {
  async function served(): Promise<{ empty: Empty; url: string; path: string }> {
    const path = `${await temporaryFolder()}/tasks.sqlite`;
    const store = sqliteStore(path);
    onTestFinished(() => store.close());
    const empty = new Empty(store);
    const server = await serveTasks({ app: empty.app, port: 0 });
    onTestFinished(() => server.close());
    return { empty, url: server.url, path };
  }

  test('a task of another process is waited for, as record and as events', async () => {
    const { empty, url, path } = await served();
    const [record, events] = [fetch(url + waiting(PATHS[0]!)), fetch(url + waiting(PATHS[1]!))];
    await empty.asked(2);
    const other = sqliteStore(path);
    onTestFinished(() => other.close());
    await new Empty(other).begin();
    expect(await (await record).json()).toMatchObject({ task_uuid: UUID, log: '\thello\n' });
    await using reader = new EventReader(await events);
    expect(await reader.next()).toMatchObject({ event: 'record' });
  });

  test('clients that disconnect wait no longer', async () => {
    const { empty, url } = await served();
    const sockets = PATHS.map(() => connect(Number(new URL(url).port), '127.0.0.1'));
    PATHS.forEach((path, index) => sockets[index]!.write(`GET ${waiting(path)} HTTP/1.1\r\nHost: localhost\r\n\r\n`));
    await empty.asked(PATHS.length);
    await expect.poll(() => empty.watches).toBe(1);
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map((socket) => once(socket, 'close')));
    await expect.poll(() => empty.watches).toBe(0);
  });
});
