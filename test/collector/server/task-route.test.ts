import type { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { LOG_PIECE_BYTES } from '../../../collector/server/task-log.ts';
import { RECORD_LOG_BYTES } from '../../../collector/record/record-json.ts';
import type { TaskRecord } from '../../../src/task-record.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { plainStore, plainTask, UUID, type PlainTask } from './plain-store.ts';

const LOG = '\t - TEST - First part\n\tNotificación ✓ 🎉\n';

function appOf(...tasks: PlainTask[]): Hono {
  return createTasksApp({ store: plainStore(...tasks) });
}

function get(app: Hono, headers: Record<string, string>, method = 'GET'): Response | Promise<Response> {
  return app.request(`/tasks/${UUID}`, { method, headers });
}

/** An app over a real store, with a task that has a log. */
async function realApp(): Promise<Hono> {
  const store = memoryStore();
  const task = new ScriptedTask();
  task.attempt().notify('one');
  await store.append(task.facts);
  return createTasksApp({ store });
}

async function tagOf(task: PlainTask, accept = 'application/json'): Promise<string> {
  return (await get(appOf(task), { Accept: accept })).headers.get('ETag')!;
}

async function recordOf(response: Response): Promise<TaskRecord> {
  const record: TaskRecord = JSON.parse(await response.text());
  return record;
}

describe('a task as JSON', () => {
  test('is the record with its log in its place', async () => {
    const response = await appOf(plainTask({ version: 7, log: LOG })).request(`/tasks/${UUID}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe('application/json');
    const record = await recordOf(response);
    expect(Object.keys(record).slice(0, 8)).toEqual(
      ['task_name', 'task_uuid', 'start', 'end', 'log', 'exception', 'finished', 'status'],
    );
    expect(record).toMatchObject({
      task_name: 'TEST', task_uuid: UUID, log: LOG, version: 7, log_offset: 0, log_bytes: Buffer.byteLength(LOG),
    });
  });

  test('is found by a UUID in upper case', async () => {
    const response = await appOf(plainTask()).request(`/tasks/${UUID.toUpperCase()}`);
    expect(response.status).toBe(200);
    expect((await recordOf(response)).task_uuid).toBe(UUID);
  });

  test('without its log is all the rest, at the price of no reading of the log, with a tag of its own', async () => {
    const task = plainTask({ version: 7, log: LOG });
    const store = plainStore(task);
    const app = createTasksApp({ store });
    const response = await app.request(`/tasks/${UUID}?log=0`);
    expect(store.reads).toEqual(['stored']);
    const record = await recordOf(response);
    const { log: _log, ...rest } = await recordOf(await get(app, {}));
    expect(JSON.stringify(record)).toBe(JSON.stringify(rest));
    expect(record).toMatchObject({ log_bytes: Buffer.byteLength(LOG), log_lines: 2 });
    const tag = response.headers.get('ETag')!;
    expect(tag).not.toBe(await tagOf(task));
    expect((await app.request(`/tasks/${UUID}?log=0`, { headers: { 'If-None-Match': tag } })).status).toBe(304);
    expect((await app.request(`/tasks/${UUID}?log=1`, { headers: { 'If-None-Match': tag } })).status).toBe(200);
    expect(await (await app.request(`/tasks/${UUID}?log=0`, { method: 'HEAD' })).text()).toBe('');
  });

  test('is what a link gets that says so, whatever Accept has', async () => {
    const app = await realApp();
    for (const [as, type] of [['json', 'application/json'], ['text', 'text/plain; charset=utf-8'], ['html', 'text/html; charset=utf-8']]) {
      for (const Accept of ['text/html,*/*;q=0.8', 'application/json', 'text/plain']) {
        const response = await app.request(`/tasks/${UUID}?as=${as}`, { headers: { Accept } });
        expect([as, response.status, response.headers.get('Content-Type')]).toEqual([as, 200, type]);
      }
      const [named, accepted] = [await app.request(`/tasks/${UUID}?as=${as}`), await get(app, { Accept: type!.split(';')[0]! })];
      expect(named.headers.get('ETag')).toBe(accepted.headers.get('ETag'));
    }
    const refused = await app.request(`/tasks/${UUID}?as=xml`);
    expect([refused.status, await refused.json()]).toEqual([400, expect.objectContaining({ detail: 'as: expected one of json, text, html, got "xml"' })]);
  });

  test('shows caches that another Accept gets another answer, by each answer', async () => {
    const app = await realApp();
    const tag = (await get(app, {})).headers.get('ETag')!;
    const answers = [
      ...['application/json', 'text/plain', 'text/html'].map((Accept) => get(app, { Accept })),
      app.request(`/tasks/${UUID}?log=0`), app.request(`/tasks/${UUID}/log`), app.request(`/tasks/${UUID}/scopes`), app.request('/tasks'),
      get(app, { 'If-None-Match': tag }),
      app.request(`/tasks/${UUID.replace('5', '6')}`),
    ];
    const found = await Promise.all(answers.map((answer) => Promise.resolve(answer)));
    expect(found.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200, 200, 304, 404]);
    for (const { headers } of found) expect(headers.get('Vary')).toMatch(/^Accept\b/);
  });

  test('with an empty log costs no reading of the log', async () => {
    const store = plainStore(plainTask());
    const record = await recordOf(await createTasksApp({ store }).request(`/tasks/${UUID}`));
    expect(record.log).toBe('');
    expect(store.reads).toEqual(['stored']);
  });

  test('has a log of 1 MiB whole', async () => {
    const log = `${'x'.repeat(1023)}\n`.repeat(1024);
    const record = await recordOf(await appOf(plainTask({ log })).request(`/tasks/${UUID}`));
    expect(record.log === log).toBe(true);
    expect(record.log_offset).toBe(0);
  });

  test('has the last whole lines of a longer log, and where they begin', async () => {
    const log = `${'é'.repeat(500)}\n`.repeat(2000);
    const record = await recordOf(await appOf(plainTask({ log })).request(`/tasks/${UUID}`));
    const bytes = Buffer.from(log);
    expect(record.log_bytes).toBe(bytes.length);
    expect(record.log_offset).toBeGreaterThanOrEqual(bytes.length - RECORD_LOG_BYTES);
    expect(record.log_offset).toBeLessThan(bytes.length - RECORD_LOG_BYTES + 1001);
    expect(bytes[record.log_offset - 1]).toBe(10);
    expect(record.log === bytes.toString('utf8', record.log_offset)).toBe(true);
  });

  test('has a tail of exactly 1 MiB where a line happens to begin there', async () => {
    const tail = `${'x'.repeat(1023)}\n`.repeat(1024);
    const record = await recordOf(await appOf(plainTask({ log: `first\n${tail}` })).request(`/tasks/${UUID}`));
    expect(record.log_offset).toBe(6);
    expect(record.log === tail).toBe(true);
  });

  test.each([
    ['short', LOG],
    ['longer than 1 MiB', `${'é'.repeat(500)}\n`.repeat(2000)],
  ])('belongs to one version although the task goes on meanwhile (a log %s)', async (_, log) => {
    const still = await recordOf(await appOf(plainTask({ log })).request(`/tasks/${UUID}`));
    const task = plainTask({ log });
    const store = plainStore(task);
    const read = store.task.bind(store);
    store.task = async (uuid) => {
      const found = await read(uuid);
      task.log += '\tcame meanwhile ✓\n';
      task.version++;
      return found;
    };
    const moving = await recordOf(await createTasksApp({ store }).request(`/tasks/${UUID}`));
    expect(moving.version).toBe(1);
    expect(moving.log === still.log).toBe(true);
    expect([moving.log_offset, moving.log_bytes]).toEqual([still.log_offset, still.log_bytes]);
  });

  test('that is requested again is the same, without its log being read again', async () => {
    const store = plainStore(plainTask({ log: LOG }));
    const app = createTasksApp({ store });
    const texts = [await (await get(app, {})).text(), await (await get(app, {})).text()];
    expect(texts[1]).toBe(texts[0]);
    expect(store.reads.map((read) => read.split(' ')[0])).toEqual(['stored', 'log', 'stored']);
  });

  test('that has changed, or has begun again, is read again', async () => {
    const task = plainTask({ log: LOG });
    const app = appOf(task);
    await get(app, {});
    Object.assign(task, { version: 2, log: `${LOG}\tmore\n` });
    expect((await recordOf(await get(app, {}))).log).toBe(`${LOG}\tmore\n`);
    // Deleted, and begun again under the same UUID: the version alone does not show that.
    Object.assign(task, { version: 2, log: '\tanew\n', name: 'TEST again' });
    expect(await recordOf(await get(app, {}))).toMatchObject({ task_name: 'TEST again', log: '\tanew\n' });
  });

  test('is a 404 if the task was removed while it was read', async () => {
    const store = plainStore(plainTask({ log: LOG }));
    store.log = async () => undefined;
    expect((await createTasksApp({ store }).request(`/tasks/${UUID}`)).status).toBe(404);
  });
});

describe('a task as text', () => {
  const accept = { headers: { Accept: 'text/plain' } };

  test('is the whole log', async () => {
    const response = await appOf(plainTask({ log: LOG })).request(`/tasks/${UUID}`, accept);
    expect(response.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('Content-Length')).toBe(String(Buffer.byteLength(LOG)));
    expect(await response.text()).toBe(LOG);
  });

  test('is empty while nothing was logged', async () => {
    const response = await appOf(plainTask()).request(`/tasks/${UUID}`, accept);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  test('comes whole in pieces, with no character broken between two of them', async () => {
    // Characters of 1 to 4 bytes in lines longer than a piece, so that each border falls somewhere else.
    const log = `${'aé✓🎉'.repeat(50_000)}\n${'✓'.repeat(300_001)}\n\tlast\n`;
    const response = await appOf(plainTask({ log })).request(`/tasks/${UUID}`, accept);
    const pieces: Uint8Array[] = [];
    for await (const piece of response.body!) {
      expect(piece.length).toBeLessThanOrEqual(LOG_PIECE_BYTES);
      pieces.push(piece);
    }
    const sent = Buffer.concat(pieces);
    expect(pieces.length).toBeGreaterThan(4);
    expect(response.headers.get('Content-Length')).toBe(String(sent.length));
    expect(sent.equals(Buffer.from(log))).toBe(true);
  });

  test('is read no further than the reader goes', async () => {
    const store = plainStore(plainTask({ log: `${'x'.repeat(1023)}\n`.repeat(10 * 1024) }));
    const response = await createTasksApp({ store }).request(`/tasks/${UUID}`, accept);
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    expect(store.reads.filter((read) => read.startsWith('log')).length).toBeLessThanOrEqual(2);
  });

  test.each([
    ['short', LOG],
    ['long', `${'é'.repeat(500)}\n`.repeat(2000)],
  ])('ends at the end of its version, although the log grows meanwhile (a %s one)', async (_, log) => {
    const task = plainTask({ log });
    const store = plainStore(task);
    const read = store.log.bind(store);
    store.log = async (uuid, range) => {
      task.log += '\tcame meanwhile\n';
      return read(uuid, range);
    };
    const response = await createTasksApp({ store }).request(`/tasks/${UUID}`, accept);
    expect((await response.text()) === log).toBe(true);
  });

  test('breaks off with an error, not with an end, if the store fails half way', async () => {
    const store = plainStore(plainTask({ log: `${'x'.repeat(1023)}\n`.repeat(1024) }));
    const read = store.log.bind(store);
    store.log = async (uuid, range) => {
      if (range?.from !== 0) throw new Error('password=hunter2 refused');
      return read(uuid, range);
    };
    const response = await createTasksApp({ store }).request(`/tasks/${UUID}`, accept);
    expect(response.status).toBe(200);
    await expect(response.text()).rejects.toThrow('the log could not be read to its end');
  });
});

describe('what a client accepts', () => {
  const json = 'application/json';
  const text = 'text/plain; charset=utf-8';

  test.each([
    [undefined, json],
    ['', json],
    ['*/*', json],
    ['application/json', json],
    ['text/plain', text],
    ['TEXT/Plain; charset=utf-8', text],
    ['text/*', text],
    ['application/*', json],
    ['application/json, text/plain, */*', json],
    ['text/plain, */*', text],
    ['text/plain, */*;q=0.1', text],
    ['text/plain;q=0.5, */*', json],
    ['text/plain;q=0.5, application/json;q=0.4', text],
    ['text/plain;q=0.4, application/json;q=0.5', json],
    ['application/json;q=0, */*', text],
    ['text/plain;q=0.9, text/plain;format=flowed;q=0.1, application/json;q=0.5', text],
    ['text/*;q=0.3, text/plain;q=0.9, application/json;q=0.5', text],
    // Nothing on offer is acceptable: JSON is better than an error.
    ['image/png', json],
    ['*/*;q=0', json],
    [';;,,q=;', json],
  ])('%s gets %s', async (accept, type) => {
    const headers: Record<string, string> = accept === undefined ? {} : { Accept: accept };
    const response = await appOf(plainTask({ log: LOG })).request(`/tasks/${UUID}`, { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get('Content-Type')).toBe(type);
    expect(response.headers.get('Vary')).toBe('Accept');
  });
});

describe('a client that has a copy', () => {
  test('gets a strong tag, another one for text and another one for each version', async () => {
    const tags = [await tagOf(plainTask()), await tagOf(plainTask(), 'text/plain'), await tagOf(plainTask({ version: 2 }))];
    expect(new Set(tags).size).toBe(3);
    for (const tag of tags) expect(tag).toMatch(/^"[^"]+"$/);
  });

  test.each([
    ['the tag', (tag: string) => tag],
    ['the tag as a weak one', (tag: string) => `W/${tag}`],
    ['a list with the tag in it', (tag: string) => `"a,b", W/"c" , ${tag}`],
    ['any', () => '*'],
  ])('and names %s gets a 304', async (_, ifNoneMatch) => {
    const store = plainStore(plainTask({ log: LOG }));
    const tag = await tagOf(plainTask());
    const response = await get(createTasksApp({ store }), { 'If-None-Match': ifNoneMatch(tag) });
    expect(response.status).toBe(304);
    expect(await response.text()).toBe('');
    expect(response.headers.get('ETag')).toBe(tag);
    expect(response.headers.get('Vary')).toBe('Accept');
    expect(response.headers.get('Cache-Control')).toBe('no-cache');
    expect(store.reads).toEqual(['stored']);
  });

  test('of another version, or of the text, gets the record', async () => {
    const old = await tagOf(plainTask());
    const text = await tagOf(plainTask({ version: 2 }), 'text/plain');
    const app = appOf(plainTask({ version: 2 }));
    expect((await get(app, { 'If-None-Match': `${old}, ${text}` })).status).toBe(200);
    expect((await get(app, { 'If-None-Match': text, Accept: 'text/plain' })).status).toBe(304);
    expect((await get(app, { 'If-None-Match': old.slice(1, -1) })).status).toBe(200);
  });

  test('can ask by HEAD and gets the same headers without a body and without the log being read', async () => {
    for (const accept of ['application/json', 'text/plain']) {
      const store = plainStore(plainTask({ log: LOG }));
      const app = createTasksApp({ store });
      const head = await get(app, { Accept: accept }, 'HEAD');
      expect(head.status).toBe(200);
      expect(await head.text()).toBe('');
      expect(store.reads).toEqual(['stored']);
      const full = await get(app, { Accept: accept });
      expect([...head.headers]).toEqual([...full.headers]);
      const tag = head.headers.get('ETag')!;
      expect((await get(app, { Accept: accept, 'If-None-Match': tag }, 'HEAD')).status).toBe(304);
    }
  });
});
