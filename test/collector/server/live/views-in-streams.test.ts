import * as fc from 'fast-check';
import type { Hono } from 'hono';
import { expect, test } from 'vitest';
import { createTasksApp } from '../../../../collector/server/tasks-app.ts';
import { memoryStore, sqliteStore } from '../../../../collector/store/sqlite/sqlite-store.ts';
import { STORE_METHODS } from '../../../../collector/store/task-store.ts';
import type { TaskStore } from '../../../../collector/store/task-store.ts';
import type { ScopeLine, ScopeNode } from '../../../../src/task-record.ts';
import { applyChange } from '../../../../src/task-stream.ts';
import type { LogEntryJson, StreamRecord, TaskChange } from '../../../../src/task-stream.ts';
import { arbitraryTask, cases } from '../../record/arbitrary-task.ts';
import { ScriptedTask, UUID } from '../../record/scripted-task.ts';
import { factsOf, NOW, uuidOf } from '../../store/stored-task.ts';
import { EventReader } from './event-reader.ts';

async function open(app: Hono, uuid: string, query: string, id?: string): Promise<EventReader> {
  return new EventReader(await app.request(`/tasks/${uuid}/events?${query}`, id === undefined ? {} : { headers: { 'Last-Event-ID': id } }));
}

async function nextOf<Data = TaskChange>(events: EventReader): Promise<Data> {
  return JSON.parse((await events.next())!.data) as Data;
}

/** The lines of a tree, by span id. */
function linesOf(nodes: readonly ScopeNode[] = []): Map<string, ScopeLine> {
  return new Map(nodes.flatMap(({ scopes, ...line }) => [[line.span_id, line] as const, ...linesOf(scopes)]));
}

const VIEW = 'scopes=1&log=entries';

test('a client has the scopes and entries of the task, whatever is committed, however often it reconnects, and to which server', async () => {
  await fc.assert(
    fc.asyncProperty(
      arbitraryTask({ steps: 25 }),
      fc.array(fc.record({ facts: fc.integer({ min: 1, max: 6 }), isCut: fc.boolean() }), { minLength: 1, maxLength: 20 }),
      async (task, commits) => {
        const store = sqliteStore(':memory:');
        const apps = [createTasksApp({ store }), createTasksApp({ store })] as const;
        const facts = [...task.facts];
        await store.append(facts.splice(0, 2));
        let events = await open(apps[0], task.uuid, VIEW);
        let record = await nextOf<StreamRecord>(events);
        const follow = async (): Promise<void> => {
          const { version } = (await store.stored(task.uuid))!;
          while (record.version < version) {
            const event = await events.next();
            if (event?.event === 'change') {
              const change = JSON.parse(event.data) as TaskChange;
              const known = linesOf(applyChange(record, { attempts: change.attempts ?? record.attempts! }).attempts);
              // Each comes after the scope around it, so that a client may add them one by one.
              for (const line of change.scopes ?? []) {
                expect(line.parent === null || known.has(line.parent)).toBe(true);
                known.set(line.span_id, line);
              }
              record = applyChange(record, change);
            } else if (event?.event === 'record') record = JSON.parse(event.data) as StreamRecord;
            // The task had ended, and goes on.
            else if (event === undefined) events = await open(apps[0], task.uuid, VIEW, events.lastId);
          }
          await using fresh = await open(createTasksApp({ store }), task.uuid, VIEW);
          const now = await nextOf<StreamRecord>(fresh);
          expect(linesOf(record.attempts)).toEqual(linesOf(now.attempts));
          expect(record.entries).toEqual(now.entries);
          expect({ ...record, attempts: [] }).toEqual({ ...now, attempts: [] });
          const log = await (await apps[0].request(`/tasks/${task.uuid}/log`)).text();
          expect(record.entries!.map(({ text }) => text).join('')).toBe(log);
        };
        for (const [at, { facts: count, isCut }] of commits.entries()) {
          await store.append(facts.splice(0, count));
          if (!isCut) continue;
          await follow();
          await store.append(facts.splice(0, count));
          const { lastId } = events;
          await events[Symbol.asyncDispose]();
          const response = await apps[at % 2]!.request(`/tasks/${task.uuid}/events?${VIEW}`, { headers: { 'Last-Event-ID': lastId } });
          // It has ended, and the client has all: 204.
          events = response.status === 200 ? new EventReader(response) : await open(apps[0], task.uuid, VIEW);
        }
        await store.append(facts);
        await follow();
        await events[Symbol.asyncDispose]();
        await store.close();
      },
    ),
    cases(40),
  );
});

test('at 10,000 scopes one more notification costs a watcher less than 1 kB', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  const task = new ScriptedTask();
  const attempt = task.attempt();
  const outer = attempt.scope('Write rows');
  for (let number = 0; number < 10_000; number++) outer.scope(`Write row ${number}`).complete();
  const last = outer.scope('Write row 10000');
  await store.append(task.facts);
  for (const log of ['text', 'entries', '0']) {
    await using events = await open(app, UUID, `scopes=1&log=${log}`);
    const { data: first } = (await events.next())!;
    // As entries its 64 KiB of log are longer.
    if (log !== 'entries') expect(first.length).toBeLessThan(150_000);
    expect(JSON.parse(first)).toMatchObject({ attempts: [{ steps: 10_002, running: 2 }] });
    await store.append(task.during(() => last.notify('row 10000 is long and has to be written twice, which takes some time')));
    const { id, data } = (await events.next())!;
    expect(`event: change\nid: ${id}\ndata: ${data}\n\n`.length).toBeLessThan(1000);
    expect(JSON.parse(data)).toMatchObject({ scopes: expect.arrayContaining([expect.objectContaining({ span_id: last.ref.spanId })]) as unknown });
  }
});

test('where very many scopes have changed, the attempts come anew, some of their scopes and the failed and running ones first', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  const task = new ScriptedTask();
  const attempt = task.attempt();
  await store.append(task.facts);
  const events = await open(app, UUID, 'scopes=1');
  let record = await nextOf<StreamRecord>(events);
  await store.append(task.during(() => {
    attempt.scope('bad').fail({ name: 'Error', message: 'no' });
    attempt.scope('open');
    for (let number = 0; number < 3000; number++) attempt.scope(`${number}`).complete();
  }));
  const { version } = (await store.stored(UUID))!;
  const changes: TaskChange[] = [];
  while (record.version < version) {
    changes.push(await nextOf(events));
    record = applyChange(record, changes.at(-1)!);
  }
  const anew = changes.filter(({ attempts }) => attempts !== undefined);
  expect(anew.length).toBeGreaterThan(0);
  for (const { attempts, scopes } of anew) {
    expect(scopes).toBeUndefined();
    expect(attempts![0]!.scopes.length).toBeLessThan(1000);
    expect(attempts![0]!.scopes.slice(0, 2).map(({ name }) => name)).toEqual(['bad', 'open']);
  }
  expect(record.attempts).toMatchObject([{ steps: 3002, failed: 1, running: 1 }]);
});

test('open scopes are lost where their task is lost for good, and run again after a new fact, also for a client that comes back', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store, listen: false });
  const facts = factsOf(uuidOf(1), { scopes: 2 }).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact)).filter(({ kind }) => kind !== 'scope-end');
  await store.append(facts);
  const events = await open(app, uuidOf(1), 'scopes=1');
  let record = await nextOf<StreamRecord>(events);
  const outcomesAfter = (change: TaskChange): string[] => [...linesOf(applyChange(record, change).attempts).values()].map(({ outcome }) => outcome);
  expect(outcomesAfter({})).toEqual(['running', 'running', 'running']);
  const [worker] = await store.workers();
  await store.silence([{ id: 'w', beats: worker!.beats, silentMs: 15_000, lost: true, final: true }]);
  const lost = await nextOf(events);
  const late = await nextOf(await open(app, uuidOf(1), 'scopes=1', '1'));
  for (const change of [lost, late]) expect([change.state, outcomesAfter(change)]).toEqual(['lost', ['lost', 'lost', 'lost']]);
  record = applyChange(record, lost);
  await store.append([{ kind: 'notification', span: facts[0]!.span, seq: 90, time: NOW + 90, message: 'back' }]);
  const back = await nextOf(await open(app, uuidOf(1), 'scopes=1', '1-lost'));
  expect([back.state, outcomesAfter(back)]).toEqual(['running', ['running', 'running', 'running']]);
});

test('the first event has the last 64 KiB of the log, from the beginning of a line or entry on', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (let line = 0; line < 3000; line++) attempt.notify(`line ${line} ✓ with some more text`, { line });
  await store.append(task.facts);
  const log = Buffer.from(await (await app.request(`/tasks/${UUID}/log`)).text());
  const text = await nextOf<StreamRecord>(await open(app, UUID, 'log=text'));
  const entries = await nextOf<StreamRecord>(await open(app, UUID, 'log=entries'));
  expect(text.log_from).toBeGreaterThan(log.length - 64 * 1024);
  expect(text.log_from).toBeLessThan(log.length - 63 * 1024);
  expect(text.log).toBe(log.subarray(text.log_from).toString());
  expect(text.log).toMatch(/^\tline \d+ /);
  expect([entries.log_from, text.log_offset, entries.log_offset]).toEqual([text.log_from, text.log_from, text.log_from]);
  expect(entries.entries!.map((entry) => entry.text).join('')).toBe(text.log);
  const asked = await app.request(`/tasks/${UUID}/log?offset=${text.log_from}`, { headers: { Accept: 'application/x-ndjson' } });
  expect(entries.entries).toEqual((await asked.text()).trimEnd().split('\n').map((json) => JSON.parse(json) as LogEntryJson));
  expect([entries.log, text.entries]).toEqual([undefined, undefined]);
});

test('without the log a stream has none of it, and goes on from each id', async () => {
  const store = memoryStore();
  const app = createTasksApp({ store });
  const task = new ScriptedTask();
  const attempt = task.attempt();
  await store.append(task.facts);
  const events = await open(app, UUID, 'log=0');
  const record = await nextOf<StreamRecord>(events);
  for (const name of ['log', 'entries', 'log_from', 'attempts']) expect(record).not.toHaveProperty(name);
  await store.append(task.during(() => attempt.notify('x'.repeat(50_000))));
  expect(await nextOf(events)).toMatchObject({ log_bytes: 50_002, version: 2 });
  expect(events.lastId).toBe('2');
  const back = await open(app, UUID, 'log=0', '1');
  const change = await nextOf(back);
  expect(change).toMatchObject({ log_bytes: 50_002, version: 2 });
  expect(change).not.toHaveProperty('log');
});

test('a long piece of log comes in several events as entries too, and a client that is cut off in it goes on there', async () => {
  const store = memoryStore();
  const task = new ScriptedTask();
  const attempt = task.attempt();
  await store.append(task.facts);
  const app = createTasksApp({ store });
  let events = await open(app, UUID, VIEW);
  await events.next();
  await store.append(task.during(() => {
    for (let line = 0; line < 15; line++) attempt.notify(`${line} ${'é'.repeat(30_000)}`);
  }));
  const { logBytes } = (await store.stored(UUID))!;
  const seen: LogEntryJson[] = [];
  for (let cuts = 0; ;) {
    const change = await nextOf(events);
    seen.push(...(change.entries ?? []));
    if (change.log_bytes === logBytes) break;
    if (change.version !== undefined) continue;
    expect(events.lastId).toMatch(/^\d+\.\d+$/);
    if (++cuts === 2) events = await open(app, UUID, VIEW, events.lastId);
  }
  expect(seen.map(({ text }) => text).join('') === await (await app.request(`/tasks/${UUID}/log`)).text()).toBe(true);
});

test('a client that was cut off inside an entry and asks for entries then goes on with the next', async () => {
  const store = memoryStore();
  const task = new ScriptedTask();
  task.attempt().notify('x'.repeat(50_000));
  await store.append(task.facts);
  await store.append(task.during(() => task.attempts[0]!.notify('next')));
  const app = createTasksApp({ store });
  expect(await nextOf(await open(app, UUID, 'log=entries', '1.20'))).toMatchObject({ version: 2, entries: [{ text: '\tnext\n' }] });
  expect(await nextOf(await open(app, UUID, 'log=entries', '2.50005'))).toMatchObject({ version: 2, entries: [] });
});

test('clients of one view cost the store one reading a commit, and those of another view one more of what they have besides', async () => {
  const kept = memoryStore();
  const calls: string[] = [];
  const store = Object.fromEntries(STORE_METHODS.map((method) => [method, (...args: never[]) => {
    // Every two seconds watched tasks are read as a list has them, for what changes without a commit.
    if (method !== 'storedMany' || args[1] !== 'list') calls.push(method);
    return (kept[method] as (...args: never[]) => unknown).apply(kept, args);
  }])) as unknown as TaskStore;
  const app = createTasksApp({ store, listen: false });
  const task = new ScriptedTask();
  const attempt = task.attempt();
  await store.append(task.facts);
  const streams = await Promise.all(Array.from({ length: 60 }, (_, at) => open(app, UUID, ['scopes=1&log=entries', 'scopes=1', 'log=0'][at % 3]!)));
  for (const events of streams) await events.next();
  calls.length = 0;
  await store.append(task.during(() => attempt.notify('to all')));
  const sent = await Promise.all(streams.map(async (events) => (await events.next())!.data));
  expect(new Set(sent).size).toBe(3);
  expect(calls.toSorted()).toEqual(['append', 'changes', 'log', 'logEntries', 'scopeChanges', 'scopeChanges', 'storedMany']);
});

test.each([['scopes', '2', '0 or 1'], ['scopes', '', '0 or 1'], ['log', '1', 'one of text, entries, 0'], ['log', '', 'one of text, entries, 0']])(
  'a stream with %s=%j is refused with what is possible',
  async (name, value, expected) => {
    const store = memoryStore();
    await store.append(factsOf(uuidOf(1)));
    const response = await createTasksApp({ store }).request(`/tasks/${uuidOf(1)}/events?${name}=${value}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ detail: `${name}: expected ${expected}, got ${JSON.stringify(value)}` });
  },
);
