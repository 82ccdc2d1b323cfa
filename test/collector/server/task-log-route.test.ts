import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serveTasks } from '../../../collector/server/serve-tasks.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';

const PATH = `/tasks/${UUID}/log`;
const TEXTS = ['one', 'é two', '✓🎉', '', 'five'];

async function told(): Promise<{ store: TaskStore; log: Buffer; say: (text: string) => Promise<unknown>; end: () => Promise<unknown> }> {
  const store = memoryStore();
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (const text of TEXTS) attempt.notify(text);
  await store.append(task.facts);
  return {
    store,
    log: Buffer.from((await store.log(UUID))!.text),
    say: (text) => store.append(task.during(() => attempt.notify(text))),
    end: () => store.append(task.during(() => attempt.complete())),
  };
}

describe('the log from a byte on', () => {
  test('is its rest from any byte, in the middle of a character too', async () => {
    const { store, log } = await told();
    const app = createTasksApp({ store });
    for (let offset = 0; offset <= log.length; offset++) {
      const response = await app.request(`${PATH}?offset=${offset}`);
      expect(response.headers.get('Content-Length')).toBe(String(log.length - offset));
      expect(Buffer.from(await response.arrayBuffer())).toEqual(log.subarray(offset));
    }
  });

  test('is its rest though it is longer than one piece', async () => {
    const { store, say } = await told();
    for (let line = 0; line < 10; line++) await say(`${line} ${'é✓🎉\u2028'.repeat(9000)}`);
    const log = Buffer.from((await store.log(UUID))!.text);
    const app = createTasksApp({ store });
    await fc.assert(
      fc.asyncProperty(fc.nat(log.length), fc.boolean(), async (anywhere, follow) => {
        // What is followed from its very end has nothing to give yet.
        const offset = follow ? Math.min(anywhere, log.length - 1) : anywhere;
        const response = await app.request(`${PATH}?offset=${offset}${follow ? '&follow=1' : ''}`);
        if (!follow) return log.subarray(offset).equals(Buffer.from(await response.arrayBuffer()));
        const parts: Uint8Array[] = [];
        let length = 0;
        for await (const part of response.body!) {
          parts.push(part);
          length += part.length;
          if (length >= log.length - offset) break;
        }
        return log.subarray(offset).equals(Buffer.concat(parts));
      }),
      { numRuns: 60, examples: [[log.length - 1, false]] },
    );
  });

  test('is text whatever Accept has, and HEAD has no body', async () => {
    const { store, log } = await told();
    const app = createTasksApp({ store });
    for (const query of ['', '?follow=1']) {
      const response = await app.request(PATH + query, { method: 'HEAD', headers: { Accept: 'application/json' } });
      expect(response.status).toBe(200);
      expect(response.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
      expect(response.headers.get('Content-Length')).toBe(query === '' ? String(log.length) : null);
      expect(await response.text()).toBe('');
    }
  });

  test.each(['?offset=--1', '?offset=1.5', '?offset=x', '?offset=', '?follow=yes', '?limit=0', '?limit=1048577', '?limit=-1', '?limit=5&follow=1'])('%s is a 400', async (query) => {
    const { store } = await told();
    expect((await createTasksApp({ store }).request(PATH + query)).status).toBe(400);
  });

  test.each(['', '&follow=1'])('beyond its end is a 416 with its length%s', async (follow) => {
    const { store, log } = await told();
    const response = await createTasksApp({ store }).request(`${PATH}?offset=${log.length + 1}${follow}`);
    expect(response.status).toBe(416);
    expect(response.headers.get('Content-Type')).toBe('application/problem+json');
    expect(response.headers.get('Content-Range')).toBe(`bytes */${log.length}`);
  });

  test.each(['', '?follow=1'])('of an unknown task is a 404, of an invalid UUID a 400 %s', async (query) => {
    const app = createTasksApp({ store: memoryStore() });
    expect((await app.request(PATH + query)).status).toBe(404);
    expect((await app.request(`/tasks/import/log${query}`)).status).toBe(400);
  });
});

/** A part of a log as it is served, with the bytes that it says it has. */
async function partOf(store: TaskStore, query: string, headers: Record<string, string> = {}): Promise<{ text: string; from: number; to: number; all: number }> {
  const response = await createTasksApp({ store }).request(PATH + query, { headers });
  // The answer is the whole of what the URL names: no Range was asked for.
  expect(response.status).toBe(200);
  const [, from, last, all] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('Content-Range')!)!;
  const text = await response.text();
  if (response.headers.get('Content-Length') !== null) expect(Buffer.byteLength(text)).toBe(Number(last) + 1 - Number(from));
  return { text, from: Number(from), to: Number(last) + 1, all: Number(all) };
}

describe('a part of the log', () => {
  test('ends with a line where one fits, and its parts are the whole', async () => {
    const { store, log } = await told();
    for (let limit = 1; limit <= log.length + 1; limit++) {
      let whole = '';
      for (let at = 0; at < log.length; ) {
        const { text, from, to, all } = await partOf(store, `?offset=${at}&limit=${limit}`);
        expect([from, all]).toEqual([at, log.length]);
        expect(text).toBe(log.toString('utf8', from, to));
        // The longest character has four bytes.
        expect(to - from).toBeLessThanOrEqual(Math.max(limit, 4));
        const line = log.indexOf(10, from) + 1;
        if (line - from <= limit) expect(text.endsWith('\n')).toBe(true);
        expect(text).not.toContain('\ufffd');
        whole += text;
        at = to;
      }
      expect(whole).toBe(log.toString());
    }
  });

  test('of an offset from the end begins with a line', async () => {
    const { store, log } = await told();
    for (let back = 1; back <= log.length + 3; back++) {
      const { text, from, to } = await partOf(store, `?offset=-${back}`);
      expect([to, text]).toEqual([log.length, log.toString('utf8', from)]);
      const asked = Math.max(0, log.length - back);
      const line = asked === 0 ? 0 : log.indexOf(10, asked - 1) + 1;
      // Where only the last line's end is asked for no line begins: then a character does.
      if (line < log.length) expect(from).toBe(line);
      else expect(from).toBeGreaterThanOrEqual(asked);
      expect(text).not.toContain('\ufffd');
    }
    expect((await partOf(store, '?offset=-12&limit=6')).text).toBe('\t\n');
  });

  test('of one line that is longer than all that is asked for is the end of that line', async () => {
    const store = memoryStore();
    const task = new ScriptedTask();
    task.attempt().notify('✓'.repeat(100_000));
    await store.append(task.facts);
    const { text, from, all } = await partOf(store, '?offset=-65536');
    expect(all - from).toBeGreaterThan(65_530);
    expect(text).toMatch(/^✓+\n$/);
    expect((await partOf(store, '?offset=1&limit=10')).text).toBe('✓✓✓');
  });

  test('is of no bytes where the log is empty, and at its end', async () => {
    const { store, log } = await told();
    const app = createTasksApp({ store });
    for (const query of [`?offset=${log.length}`, `?offset=${log.length}&limit=5`]) {
      const response = await app.request(PATH + query);
      expect([response.status, response.headers.get('Content-Range'), await response.text()]).toEqual([200, `bytes */${log.length}`, '']);
    }
    const empty = memoryStore();
    const task = new ScriptedTask();
    task.attempt();
    await empty.append(task.facts);
    for (const query of ['', '?offset=-65536', '?limit=5', '?offset=-5&limit=5&times=1']) {
      const response = await createTasksApp({ store: empty }).request(PATH + query);
      expect([response.status, response.headers.get('Content-Range'), await response.text()]).toEqual([200, 'bytes */0', '']);
    }
  });

  test('has the headers of HEAD too', async () => {
    const { store, log } = await told();
    for (const query of ['?offset=-12', '?offset=3&limit=10', '']) {
      const { from, to } = await partOf(store, query);
      const response = await createTasksApp({ store }).request(PATH + query, { method: 'HEAD' });
      expect(response.headers.get('Content-Range')).toBe(`bytes ${from}-${to - 1}/${log.length}`);
      expect(response.headers.get('Content-Length')).toBe(String(to - from));
      expect(response.headers.get('Vary')).toBe('Accept');
    }
  });

  test('with times, and as entries, has whole entries, and the bytes of the log that these are', async () => {
    const { store, log } = await told();
    for (const [times, headers] of [['&times=1', {}], ['', { Accept: 'application/x-ndjson' }]] as const) {
      const lines: string[] = [];
      for (let at = 0; at < log.length; ) {
        const { text, from, to } = await partOf(store, `?offset=${at}&limit=5${times}`, headers);
        expect(from).toBe(at);
        lines.push(...text.trimEnd().split('\n'));
        at = to;
      }
      const whole = await (await createTasksApp({ store }).request(`${PATH}?${times}`, { headers })).text();
      expect(lines.join('\n')).toBe(whole.trimEnd());
    }
    const { text } = await partOf(store, '?offset=-12', { Accept: 'application/x-ndjson' });
    expect(text.trimEnd().split('\n').map((line) => (JSON.parse(line) as { text: string }).text)).toEqual(['\t\n', '\tfive\n']);
  });
});

describe('a search in the log', () => {
  const search = async (store: TaskStore, query: string): Promise<{ status: number; body: Record<string, unknown> }> => {
    const response = await createTasksApp({ store }).request(PATH + query);
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  test('has each place of a text, the line in which it stands, and how far it has looked', async () => {
    const { store, log } = await told();
    const offset = log.indexOf('two');
    expect(await search(store, '?find=%C3%89%20TW')).toEqual({
      status: 200,
      body: {
        matches: [{ offset: offset - 3, bytes: 5, line: log.indexOf('\té'), text: '\té two' }],
        looked_to: log.length, more: false, log_bytes: log.length,
      },
    });
    expect((await search(store, `?find=two&after=${offset}`)).body['matches']).toMatchObject([{ offset }]);
    expect((await search(store, `?find=two&after=${offset + 1}`)).body['matches']).toEqual([]);
    expect((await search(store, '?find=nowhere')).body).toEqual({ matches: [], looked_to: log.length, more: false, log_bytes: log.length });
  });

  test('of more places than one answer has goes on where that ends', async () => {
    const { store } = await told();
    const task = new ScriptedTask('00000000-0000-4000-8000-00000000000a');
    const attempt = task.attempt();
    for (let row = 0; row < 250; row++) attempt.notify(`row ${row}`);
    await store.append(task.facts);
    const path = PATH.replace(UUID, task.uuid);
    const counts: number[] = [];
    for (let after = 0, more = true; more; ) {
      const response = await createTasksApp({ store }).request(`${path}?find=row&after=${after}`);
      const body = (await response.json()) as { matches: unknown[]; looked_to: number; more: boolean };
      counts.push(body.matches.length);
      [after, more] = [body.looked_to, body.more];
    }
    expect(counts).toEqual([100, 100, 50]);
  });

  test.each([
    ['?find=', 'find: expected 1 to 200 characters of one line, got ""'],
    ['?find=a%0Ab', String.raw`find: expected 1 to 200 characters of one line, got "a\nb"`],
    ['?find=x&after=-1', 'after: expected a count of bytes, got "-1"'],
    ['?after=5', 'after: expected find with it'],
    ['?find=x&offset=5', 'offset: expected only find, after, wait with find'],
    ['?find=x&follow=1', 'follow: expected only find, after, wait with find'],
  ])('%s is a 400', async (query, detail) => {
    const { store } = await told();
    expect(await search(store, query)).toMatchObject({ status: 400, body: { detail } });
  });

  test('in the log of an unknown task is a 404', async () => {
    expect(await search(memoryStore(), '?find=x')).toMatchObject({ status: 404 });
  });
});

describe('a followed log, from its end', () => {
  test('goes on from an offset that counts from the end', async () => {
    const { store, end } = await told();
    await end();
    expect(await (await createTasksApp({ store }).request(`${PATH}?follow=1&offset=-18`)).text()).toBe('\tTask Finished\n');
  });
});

describe('a followed log', () => {
  test('of a task that has ended is its rest, and the end', async () => {
    const { store, end } = await told();
    await end();
    const app = createTasksApp({ store });
    const whole = (await store.log(UUID))!.text;
    expect(await (await app.request(`${PATH}?follow=1`)).text()).toBe(whole);
    expect(await (await app.request(`${PATH}?follow=1&offset=${Buffer.byteLength(whole)}`)).text()).toBe('');
  });

  test.skipIf(!existsSync('/usr/bin/curl'))('grows before the eyes of who runs curl -N, until the task ends', async () => {
    const { store, log, say, end } = await told();
    const server = await serveTasks({ app: createTasksApp({ store }), port: 0 });
    onTestFinished(() => server.close());
    const curl = spawn('curl', ['-q', '--noproxy', '*', '-sSN', `${server.url}${PATH}?offset=5&follow=1`]);
    const closed = once(curl, 'close');
    onTestFinished(async () => {
      curl.kill();
      await closed;
    });
    let printed = '';
    curl.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    const begin = log.subarray(5).toString();
    await expect.poll(() => printed).toBe(begin);
    await say('live é');
    await expect.poll(() => printed).toBe(`${begin}\tlive é\n`);
    await end();
    expect(await closed).toEqual([0, null]);
    expect(printed).toBe((await store.log(UUID))!.text.slice(5));
  });
});

describe('a log with times', () => {
  test('has the time of its fact before each line, and is otherwise the same', async () => {
    const { store, log } = await told();
    const app = createTasksApp({ store });
    const response = await app.request(`${PATH}?times=1`);
    expect(response.headers.get('Content-Type')).toBe('text/plain; charset=utf-8');
    const text = await response.text();
    expect(text.replaceAll(/^2023-11-14T22:13:20\.\d{3}Z /gm, '')).toBe(log.toString());
    expect(text.split('\n').slice(0, -1).every((line) => line.startsWith('2023-11-14T22:13:20.000Z \t'))).toBe(true);
    const ofTask = await app.request(`/tasks/${UUID}?times=1`, { headers: { Accept: 'text/plain' } });
    expect(await ofTask.text()).toBe(text);
    expect(ofTask.headers.get('ETag')).toBe('"1-0-times"');
  });

  test('begins at any byte of the log without times', async () => {
    const { store, log } = await told();
    const offset = log.indexOf('two');
    const text = await (await createTasksApp({ store }).request(`${PATH}?times=1&offset=${offset}`)).text();
    expect(text.replaceAll(/^\S+Z /gm, '')).toBe(log.subarray(offset).toString());
  });

  test.each(['?times=2', '?times='])('%s is refused', async (query) => {
    const { store } = await told();
    expect((await createTasksApp({ store }).request(PATH + query)).status).toBe(400);
  });
});

describe('a log as entries', () => {
  const ndjson = { headers: { Accept: 'application/x-ndjson' } };

  test('is one JSON object for each fact that has lines, with its offset in the log', async () => {
    const { store, log } = await told();
    const response = await createTasksApp({ store }).request(PATH, ndjson);
    expect(response.headers.get('Content-Type')).toBe('application/x-ndjson');
    const entries = (await response.text()).split('\n').slice(0, -1).map((line) => JSON.parse(line) as { offset: number; text: string });
    expect(entries.map(({ text }) => text).join('')).toBe(log.toString());
    for (const { offset, text } of entries) expect(log.subarray(offset, offset + Buffer.byteLength(text)).toString()).toBe(text);
    expect(entries[1]).toEqual({
      offset: 5, time: '2023-11-14T22:13:20.000003Z', span_id: '9e3779b97f4a7c15', kind: 'message', text: '\té two\n', attributes: {},
    });
  });

  test('goes on after any of them, and is empty at its end', async () => {
    const { store, log } = await told();
    const app = createTasksApp({ store });
    const all = (await (await app.request(PATH, ndjson)).text()).split('\n');
    for (const [at, line] of all.slice(0, -1).entries()) {
      const { offset } = JSON.parse(line) as { offset: number };
      expect(await (await app.request(`${PATH}?offset=${offset}`, ndjson)).text()).toBe(all.slice(at).join('\n'));
    }
    expect(await (await app.request(`${PATH}?offset=${log.length}`, ndjson)).text()).toBe('');
  });
});

test.each([
  ['with times', '?follow=1&times=1', '*/*', (text: string) => text.replaceAll(/^\S+Z /gm, '')],
  ['as entries', '?follow=1', 'application/x-ndjson', (text: string) => text.split('\n').slice(0, -1).map((line) => (JSON.parse(line) as { text: string }).text).join('')],
])('a log %s is followed until the task has ended', async (_, query, accept, logOf) => {
  const { store, say, end } = await told();
  const response = await createTasksApp({ store }).request(PATH + query, { headers: { Accept: accept } });
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  const read = async (): Promise<string> => decoder.decode((await reader.read()).value, { stream: true });
  let text = await read();
  await say('later');
  while (!text.includes('later')) text += await read();
  await end();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) text += decoder.decode(value, { stream: true });
  expect(logOf(text)).toBe((await store.log(UUID))!.text);
});
