import { expect, test } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import type { AttemptRecord, ScopeNode, ScopeRecord } from '../../../src/task-record.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { ScriptedTask, UUID as SCRIPTED } from '../record/scripted-task.ts';
import { factsOf, uuidOf } from '../store/stored-task.ts';
import { plainStore, plainTask, UUID } from './plain-store.ts';

function scope(name: string, ...scopes: ScopeRecord[]): ScopeRecord {
  return {
    span_id: '00f067aa0ba902b7',
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    name,
    start: '2026-01-02T03:04:05.000006Z',
    end: null,
    outcome: 'running',
    heading: scopes.length > 0,
    progress: null,
    done: null,
    total: null,
    error: null,
    attributes: {},
    notifications: [{ time: '2026-01-02T03:04:05.000007Z', message: 'Some notification' }],
    notification_count: 1,
    facts_missing: 0,
    scopes,
  };
}

function attempt(number: number, ...scopes: ScopeRecord[]): AttemptRecord {
  return { ...scope('TEST', ...scopes), attempt: number };
}

test('the scopes of a task are a tree for each attempt, the first attempt first', async () => {
  const attempts = [attempt(1, scope('First part')), attempt(2, scope('First part', scope('Inner part')))];
  const app = createTasksApp({ store: plainStore(plainTask({ attempts, version: 7 })) });
  const response = await app.request(`/tasks/${UUID.toUpperCase()}/scopes`);
  expect(response.status).toBe(200);
  expect(response.headers.get('Content-Type')).toBe('application/json');
  expect(await response.json()).toEqual({ task_uuid: UUID, version: 7, attempts });
});

test('scopes that a client has are not sent again while the task has the same version', async () => {
  const task = plainTask({ attempts: [attempt(1)] });
  const app = createTasksApp({ store: plainStore(task) });
  const tag = (await app.request(`/tasks/${UUID}/scopes`)).headers.get('ETag')!;
  const again = (): Response | Promise<Response> => app.request(`/tasks/${UUID}/scopes`, { headers: { 'If-None-Match': tag } });
  const same = await again();
  expect([same.status, same.headers.get('ETag'), await same.text()]).toEqual([304, tag, '']);
  task.version++;
  const changed = await again();
  expect(changed.status).toBe(200);
  expect(changed.headers.get('ETag')).not.toBe(tag);
  expect((await app.request(`/tasks/${UUID}`)).headers.get('ETag')).not.toBe(changed.headers.get('ETag'));
});

test('scopes of an unknown task are a 404, of an invalid UUID a 400', async () => {
  const app = createTasksApp({ store: plainStore() });
  expect((await app.request(`/tasks/${UUID}/scopes`)).status).toBe(404);
  expect((await app.request('/tasks/import/scopes')).status).toBe(400);
});

test('scopes of a task that is lost for good are lost, and sent again to a client that has them as running', async () => {
  const store = memoryStore();
  await store.append(factsOf(uuidOf(1), { scopes: 1 }).filter(({ kind }) => kind !== 'scope-end').map((fact) => (fact.kind === 'task-start' ? { ...fact, workerIntervalMs: 5000 } : fact)));
  const app = createTasksApp({ store, listen: false });
  const ask = async (tag: string): Promise<Response> => app.request(`/tasks/${uuidOf(1)}/scopes`, { headers: { 'If-None-Match': tag } });
  const outcomes = async (answer: Response): Promise<string[]> =>
    ((await answer.json()) as { attempts: AttemptRecord[] }).attempts.flatMap(({ outcome, scopes }) => [outcome, ...scopes.map((inner) => inner.outcome)]);
  const running = await ask('"none"');
  expect(await outcomes(running)).toEqual(['running', 'running']);
  const [worker] = await store.workers();
  await store.silence([{ id: worker!.id, beats: worker!.beats, silentMs: 700_000, lost: true, final: true }]);
  const lost = await ask(running.headers.get('ETag')!);
  expect([lost.status, await outcomes(lost)]).toEqual([200, ['lost', 'lost']]);
  expect((await ask(lost.headers.get('ETag')!)).status).toBe(304);
  expect(await store.task(uuidOf(1))).toMatchObject({ jobs: { total: 0, running: 0 } });
});

/** A task with two scopes, of which the second one has three inside. */
async function appOfLines(): Promise<{ app: ReturnType<typeof createTasksApp>; ask: (query: string) => Promise<Lines>; path: string }> {
  const script = new ScriptedTask();
  const task = script.attempt({ name: 'Import' });
  task.scope('Read').complete();
  const write = task.scope('Write');
  for (const name of ['one', 'two', 'three']) write.scope(name).complete();
  const store = memoryStore();
  await store.append(script.facts);
  const app = createTasksApp({ store, listen: false });
  const path = `/tasks/${SCRIPTED}/scopes`;
  return { app, path, ask: async (query) => (await (await app.request(`${path}${query}`)).json()) as Lines };
}

interface Lines {
  version: number;
  of: string | null;
  scopes: ScopeNode[];
  next: string | null;
}

function namesIn(nodes: readonly ScopeNode[]): unknown[] {
  return nodes.map(({ name, scopes }) => (scopes.length === 0 ? name : [name, ...namesIn(scopes)]));
}

test('with a limit the scopes are lines, level by level, and what is left out is counted', async () => {
  const { ask } = await appOfLines();
  expect(namesIn((await ask('?limit=200')).scopes)).toEqual([['Import', 'Read', ['Write', 'one', 'two', 'three']]]);
  const few = await ask('?limit=3');
  expect(namesIn(few.scopes)).toEqual([['Import', 'Read', 'Write']]);
  expect(few).toMatchObject({ task_uuid: SCRIPTED, version: 1, of: null, next: null, scopes: [{ attempt: 1, parent: null, steps: 5, failed: 0, running: 1 }] });
});

test('the scopes of one scope come by pages, with a link to the next one', async () => {
  const { app, ask, path } = await appOfLines();
  const write = (await ask('?limit=3')).scopes[0]!.scopes[1]!;
  expect(write).toMatchObject({ name: 'Write', steps: 3, running: 0, outcome: 'running' });
  const first = await app.request(`${path}?of=${write.span_id.toUpperCase()}&limit=2`);
  const { scopes, of, next } = (await first.json()) as Lines;
  expect([namesIn(scopes), of]).toEqual([['one', 'two'], write.span_id]);
  expect(first.headers.get('Link')).toBe(`<?of=${write.span_id}&limit=2&cursor=${next}>; rel="next"`);
  const last = await ask(`?of=${write.span_id}&limit=2&cursor=${next}`);
  expect([namesIn(last.scopes), last.next, last.scopes[0]!.parent]).toEqual([['three'], null, write.span_id]);
});

test('lines that a client has are not sent again while the task has the same version', async () => {
  const { app, path } = await appOfLines();
  const tag = (await app.request(`${path}?limit=2`)).headers.get('ETag')!;
  expect((await app.request(`${path}?limit=2`, { headers: { 'If-None-Match': tag } })).status).toBe(304);
  expect((await app.request(path)).headers.get('ETag')).not.toBe(tag);
});

test.each([
  ['of=0123456789abcdef', 'of: expected the span id of a scope of the task, got "0123456789abcdef"'],
  ['of=import', 'of: expected a span id, 16 hexadecimal digits, got "import"'],
  ['limit=0', 'limit: expected a whole number from 1 to 1000, got "0"'],
  ['limit=1001', 'limit: expected a whole number from 1 to 1000, got "1001"'],
  ['cursor=Read', 'cursor: expected the "next" of a page before, got "Read"'],
])('lines asked for with %s are a 400', async (query, detail) => {
  const { app, path } = await appOfLines();
  const answer = await app.request(`${path}?${query}`);
  expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([400, detail]);
});
