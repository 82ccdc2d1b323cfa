import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Hono } from 'hono';
import { createTasksApp, memoryStore, sqliteStore } from '../../../collector/index.ts';
import type { Cancellation, TaskStore } from '../../../collector/index.ts';
import type { Fact } from '../../../src/fact.ts';

const UUID = '54bf5712-b9ec-11e9-afdd-8c16454a0938';
const PATH = `/tasks/${UUID}/cancel`;

function spanOf(spanId: string): Fact['span'] {
  return { taskUuid: UUID, traceId: 'a'.repeat(32), spanId, taskSpanId: spanId };
}

function start(spanId = 'b'.repeat(16), more: { attempt?: number; cancellable?: boolean; workerId?: string } = {}): Fact {
  return {
    kind: 'task-start', span: spanOf(spanId), seq: 0, time: 1_767_323_045_000_000, name: 'TEST', attempt: 1, attributes: {},
    workerId: 'w', workerIntervalMs: 0, cancellable: true, sampled: true, ...more,
  };
}

function announced(): Fact {
  return {
    kind: 'task-announced', span: { ...spanOf('9'.repeat(16)), taskSpanId: '' }, seq: 0, time: 1_767_323_044_000_000, name: 'TEST', attributes: {},
  };
}

function end(spanId = 'b'.repeat(16)): Fact {
  return {
    kind: 'task-end', span: spanOf(spanId), seq: 1, time: 1_767_323_046_000_000, name: 'TEST', outcome: 'completed',
    duration: 1, exception: '', jobs: { total: 0, finished: 0, failed: 0 },
  };
}

function sqliteFile(): TaskStore {
  const folder = mkdtempSync(join(tmpdir(), 'taskspan-'));
  const store = sqliteStore(join(folder, 'tasks.sqlite'));
  onTestFinished(async () => {
    await store.close();
    rmSync(folder, { recursive: true });
  });
  return store;
}

const post = (headers: Record<string, string> = {}): RequestInit => ({ method: 'POST', headers });

describe.each([
  ['memoryStore', memoryStore],
  ['sqliteStore', sqliteFile],
])('a request to cancel, in %s', (_, open) => {
  test('is kept for the worker, once, and is no commit', async () => {
    const store = open();
    await store.append([start()]);
    expect(await store.cancel(UUID)).toBe('requested');
    expect(await store.cancel(UUID)).toBe('requested');
    const cancellations = await store.cancellations('w', 0);
    expect(cancellations).toEqual([{ number: expect.any(Number), taskUuid: UUID, spanId: 'b'.repeat(16) }]);
    expect(await store.cancellations('w', cancellations[0]!.number)).toEqual([]);
    expect(await store.cancellations('another', 0)).toEqual([]);
    expect((await store.stored(UUID))!.version).toBe(1);
  });

  test('goes to each attempt that is open, and to a later one', async () => {
    const store = open();
    await store.append([start('1'.repeat(16)), end('1'.repeat(16))]);
    await store.append([start('2'.repeat(16), { attempt: 2 }), start('3'.repeat(16), { attempt: 3, workerId: 'v' })]);
    await store.cancel(UUID);
    await store.append([start('4'.repeat(16), { attempt: 4 })]);
    const asked = [...(await store.cancellations('w', 0)), ...(await store.cancellations('v', 0))];
    expect(asked.map(({ spanId }) => spanId[0])).toEqual(['2', '4', '3']);
    // What comes again asks nobody again.
    await store.append([start('4'.repeat(16), { attempt: 4 }), end('4'.repeat(16))]);
    expect(await store.cancellations('w', 0)).toHaveLength(2);
  });

  test('is refused for a task that has ended, that can not hear, or that is not known', async () => {
    const store = open();
    expect(await store.cancel(UUID)).toBeUndefined();
    await store.append([start('1'.repeat(16), { cancellable: false })]);
    expect(await store.cancel(UUID)).toBe('not-cancellable');
    await store.append([end('1'.repeat(16))]);
    expect(await store.cancel(UUID)).toBe('ended');
    expect(await store.cancellations('w', 0)).toEqual([]);
  });

  test('ends a queued task at once, and stays for a worker that takes it all the same', async () => {
    const store = open();
    await store.append([announced()]);
    expect(await store.task(UUID)).toMatchObject({ state: 'queued', cancellable: true });
    expect(await store.cancel(UUID, { by: 'ada' })).toBe('cancelled');
    expect(await store.task(UUID)).toMatchObject({ state: 'cancelled', status: 0, finished: true, cancellable: false, cancel: { by: 'ada', heard: null } });
    expect(await store.cancel(UUID)).toBe('ended');
    await store.append([start()]);
    expect(await store.task(UUID)).toMatchObject({ state: 'running', cancel: { by: 'ada', heard: null } });
    expect(await store.cancellations('w', 0)).toMatchObject([{ taskUuid: UUID, by: 'ada' }]);
  });

  test('is in the record, in `changes` and in its entity tag without a new version, and shows when it was received', async () => {
    const store = open();
    const app = createTasksApp({ store, listen: false });
    const read = async (): Promise<{ cancel: unknown; version: unknown; tag: string | null }> => {
      const answer = await app.request(`/tasks/${UUID}`);
      const { cancel, version } = (await answer.json()) as Record<string, unknown>;
      return { cancel, version, tag: answer.headers.get('ETag') };
    };
    await store.append([start()]);
    const before = await read();
    expect(before).toMatchObject({ cancel: null, version: 1 });
    const { position } = await store.changes({ limit: 1 });
    await store.cancel(UUID, { by: ' ada ', reason: 'wrong file' });
    const asked = await read();
    const requested = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    expect(asked).toMatchObject({ cancel: { requested, by: 'ada', reason: 'wrong file', heard: null }, version: 1 });
    expect((await store.changes({ after: position, limit: 5 })).uuids).toEqual([UUID]);
    // The first request counts.
    await store.cancel(UUID, { by: 'bob' });
    expect(await read()).toEqual(asked);
    const [{ number }] = (await store.cancellations('w', 0)) as [Cancellation];
    await store.cancellationHeard('another', number);
    expect(await read()).toEqual(asked);
    await store.cancellationHeard('w', number);
    const received = await read();
    expect(received).toMatchObject({ cancel: { by: 'ada', heard: requested }, version: 1 });
    expect(new Set([before.tag, asked.tag, received.tag]).size).toBe(3);
  });

  test('was received where the task ends as cancelled', async () => {
    const store = open();
    await store.append([start()]);
    await store.cancel(UUID);
    await store.append([{ ...end(), outcome: 'cancelled' } as Fact]);
    expect(await store.task(UUID)).toMatchObject({ state: 'cancelled', cancel: { heard: expect.any(String) } });
  });

  test('waits for a lost worker, and is too late when it is lost for good', async () => {
    const store = open();
    const app = createTasksApp({ store, listen: false });
    const lose = async (final: boolean): Promise<void> => {
      const [worker] = await store.workers();
      await store.silence([{ id: 'w', beats: worker!.beats, silentMs: 15_000, lost: true, final }]);
    };
    const beat = { workerId: 'w', host: 'here', pid: 1, intervalMs: 5000, time: 1_767_323_045_000_000, busySince: null };
    await store.append([{ ...start(), workerIntervalMs: 5000 } as Fact]);
    await store.beat([beat]);
    await lose(false);
    expect(await store.task(UUID)).toMatchObject({ state: 'lost', cancellable: true, cancel: null });
    expect((await app.request(PATH, post())).status).toBe(202);
    expect(await store.task(UUID)).toMatchObject({ state: 'lost', cancel: { heard: null } });
    await store.beat([beat]);
    expect(await store.cancellations('w', 0)).toHaveLength(1);
    await lose(true);
    expect(await store.task(UUID)).toMatchObject({ state: 'lost', cancellable: false });
    const late = await app.request(PATH, post());
    expect([late.status, await late.json()]).toMatchObject([409, { detail: `task ${UUID} has ended` }]);
  });

  test("is possible where the record is cancellable", async () => {
    const store = open();
    const app = createTasksApp({ store });
    const cancellable = async (): Promise<unknown> => ((await (await app.request(`/tasks/${UUID}`)).json()) as { cancellable: boolean }).cancellable;
    await store.append([start()]);
    expect(await cancellable()).toBe(true);
    await store.append([end()]);
    expect(await cancellable()).toBe(false);
  });
});

describe('POST /tasks/:uuid/cancel', () => {
  async function running(access = {}): Promise<{ app: Hono; store: TaskStore }> {
    const store = memoryStore();
    await store.append([start()]);
    return { app: createTasksApp({ store, access }), store };
  }

  test("answers 202 with the record's URL, wherever the app is mounted, and again", async () => {
    const { app, store } = await running();
    const outer = new Hono().route('/jobs', app);
    for (const path of [`/jobs${PATH}`, `/jobs/tasks/${UUID.toUpperCase()}/cancel`]) {
      const answer = await outer.request(path, post());
      expect(answer.status).toBe(202);
      expect(await answer.json()).toEqual({ task_uuid: UUID, url: `http://localhost/jobs/tasks/${UUID}` });
      expect(new URL(answer.headers.get('Location')!, `http://localhost${path}`).pathname).toBe(`/jobs/tasks/${UUID}`);
    }
    expect(await store.cancellations('w', 0)).toHaveLength(1);
  });

  test('is refused with the reason where it is not possible', async () => {
    const { app, store } = await running();
    const unknown = await app.request(PATH.replace('54bf', '64bf'), post());
    expect(unknown.status).toBe(404);
    expect((await app.request('/tasks/nonsense/cancel', post())).status).toBe(400);
    await store.append([end()]);
    const ended = await app.request(PATH, post());
    expect([ended.status, ended.headers.get('Content-Type')]).toEqual([409, 'application/problem+json']);
    expect(await ended.json()).toMatchObject({ detail: `task ${UUID} has ended` });
    await store.append([start('c'.repeat(16), { attempt: 2, cancellable: false })]);
    const deaf = await app.request(PATH, post());
    expect(deaf.status).toBe(409);
    expect(await deaf.json()).toMatchObject({ detail: expect.stringContaining('does not listen') });
  });

  test('takes who asks, why, and whether for child tasks too', async () => {
    const { app, store } = await running();
    expect((await app.request(`${PATH}?by=ada&reason=wrong%20file&children=false`, post())).status).toBe(202);
    expect(await store.cancellations('w', 0)).toMatchObject([{ by: 'ada', reason: 'wrong file' }]);
    expect((await store.stored(UUID))!.cancel).toMatchObject({ children: false });
  });

  test.each([
    ['children=perhaps', 'children: expected true or false, got "perhaps"'],
    ['why=so', '"why": expected one of by, reason, children'],
    ['by=ada&by=bob', 'by: expected one value, got 2'],
    [`reason=${'x'.repeat(1001)}`, 'reason: expected at most 1000 characters, got 1001'],
    [`by=${'x'.repeat(201)}`, 'by: expected at most 200 characters, got 201'],
  ])('refuses %s', async (query, detail) => {
    const { app, store } = await running();
    const answer = await app.request(`${PATH}?${query}`, post());
    expect([answer.status, await answer.json()]).toMatchObject([400, { detail }]);
    expect(await store.cancellations('w', 0)).toEqual([]);
  });

  test('is the only method there', async () => {
    const { app } = await running();
    for (const method of ['GET', 'HEAD', 'DELETE', 'OPTIONS']) {
      const answer = await app.request(PATH, { method });
      expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'POST']);
    }
  });

  test.each([
    ['of a foreign page', { Origin: 'https://evil.example' }],
    ['of a page without an origin, such as a file', { Origin: 'null' }],
    ['of a page that may read', { Origin: 'https://app.example' }],
    ['that the browser calls cross-site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['that the browser calls same-site', { 'Sec-Fetch-Site': 'same-site' }],
    ['under a name of its own', { Host: 'evil.example', Origin: 'http://evil.example' }],
  ])('refuses a request %s, and nothing is cancelled', async (_, headers) => {
    const { app, store } = await running({ allowedOrigins: ['https://app.example'] });
    const answer = await app.request(PATH, post(headers));
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ detail: expect.stringMatching(/not allowed|not change anything/) });
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull();
    expect(await store.cancellations('w', 0)).toEqual([]);
  });

  test.each([
    ['of its own page', { Host: 'localhost:4320', Origin: 'http://localhost:4320', 'Sec-Fetch-Site': 'same-origin' }],
    ['of no page', {}],
    ['typed in by a person', { 'Sec-Fetch-Site': 'none' }],
  ])('takes a request %s', async (_, headers) => {
    const { app } = await running();
    expect((await app.request(PATH, post(headers))).status).toBe(202);
  });

  test('is 503 while the store can not be used', async () => {
    const store: TaskStore = memoryStore();
    store.cancel = () => Promise.reject(new Error('away'));
    expect((await createTasksApp({ store }).request(PATH, post())).status).toBe(503);
  });
});

describe('a form of a page', () => {
  const BROWSER = { Accept: 'text/html,*/*;q=0.8', 'Content-Type': 'application/x-www-form-urlencoded' };

  async function sent(body: string, headers: Record<string, string> = BROWSER): Promise<{ response: Response; store: TaskStore }> {
    const store = memoryStore();
    await store.append([start()]);
    const length = String(Buffer.byteLength(body));
    const response = await createTasksApp({ store }).request(PATH, { method: 'POST', headers: { ...headers, 'Content-Length': length }, body });
    return { response, store };
  }

  test('cancels with its reason, and leads back to the page of the task', async () => {
    const { response, store } = await sent('reason=the+wrong+file');
    expect([response.status, response.headers.get('Location')]).toEqual([303, `../${UUID}`]);
    expect((await store.task(UUID))?.cancel).toMatchObject({ reason: 'the wrong file', by: null });
  });

  test('without a reason cancels without one', async () => {
    const { store } = await sent('reason=');
    expect((await store.task(UUID))?.cancel).toMatchObject({ reason: null });
  });

  test('that asks for what is not possible gets a page that says so', async () => {
    const { response } = await sent('children=perhaps');
    expect([response.status, response.headers.get('Content-Type')]).toEqual([400, 'text/html; charset=utf-8']);
  });

  test('sent by a script gets JSON', async () => {
    const { response } = await sent('reason=x', { ...BROWSER, Accept: 'application/json' });
    expect(response.status).toBe(202);
  });
});
