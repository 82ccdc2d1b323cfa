import { expect, onTestFinished, test, vi } from 'vitest';
import { inSlices, ownTurn } from '../../../collector/async.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { wholeScopes } from '../../../collector/store/sqlite/whole-scopes.ts';
import type { AttemptRecord } from '../../../src/task-record.ts';
import { ScriptedTask, UUID } from '../record/scripted-task.ts';
import { EventReader } from './live/event-reader.ts';
import { factsOf, uuidOf } from '../store/stored-task.ts';

/** Gives the number of the event loop's present turn, until the test has ended. */
function turns(): () => number {
  let turn = 0;
  let ends = false;
  const count = (): void => {
    turn++;
    if (!ends) setImmediate(count);
  };
  setImmediate(count);
  onTestFinished(() => void (ends = true));
  return () => turn;
}

async function chunksOf(response: Response): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body!) chunks.push(chunk);
  return chunks;
}

test('each piece of a long log is read in a turn of its own', async () => {
  const store = memoryStore();
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (let line = 0; line < 60; line++) attempt.notify('x'.repeat(60_000));
  await store.append(task.facts);
  const turn = turns();
  const readIn: number[] = [];
  const log = store.log.bind(store);
  vi.spyOn(store, 'log').mockImplementation((uuid, range) => {
    readIn.push(turn());
    return log(uuid, range);
  });
  const app = createTasksApp({ store });
  for (const path of [`/tasks/${UUID}/log`, `/tasks/${UUID}/log?offset=1`]) {
    readIn.length = 0;
    const bytes = Buffer.concat(await chunksOf(await app.request(path)));
    expect(bytes.length).toBe(60 * 60_002 - (path.endsWith('1') ? 1 : 0));
    expect(readIn.length).toBeGreaterThanOrEqual(bytes.length / (256 * 1024));
    // The first piece may come in the turn of the request, with a second read for a character that was cut.
    expect(new Set(readIn).size).toBeGreaterThanOrEqual(readIn.length - 1);
  }
});

test('the scopes of a large task are sent in pieces, and are the same JSON', async () => {
  const store = memoryStore();
  const task = new ScriptedTask();
  const attempt = task.attempt();
  for (let number = 0; number < 3000; number++) attempt.scope(`scope ${number}`).complete();
  await store.append(task.facts);
  const chunks = await chunksOf(await createTasksApp({ store }).request(`/tasks/${UUID}/scopes`));
  expect(chunks.length).toBeGreaterThan(10);
  expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThan(70_000);
  const { version, attempts } = (await store.scopes(UUID))!;
  const sent = JSON.parse(Buffer.concat(chunks).toString()) as unknown;
  expect(sent).toEqual({ task_uuid: UUID, version, attempts });
  expect(attempts[0]!.scopes).toHaveLength(3000);
});

test('scopes in scopes are sent as they are, with what stands before and after each', async () => {
  const store = memoryStore();
  const task = new ScriptedTask();
  const outer = task.attempt().scope('"outer"');
  for (const name of ['a', 'b']) outer.scope(name).scope(`in ${name}`).complete();
  task.attempt().scope('again').fail({ name: 'Error', message: '}]' });
  await store.append(task.facts);
  const { version, attempts } = (await store.scopes(UUID))!;
  const names = (scopes: AttemptRecord['scopes']): unknown[] => scopes.map(({ name, scopes: inside }) => [name, ...names(inside)]);
  expect(attempts.map(({ scopes }) => names(scopes))).toEqual([[['"outer"', ['a', ['in a']], ['b', ['in b']]]], [['again']]]);
  expect(await (await createTasksApp({ store }).request(`/tasks/${UUID}/scopes`)).json()).toEqual({ task_uuid: UUID, version, attempts });
});

test('a client that has the scopes of the present version costs no reading of them', async () => {
  const store = memoryStore();
  await store.append(factsOf(uuidOf(1), { scopes: 3 }));
  const app = createTasksApp({ store });
  const path = `/tasks/${uuidOf(1)}/scopes`;
  const tag = (await app.request(path)).headers.get('ETag')!;
  const read = vi.spyOn(store, 'scopes');
  expect((await app.request(path, { headers: { 'If-None-Match': tag } })).status).toBe(304);
  expect(read).not.toHaveBeenCalled();
});

test('of a long log only the rows with the last notifications of a scope are read for the scopes', async () => {
  const row = (spanId: string, number: number, recent: number[]): string => JSON.stringify([spanId, 0, number, 1, 0, 1, null, 0, 'scope', 1, [1], 0, 0, 0, 1, recent]);
  const ids = { traceId: 'a'.repeat(32), taskSpanId: 'b'.repeat(16) };
  const groups = [[row('1'.repeat(16), 1, [0, 1]), row('2'.repeat(16), 2, [900_000, 60, 990_000, 40])].join('\n'), row('3'.repeat(16), 3, [990_000, 2])];
  const read: number[] = [];
  await wholeScopes({ taskId: 1, version: 1, isLostForGood: false, attempts: [ids], groups }, async (offset) => {
    read.push(offset);
    return undefined;
  });
  expect(read).toEqual([0, 900_000, 990_000]);
});

test('several long works share no turn of the event loop', async () => {
  const turn = turns();
  const resumedIn = await Promise.all(Array.from({ length: 5 }, async () => {
    await ownTurn();
    return turn();
  }));
  expect(new Set(resumedIn).size).toBe(5);
});

test('work in slices gives what its steps give at their end, and throws what they throw', async () => {
  function* steps(error?: Error): Generator<void, number> {
    let sum = 0;
    for (let step = 1; step <= 100; step++) {
      sum += step;
      yield;
    }
    if (error !== undefined) throw error;
    return sum;
  }
  expect(await inSlices(steps())).toBe(5050);
  await expect(inSlices(steps(new Error('no')))).rejects.toThrow('no');
});

test('records that are asked for at once are all answered, however long they are together', async () => {
  const store = memoryStore();
  const uuids = [1, 2, 3, 4, 5].map(uuidOf);
  for (const uuid of uuids) {
    const task = new ScriptedTask(uuid);
    task.attempt().result(JSON.stringify('x'.repeat(250_000)));
    await store.append(task.facts);
    task.attempts[0]!.fail({ name: 'Error', message: '✓'.repeat(60_000) });
    await store.append(task.facts);
  }
  const read = vi.spyOn(store, 'storedMany');
  const app = createTasksApp({ store });
  const answers = await Promise.all([...uuids, uuidOf(6)].map(async (uuid) => app.request(`/tasks/${uuid}`)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 404]);
  for (const [at, answer] of answers.slice(0, 5).entries()) expect(await answer.json()).toMatchObject({ task_uuid: uuids[at] });
  expect(read.mock.calls.length).toBeGreaterThan(1);
});

test('a change is sent to a hundred clients in a turn, to each once and in its order', async () => {
  const store = memoryStore();
  const task = new ScriptedTask();
  const attempt = task.attempt();
  await store.append(task.facts);
  const app = createTasksApp({ store });
  const streams = await Promise.all(Array.from({ length: 350 }, async () => new EventReader(await app.request(`/tasks/${UUID}/events`))));
  for (const events of streams) await events.next();
  const turn = turns();
  const versionOf = (event: { data: string } | undefined): number => (JSON.parse(event!.data) as { version: number }).version;
  const turnOf = async (events: EventReader): Promise<number> => {
    expect(versionOf(await events.next())).toBe(2);
    return turn();
  };
  const received = streams.map(turnOf);
  await store.append(task.during(() => attempt.notify('a line')));
  const inTurns = Object.values(Object.groupBy(await Promise.all(received), String));
  expect(Math.max(...inTurns.map((readers) => readers!.length))).toBeLessThanOrEqual(100);
  await store.append(task.during(() => attempt.complete()));
  for (const events of streams) expect((await events.rest()).map(versionOf)).toEqual([3, 3]);
});
