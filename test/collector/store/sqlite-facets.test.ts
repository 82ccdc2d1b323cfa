import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { openSqlite, storePath } from './stored-task.ts';
import { factsOf, plainTasks } from './plain-tasks.ts';
import type { PlainTask } from './plain-tasks.ts';

function openedFile(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  onTestFinished(() => database.close());
  return database;
}

function tasks(count: number, more: Partial<PlainTask> = {}): PlainTask[] {
  return plainTasks(count).map((task): PlainTask => ({ ...task, isQueued: false, isSilent: false, end: task.start + 1_000_000, ...more }));
}

function countOf(database: DatabaseSync, sql: string): number {
  return (database.prepare(sql).get() as { count: number }).count;
}

const FACETS = 'SELECT count(*) AS count FROM facet';

test('facets are written for 1,024 tasks at once, and go with the last task that has them', async () => {
  const path = storePath();
  const store = openSqlite(path);
  const all = tasks(1100);
  await store.append(all.slice(0, 1023).flatMap(factsOf));
  const database = openedFile(path);
  expect(countOf(database, FACETS)).toBe(0);
  await store.append(all.slice(1023).flatMap(factsOf));
  expect(countOf(database, FACETS)).toBeGreaterThan(0);
  const only: PlainTask = { ...all[0]!, uuid: 'feed0000-0000-4000-8000-000000000000', name: 'Secretive', attributes: { card: '4111' } };
  await store.append(factsOf(only));
  await store.append(tasks(2200).slice(1100).flatMap(factsOf));
  const secrets = "SELECT count(*) AS count FROM facet WHERE key GLOB '?*secretive*' OR key GLOB 'acard=*'";
  expect(countOf(database, secrets)).toBe(3);
  expect(await store.delete(only.uuid)).toBe('deleted');
  expect(countOf(database, secrets)).toBe(0);
  while ((await store.sweep([{ states: ['completed', 'failed', 'cancelled'], before: Number.MAX_SAFE_INTEGER, keep: 0 }])) === 'more');
  expect([countOf(database, 'SELECT count(*) AS count FROM task'), countOf(database, FACETS)]).toEqual([0, 0]);
}, 60_000);

test('a task that goes on has its facets written once, and is found by what came last', async () => {
  const path = storePath();
  const store = openSqlite(path);
  const all = tasks(1500, { attributes: { tenant: 'acme' } });
  await store.append(all.flatMap((task) => factsOf(task).slice(0, 3)));
  const database = openedFile(path);
  const acme = "SELECT sum(length(tasks)) AS count FROM facet WHERE key = 'atenant=acme'";
  const before = countOf(database, acme);
  await store.append(all.flatMap(factsOf));
  expect(countOf(database, acme)).toBeGreaterThanOrEqual(before);
  const { counts } = await store.counts({ attributes: [{ key: 'tenant', values: ['acme'] }], states: ['running'] });
  expect(counts).toEqual({});
  const page = await store.tasks({ filter: { endedAfter: '2000-01-01T00:00:00.000000Z', attributes: [{ key: 'tenant', values: ['acme'] }] }, limit: 200 });
  expect(page.tasks).toHaveLength(200);
}, 60_000);

test('a file that is only read is searched without its facets being written', async () => {
  const path = storePath();
  const store = openSqlite(path);
  const all = tasks(1100, { attributes: { tenant: 'acme' } });
  await store.append(all.flatMap(factsOf));
  await store.append(factsOf({ ...all[0]!, uuid: 'feed0000-0000-4000-8000-000000000000', name: 'Late' }));
  await store.close();
  const reader = openSqlite(path);
  const found = await reader.tasks({ filter: { names: ['late'] }, limit: 10 });
  expect(found.tasks.map(({ uuid }) => uuid)).toEqual(['feed0000-0000-4000-8000-000000000000']);
});

test('two stores write the facets of one file together, and none is missing', async () => {
  const path = storePath();
  const stores = [openSqlite(path), openSqlite(path)];
  const all = tasks(2600, { attributes: { tenant: 'acme' } });
  for (let at = 0; at < all.length; at += 100) await stores[(at / 100) % 2]!.append(all.slice(at, at + 100).flatMap(factsOf));
  const database = openedFile(path);
  expect(countOf(database, "SELECT count(DISTINCT block) AS count FROM facet WHERE key = 'atenant=acme'")).toBeGreaterThanOrEqual(2);
  let [cursor, found]: [string | undefined, number] = [undefined, 0];
  do {
    const page = await stores[0]!.tasks({ filter: { attributes: [{ key: 'tenant', values: ['acme'] }] }, limit: 200, ...(cursor !== undefined && { cursor }) });
    [cursor, found] = [page.next, found + page.tasks.length];
  } while (cursor !== undefined);
  expect(found).toBe(all.length);
}, 60_000);

test('a task is found by an attribute that lists leave out', async () => {
  const store = openSqlite();
  const long = 'x'.repeat(9000);
  const [first, ...others] = tasks(1300);
  await store.append(factsOf({ ...first!, attributes: { long, tenant: 'acme' } }));
  await store.append(others.flatMap(factsOf));
  const found = async (value: string): Promise<string[]> => {
    const filter = { attributes: [{ key: 'tenant', values: ['acme'] }, { key: 'long', values: [value] }] };
    return (await store.tasks({ filter, limit: 5 })).tasks.map(({ uuid }) => uuid);
  };
  expect(await found(long)).toEqual([first!.uuid]);
  expect(await found(`${long}x`)).toEqual([]);
});

test('facts are stored where nothing is known of facets', async () => {
  const path = storePath();
  const store = openSqlite(path);
  await store.open();
  openedFile(path).exec('DROP TABLE faceted');
  const [task] = tasks(1);
  await store.append(factsOf(task!));
  expect(await store.stored(task!.uuid)).toMatchObject({ uuid: task!.uuid, state: 'completed' });
});
