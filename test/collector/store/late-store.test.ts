import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { lateStore } from '../../../collector/store/late-store.ts';
import { TaskStoreError } from '../../../collector/store/task-store-error.ts';
import { UUID } from '../record/scripted-task.ts';
import { SEED_LOG, seedExample } from '../record/seed-example.ts';
import { newFile } from './sqlite-file.ts';

test('a store that can\'t be opened yet rejects each call, and takes facts once it can', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const folder = join(newFile(), '..', 'later');
  const store = lateStore(join(folder, 'tasks.sqlite'));
  onTestFinished(() => store.close());
  const { facts } = seedExample();
  const calls = (): Promise<unknown>[] => [
    store.append(facts), store.task(UUID), store.log(UUID), store.scopes(UUID), store.tasks({ limit: 1 }),
  ];
  for (const call of calls()) await expect(call).rejects.toMatchObject({ name: 'TaskStoreError', code: 'UNAVAILABLE' });
  expect(() => store.open()).toThrow(TaskStoreError);
  mkdirSync(folder);
  vi.advanceTimersByTime(999);
  await expect(store.append(facts)).rejects.toBeInstanceOf(TaskStoreError);
  vi.advanceTimersByTime(1);
  await Promise.all(calls());
  expect((await store.log(UUID))!.text).toBe(SEED_LOG);
});

test('a store that was never used has nothing to close', async () => {
  await expect(lateStore(newFile()).close()).resolves.toBeUndefined();
});

test('a URL is no place for a store yet, and says so', async () => {
  const error: unknown = await lateStore('postgres://127.0.0.1/tasks').task(UUID).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'UNAVAILABLE' });
  expect((error as Error).message).toMatch(/^postgres:\/\/127\.0\.0\.1\/tasks: expected the path of a SQLite file/);
});
