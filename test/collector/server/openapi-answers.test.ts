/** The answers of the app fit what `docs/openapi.json` promises of them: status, media type, fields, and no field besides. */
import Schema from 'typebox/schema';
import type { TSchema } from 'typebox';
import { describe, expect, test } from 'vitest';
import { ROUTES } from '../../../collector/server/routes.ts';
import type { Route } from '../../../collector/server/routes.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { openapi } from '../../../tools/openapi.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { uuidOf } from '../store/stored-task.ts';
import { EventReader } from './live/event-reader.ts';

interface Answer {
  content?: Record<string, { schema: Json }>;
}

type Json = Record<string, unknown>;

interface Operation {
  responses: Record<string, Answer & { $ref?: string }>;
}

/** The description, with every object closed: a field that it does not have is a fault here, though clients ignore it. */
const api = closed(JSON.parse(JSON.stringify(openapi()))) as { paths: Record<string, Record<string, Operation>>; components: Record<string, Json> };

function closed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(closed);
  if (typeof value !== 'object' || value === null) return value;
  const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each)]));
  return copy['type'] === 'object' && copy['properties'] !== undefined ? { ...copy, additionalProperties: false } : copy;
}

function faultsOf(schema: Json, value: unknown): unknown[] {
  const [, errors] = Schema.Errors({ components: api.components, ...schema } as unknown as TSchema, value);
  return errors.map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const [RUNNING, FAILED, QUEUED, EXPIRED, LONG, UNKNOWN] = [1, 2, 3, 4, 5, 6].map(uuidOf) as [string, string, string, string, string, string];

/** A store with tasks of every kind that differ in their fields. */
async function storeOfAll(): Promise<TaskStore> {
  const store = memoryStore();
  const running = new ScriptedTask(RUNNING);
  const attempt = running.attempt({ attributes: { customer: 'ada', rows: 5, flags: [true, false], names: ['a', 'b'] } });
  Object.assign(running.facts[0]!, { workerId: 'w', workerIntervalMs: 1000, cancellable: true });
  const outer = attempt.scope('Write');
  const inner = outer.scope('Write rows');
  inner.notify('first', { row: 1 });
  inner.progress(1204, 5000);
  attempt.result('{"rows":[1,2.5,null,"x"]}');
  const failed = new ScriptedTask(FAILED);
  const failing = failed.attempt();
  failing.scope('Read').fail({ name: 'TypeError', message: 'fetch failed', causes: [{ name: 'Error', message: 'refused' }] });
  failing.passOn();
  const queued = new ScriptedTask(QUEUED);
  queued.announce('Waits', { queue: 'mail' });
  const expired = new ScriptedTask(EXPIRED);
  expired.announce('Waited');
  expired.endAnnouncement(expired.announcements[0]!, 'expired', undefined, 5);
  const long = new ScriptedTask(LONG);
  long.attempt({ attributes: { long: 'x'.repeat(10_000) } }).result(JSON.stringify('y'.repeat(10_000)));
  await store.append([running, failed, queued, expired, long].flatMap(({ facts }) => facts));
  return store;
}

/** The schema of an answer; a status or a media type that is not described is a fault. */
function schemaOf(path: string, method: string, response: Response): Json | undefined {
  const described = api.paths[path]![method.toLowerCase()]!.responses[response.status];
  expect([path, method, response.status, described === undefined ? 'not described' : 'described']).toEqual([path, method, response.status, 'described']);
  const answer = described!.$ref === undefined ? described! : (api.components['responses']![described!.$ref.split('/').at(-1)!] as Answer);
  const type = response.headers.get('Content-Type')?.replace(/;.*/, '');
  if (type === undefined) {
    expect(answer.content).toBeUndefined();
    return undefined;
  }
  expect(Object.keys(answer.content ?? {})).toContain(type);
  return answer.content![type]!.schema;
}

async function check(store: TaskStore, route: Route, url: string, headers: Record<string, string> = {}): Promise<number> {
  const metrics = { watchers: { inc: () => undefined, dec: () => undefined }, contentType: 'text/plain; charset=utf-8', text: () => Promise.resolve('x 1\n') };
  const response = await createTasksApp({ store, metrics, index: true, listen: false }).request(url, { method: route.method, headers });
  const schema = schemaOf(route.path.replaceAll(/:(\w+)/g, '{$1}'), route.method, response);
  const type = response.headers.get('Content-Type') ?? '';
  if (type.startsWith('text/event-stream')) await response.body?.cancel();
  else if (type === 'application/x-ndjson') {
    const { 'x-lines': line } = api.components['schemas']!['LogEntries'] as { 'x-lines': Json };
    for (const entry of (await response.text()).trimEnd().split('\n')) expect(faultsOf(line, JSON.parse(entry))).toEqual([]);
  } else if (type.endsWith('json')) expect([url, faultsOf(schema!, await response.json())]).toEqual([url, []]);
  return response.status;
}

const GETS = Object.entries(ROUTES).filter(([, { method }]) => method === 'GET');

describe('the answers that are described', () => {
  test.each(GETS)('of %s are those of the app, for each task and each parameter', async (_name, route) => {
    const store = await storeOfAll();
    const uuids = route.path.includes(':uuid') ? [RUNNING, FAILED, QUEUED, EXPIRED, LONG, UNKNOWN, 'no-uuid'] : [''];
    for (const uuid of uuids) {
      const path = route.path.replace(':uuid', uuid).replace(':worker', 'w').replace(':name', 'page.css');
      for (const { name, example, needs } of [{ name: '', example: '', needs: undefined }, ...(route.parameters ?? [])]) {
        const needed = route.parameters?.find((each) => each.name === needs);
        const query = new URLSearchParams({ ...(needed !== undefined && { [needed.name]: needed.example }), ...(name !== '' && { [name]: example }) });
        // Nothing comes: it would only take a second.
        if (uuid === UNKNOWN && name === 'wait') continue;
        await check(store, route, `${path}?${query.toString()}`);
      }
      if (route.right !== 'open') await check(store, route, `${path}?colour=x`);
    }
  });

  test.each([
    ['getTask', '?log=0', {}],
    ['getTask', '', { Accept: 'text/plain' }],
    ['getTask', '', { Accept: 'text/html' }],
    ['getLog', '', { Accept: 'application/x-ndjson' }],
    ['getLog', '?offset=99999999', {}],
    ['getLog', '?find=FIRST', {}],
    ['getScopes', '?limit=2', {}],
    ['getScopes', '', {}],
  ] as const)('of %s%s with %j fit too', async (name, query, headers) => {
    const store = await storeOfAll();
    expect(await check(store, ROUTES[name], `/tasks/${RUNNING}${ROUTES[name].path.slice('/tasks/:uuid'.length)}${query}`, headers)).toBe(query.includes('99') ? 416 : 200);
  });

  test('for browsers fit too', async () => {
    const store = await storeOfAll();
    const headers = { Accept: 'text/html' };
    expect(await check(store, ROUTES.listTasks, '/tasks?state=running', headers)).toBe(200);
    expect(await check(store, ROUTES.listTasks, '/tasks?as=html')).toBe(200);
    expect(await check(store, ROUTES.cancelTask, `/tasks/${RUNNING}/cancel`, headers)).toBe(303);
  });

  test('of changes fit too', async () => {
    const store = await storeOfAll();
    const statuses: number[] = [];
    for (const uuid of [RUNNING, QUEUED, FAILED, UNKNOWN, 'no-uuid']) {
      statuses.push(await check(store, ROUTES.cancelTask, `/tasks/${uuid}/cancel?by=ada`));
      statuses.push(await check(store, ROUTES.getTask, `/tasks/${uuid}`));
      statuses.push(await check(store, ROUTES.deleteTask, `/tasks/${uuid}`));
    }
    statuses.push(await check(store, ROUTES.getCancellations, '/workers/w/cancellations'));
    statuses.push(await check(store, ROUTES.confirmCancellation, '/workers/w/cancellations/1'));
    expect(statuses).toEqual([202, 200, 409, 202, 200, 204, 409, 200, 204, 404, 404, 404, 400, 400, 400, 200, 204]);
  });

  test('of events fit too', async () => {
    const store = memoryStore();
    const task = new ScriptedTask(RUNNING);
    const attempt = task.attempt();
    await store.append(task.facts);
    const app = createTasksApp({ store, listen: false });
    const schemasOf = (name: string): Record<string, Json> => (api.components['schemas']![name] as { 'x-events': Record<string, Json> })['x-events'];
    const ofTask = new EventReader(await app.request(`/tasks/${RUNNING}/events?scopes=1&log=entries`));
    const ofList = new EventReader(await app.request('/tasks/events'));
    const seen = { task: [await ofTask.next()], list: [await ofList.next()] };
    await store.append(task.during(() => attempt.scope('Write rows').notify('one', { row: 1 })));
    seen.task.push(await ofTask.next());
    await store.append(task.during(() => attempt.complete()));
    seen.task.push(...(await ofTask.rest()));
    seen.list.push(await ofList.next());
    await store.delete(RUNNING);
    while (seen.list.at(-1)?.event !== 'gone') seen.list.push(await ofList.next());
    for (const [events, schemas] of [[seen.task, schemasOf('TaskEvents')], [seen.list, schemasOf('TaskListEvents')]] as const) {
      for (const { event, data } of events as { event: string; data: string }[]) expect([event, faultsOf(schemas[event]!, JSON.parse(data))]).toEqual([event, []]);
    }
    expect(new Set(seen.task.map((event) => event!.event))).toEqual(new Set(['record', 'change', 'end']));
    expect(new Set(seen.list.map((event) => event!.event))).toEqual(new Set(['start', 'change', 'gone']));
  });
});
