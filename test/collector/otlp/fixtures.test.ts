/** The fixtures of the contract, `docs/fixtures/`: requests, then the record and the log that any server makes of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import { createReceiver, createTasksApp, memoryStore } from '../../../collector/index.ts';

interface Step {
  method: string;
  path: string;
  body?: unknown;
  status: number;
  answer?: unknown;
}

interface Fixture {
  about: string;
  task_uuid: string;
  steps: Step[];
  record: Record<string, unknown>;
  log: string[];
}

const FOLDER = new URL('../../../docs/fixtures/', import.meta.url);
const NAMES = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));

function fixture(name: string): Fixture {
  return JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8')) as Fixture;
}

/** A value of a fixture, with what the server chooses: `<time>` and `<url>` are any text, `<number>` is any number. */
function expected(value: unknown): unknown {
  if (value === '<time>' || value === '<url>') return expect.any(String);
  if (value === '<number>') return expect.any(Number);
  if (Array.isArray(value)) return value.map(expected);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, expected(each)]));
}

function server(): Hono {
  const store = memoryStore();
  return new Hono().route('/', createReceiver({ store })).route('/', createTasksApp({ store }));
}

function send(app: Hono, { method, path, body }: Step): Response | Promise<Response> {
  return app.request(path, { method, ...(body !== undefined && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }) });
}

async function recordIn(app: Hono, uuid: string): Promise<Record<string, unknown>> {
  const { log: _log, version: _version, ...record } = (await (await app.request(`/tasks/${uuid}`)).json()) as Record<string, unknown>;
  return record;
}

describe.each(NAMES)('the fixture %s', (name) => {
  const { task_uuid: uuid, steps, record, log } = fixture(name);

  test('has these answers, this record and this log', async () => {
    const app = server();
    for (const step of steps) {
      const response = await send(app, step);
      expect(response.status).toBe(step.status);
      const text = await response.text();
      if (step.path.startsWith('/v1/')) expect(JSON.parse(text)).toEqual(expected(step.answer ?? {}));
      else expect(JSON.parse(text)).toEqual(expected(step.answer));
    }
    expect(await recordIn(app, uuid)).toEqual(expected(record));
    expect(await (await app.request(`/tasks/${uuid}/log`)).text()).toBe(log.map((line) => `${line}\n`).join(''));
  });

  test('has the same record and log where each request comes twice', async () => {
    const app = server();
    for (const step of steps) for (let time = 0; time < 2; time++) await send(app, step);
    expect(await recordIn(app, uuid)).toEqual(expected(record));
    expect(await (await app.request(`/tasks/${uuid}/log`)).text()).toBe(log.map((line) => `${line}\n`).join(''));
  });

  test.runIf(steps.every(({ path }) => path.startsWith('/v1/')))('has the same record where the requests come in another order', async () => {
    const app = server();
    for (const step of steps.toReversed()) await send(app, step);
    // The log is a journal: what comes late stands late.
    const { log_bytes: _bytes, log_lines: _lines, error, ...same } = record;
    expect(await recordIn(app, uuid)).toMatchObject(expected({ ...same, ...(error === null && { error }) }) as object);
  });
});
