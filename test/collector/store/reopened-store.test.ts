import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { storeAt } from '../../../collector/store/store-at.ts';
import { UUID } from '../record/scripted-task.ts';
import { SEED_LOG, seedExample } from '../record/seed-example.ts';
import { newFile, storeIn } from './sqlite-file.ts';
import { factsOf, storePath, uuidOf } from './stored-task.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
});

function remove(path: string): void {
  for (const end of ['', '-wal', '-shm']) rmSync(path + end);
}

test('a store that can\'t be opened yet rejects each call, and takes facts once it can', async () => {
  const folder = join(newFile(), '..', 'later');
  const store = storeIn(join(folder, 'tasks.sqlite'));
  const { facts } = seedExample();
  const calls = (): Promise<unknown>[] => [
    store.open(), store.append(facts), store.task(UUID), store.stored(UUID), store.log(UUID), store.scopes(UUID), store.tasks({ limit: 1 }),
  ];
  for (const call of calls()) await expect(call).rejects.toMatchObject({ name: 'TaskStoreError', code: 'UNAVAILABLE' });
  mkdirSync(folder);
  vi.advanceTimersByTime(999);
  await expect(store.append(facts)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  vi.advanceTimersByTime(1);
  await Promise.all(calls());
  expect((await store.log(UUID))!.text).toBe(SEED_LOG);
});

test('a store whose file is deleted is opened again a second later, and its listeners are still called', async () => {
  const path = storePath();
  const store = storeIn(path);
  const heard = vi.fn();
  onTestFinished(store.watch(heard));
  await store.append(factsOf(uuidOf(1)));
  remove(path);
  await expect(store.append(factsOf(uuidOf(2)))).rejects.toMatchObject({ code: 'GONE', message: expect.stringContaining(path) });
  await expect(store.stored(uuidOf(1))).rejects.toMatchObject({ code: 'GONE' });
  vi.advanceTimersByTime(1000);
  heard.mockClear();
  await store.append(factsOf(uuidOf(3)));
  expect(heard).toHaveBeenCalled();
  expect(await store.stored(uuidOf(1))).toBeUndefined();
  expect(await store.stored(uuidOf(3))).toMatchObject({ state: 'running' });
});

test('changes after a position of the file before begin with the first of the new one', async () => {
  const path = storePath();
  const store = storeIn(path);
  for (const number of [1, 2]) await store.append(factsOf(uuidOf(number)));
  const { position: after } = await store.changes({ limit: 1 });
  remove(path);
  await expect(store.append([])).rejects.toMatchObject({ code: 'GONE' });
  vi.advanceTimersByTime(1000);
  for (const number of [3, 4, 5]) await store.append(factsOf(uuidOf(number)));
  expect(await store.changes({ after, limit: 10 })).toMatchObject({ uuids: [uuidOf(3), uuidOf(4), uuidOf(5)], fromStart: true });
});

test('a store that was opened again reports it once, and gives cancellations that come after those of the store before', async () => {
  const path = storePath();
  const replaced = vi.fn();
  const store = sqliteStore(path);
  onTestFinished(store.onReplaced(replaced));
  onTestFinished(() => store.close());
  const cancelled = async (uuid: string, after: number): Promise<number> => {
    await store.append(factsOf(uuid).map((fact) => (fact.kind === 'task-start' ? { ...fact, workerId: 'w', cancellable: true } : fact)));
    expect(await store.cancel(uuid)).toBe('requested');
    const asked = await store.cancellations('w', after);
    expect(asked.map(({ taskUuid }) => taskUuid)).toEqual([uuid]);
    return asked[0]!.number;
  };
  let last = await cancelled(uuidOf(1), 0);
  last = await cancelled(uuidOf(2), last);
  expect(replaced).not.toHaveBeenCalled();
  remove(path);
  await expect(store.append([])).rejects.toMatchObject({ code: 'GONE' });
  vi.advanceTimersByTime(1000);
  const next = await cancelled(uuidOf(3), last);
  expect(await store.cancellations('w', next)).toEqual([]);
  expect(replaced).toHaveBeenCalledTimes(1);
});

test('a store that was found damaged is read on, not written, and opened again when it was replaced by a sound file', async () => {
  const path = storePath();
  const backup = `${path}.backup`;
  const before = sqliteStore(path);
  for (let n = 0; n < 200; n++) await before.append(factsOf(uuidOf(n), { lines: 5 }));
  await before.close();
  copyFileSync(path, backup);
  const bytes = readFileSync(path);
  bytes.fill(0xa5, bytes.length - 40_960);
  writeFileSync(path, bytes);
  const store = storeIn(path);
  const append = (): Promise<unknown> => store.append(Array.from({ length: 300 }, (_, n) => factsOf(uuidOf(n), { lines: 9 })).flat());
  await expect(append()).rejects.toMatchObject({ name: 'TaskStoreError', code: 'CORRUPT', message: expect.stringContaining(path) });
  expect(await store.stored(uuidOf(1))).toMatchObject({ state: 'running' });
  await expect(store.append(factsOf(uuidOf(1000)))).rejects.toMatchObject({ code: 'CORRUPT' });
  expect(readFileSync(path).equals(bytes)).toBe(true);
  writeFileSync(path, readFileSync(backup));
  await expect(append()).rejects.toMatchObject({ code: 'GONE' });
  vi.advanceTimersByTime(1000);
  await append();
  expect(await store.stored(uuidOf(299))).toMatchObject({ state: 'running' });
});

test('a store that was never used has nothing to close', async () => {
  await expect(sqliteStore(newFile()).close()).resolves.toBeUndefined();
});

test('a URL is no location of a store yet, and the message has no password', async () => {
  for (const location of ['postgres://app:s3cret@db.example/tasks?password=s3cret', 'postgres://app:s3cret@[/tasks', 'postgres://app:s/3?s3cret@db/tasks']) {
    const error: unknown = await storeAt(location).stored(UUID).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'TaskStoreError', code: 'UNAVAILABLE' });
    expect((error as Error).message).toMatch(/^postgres:\/\/.*: expected the path of a SQLite file/);
    expect((error as Error).message).not.toContain('s3cret');
    expect((error as Error).message).not.toContain('s/3');
  }
});
