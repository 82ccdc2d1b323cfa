import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { serveTasks } from '../../../collector/server/serve-tasks.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import type { TaskRecord } from '../../../src/task-record.ts';
import { retentionRules } from '../../../collector/store/retention.ts';
import type { Silence } from '../../../collector/record/liveness.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import type { Fact } from '../../../src/fact.ts';
import { startNode } from '../../support/node-process.ts';
import { UUID } from '../record/scripted-task.ts';
import { LINES, TASK_START } from '../store/shared-task.ts';
import { factsOf, NOW, openSqlite, storePath, uuidOf } from '../store/stored-task.ts';

const TASK = uuidOf(1);
const APPENDING_PROCESS = fileURLToPath(new URL('../store/appending-process.ts', import.meta.url));

/** Facts of a task whose worker sends heartbeats. */
function beating(options?: Parameters<typeof factsOf>[1]): Fact[] {
  return factsOf(TASK, options).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact));
}

function said(seq: number): Fact {
  return { kind: 'notification', span: factsOf(TASK)[0]!.span, seq, time: NOW + seq, message: `line ${seq}` };
}

async function silence(store: TaskStore, final: boolean): Promise<void> {
  const silences = (await store.workers()).map(({ id, beats }): Silence => ({ id, beats, silentMs: 15_000, lost: true, final }));
  await store.silence(silences);
}

function sign(time: number, busySince: number | null = null): Parameters<TaskStore['beat']>[0][number] {
  return { workerId: 'w', host: 'here', pid: 1, intervalMs: 5000, time, busySince };
}

/** The changes that a record can have, one after the other, with its fields after each. */
const HAPPENINGS: [string, (store: TaskStore) => Promise<unknown>, Partial<TaskRecord> | 404][] = [
  ['a commit', (store) => store.append([said(2)]), { state: 'running', version: 2, log: '\tline 1\n\tline 2\n' }],
  ['a blocked event loop', (store) => store.beat([sign(NOW, NOW)]), { busy_since: '2026-01-02T03:04:05.000000Z' }],
  ['a heartbeat', (store) => store.beat([sign(NOW + 1_000_000)]), { heard: '2026-01-02T03:04:06.000000Z', busy_since: null }],
  ['a worker that falls silent', (store) => silence(store, false), { state: 'lost', finished: false }],
  ['a worker that comes back', (store) => store.beat([sign(NOW + 2_000_000)]), { state: 'running' }],
  ['a worker that is silent for good', (store) => silence(store, true), { state: 'lost', finished: true, status: 0 }],
  ['the end', (store) => store.append(beating({ end: 'completed', lines: 2 })), { state: 'completed', version: 3 }],
  ['retention', async (store) => {
    while ((await store.sweep(retentionRules({}, NOW * 2))) === 'more');
  }, 404],
  ['the same task, deleted and begun again', (store) => store.append(beating({ time: NOW * 2 })), { state: 'running', version: 4, log: '\tline 1\n' }],
];

type Ask = (path: string) => Promise<Response>;

const WAYS: [string, (store: TaskStore) => Promise<Ask>][] = [
  ['of the app', async (store) => {
    const app = createTasksApp({ store, listen: false });
    return async (path) => app.request(path);
  }],
  ['over HTTP', async (store) => {
    const server = await serveTasks({ app: createTasksApp({ store, listen: false }), port: 0 });
    onTestFinished(() => server.close());
    return (path) => fetch(server.url + path);
  }],
];

/** The answer without the headers that describe its transfer. */
async function answerOf(response: Response): Promise<{ status: number; tag: string | null; record: unknown }> {
  return { status: response.status, tag: response.headers.get('ETag'), record: JSON.parse(await response.text()) };
}

describe.each(WAYS)('a record that was requested %s before is the present one', (_, serve) => {
  test.each([['by itself', false], ['by another one on the same file', true]])('whatever is written to its store %s', async (_by, byOther) => {
    const path = storePath();
    const store = openSqlite(path);
    const writer = byOther ? openSqlite(path) : store;
    const ask = await serve(store);
    await writer.append(beating());
    for (const [what, happen, expected] of HAPPENINGS) {
      for (let time = 0; time < 2; time++) await (await ask(`/tasks/${TASK}`)).text();
      await happen(writer);
      const answer = await answerOf(await ask(`/tasks/${TASK}`));
      const fresh = createTasksApp({ store: openSqlite(path), listen: false });
      expect(answer, what).toEqual(await answerOf(await fresh.request(`/tasks/${TASK}`)));
      if (expected === 404) expect(answer.status, what).toBe(404);
      else expect(answer.record, what).toMatchObject(expected);
    }
  });

  test('while another process commits to it', async () => {
    const path = storePath();
    const store = openSqlite(path);
    await store.append([TASK_START]);
    const ask = await serve(store);
    const process = startNode(['--disable-warning=ExperimentalWarning', APPENDING_PROCESS, path, '2'], { cwd: globalThis.process.cwd() });
    let version = 1;
    // One commit for each line, and two for the scope.
    while (version < LINES + 3) {
      const told = (await answerOf(await ask(`/tasks/${UUID}`))).record as TaskRecord;
      const known = (await store.stored(UUID))!.version;
      expect(told.version).toBeGreaterThanOrEqual(version);
      expect(told.log_bytes).toBe(Buffer.byteLength(told.log));
      version = known;
    }
    await process.ended;
    expect((await answerOf(await ask(`/tasks/${UUID}`))).record).toMatchObject({ version: LINES + 3 });
  }, 60_000);
});

test('of many requests at the same time, none gets less than was committed when it was sent', async () => {
  const path = storePath();
  const [store, other] = [openSqlite(path), openSqlite(path)];
  const ask = await WAYS[1]![1](store);
  await other.append(beating());
  let committed = 1;
  const asking = Array.from({ length: 8 }, async () => {
    while (committed < 100) {
      const atLeast = committed;
      const { record } = await answerOf(await ask(`/tasks/${TASK}`));
      expect((record as TaskRecord).version).toBeGreaterThanOrEqual(atLeast);
      void other.append([said(++committed)]);
    }
  });
  await Promise.all(asking);
});

test.each(WAYS)('a record requested again %s is not made again while nothing of it changes', async (_, serve) => {
  const store = openSqlite();
  const logs = vi.spyOn(store, 'log');
  await store.append(beating());
  const ask = await serve(store);
  const answers = [];
  for (let time = 0; time < 3; time++) {
    answers.push(await answerOf(await ask(`/tasks/${TASK}`)));
    await store.append(factsOf(uuidOf(9), { lines: time }));
  }
  expect(logs).toHaveBeenCalledTimes(1);
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[2]).toEqual(answers[0]);
});
