import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { TestContext } from 'vitest';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { newFile, storeIn } from './sqlite-file.ts';
import { factsOf, uuidOf } from './stored-task.ts';

vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
});

async function readiness(store: TaskStore): Promise<number> {
  return (await createTasksApp({ store }).request('/readyz')).status;
}

/** A file system in memory of so many bytes; skips the test where none can be mounted. */
function mounted(context: TestContext, size: string): { folder: string; remount: (options: string) => void } {
  const folder = join(dirname(newFile()), 'disk');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    context.skip('needs the right to mount a file system');
  }
  onTestFinished(() => void execFileSync('umount', ['--lazy', folder]));
  return { folder, remount: (options) => void execFileSync('mount', ['-o', `remount,${options}`, folder]) };
}

/** A folder with one finished task, which from now on may only be read. */
async function readOnlyFolder(context: TestContext): Promise<{ path: string; writable: () => void }> {
  const fill = async (path: string): Promise<void> => {
    const store = sqliteStore(path);
    await store.append(factsOf(uuidOf(1), { end: 'completed' }));
    await store.close();
  };
  if (process.getuid?.() === 0) {
    // No permission keeps root from writing.
    const { folder, remount } = mounted(context, '8m');
    const path = join(folder, 'tasks.sqlite');
    await fill(path);
    remount('ro');
    return { path, writable: () => remount('rw') };
  }
  const path = newFile();
  await fill(path);
  const setMode = (mode: number): void => chmodSync(dirname(path), mode);
  setMode(0o500);
  onTestFinished(() => setMode(0o700));
  return { path, writable: () => setMode(0o700) };
}

describe('a new file', () => {
  test.each([0o000, 0o022, 0o077, 0o277])('is its owner\'s alone with umask %o, and so are the files beside it', async (mask) => {
    const path = newFile();
    const umask = process.umask(mask);
    onTestFinished(() => void process.umask(umask));
    await storeIn(path).append(factsOf(uuidOf(1)));
    process.umask(umask);
    const modes = readdirSync(dirname(path)).map((name) => [name, (statSync(join(dirname(path), name)).mode & 0o777).toString(8)]);
    expect(Object.fromEntries(modes)).toEqual({ 'tasks.sqlite': '600', 'tasks.sqlite-wal': '600', 'tasks.sqlite-shm': '600' });
  });

  test('keeps the mode that an empty file has, made for it beforehand', async () => {
    const path = newFile();
    writeFileSync(path, '');
    chmodSync(path, 0o640);
    await storeIn(path).append(factsOf(uuidOf(1)));
    for (const end of ['', '-wal', '-shm']) expect((statSync(path + end).mode & 0o777).toString(8)).toBe('640');
  });
});

describe('a write-ahead log that is deleted while the store is open', () => {
  test.each(['-wal', '-shm'])('is noticed by the next write (%s), and nothing that was acknowledged is lost', async (end) => {
    const path = newFile();
    const store = storeIn(path);
    for (const number of [1, 2, 3]) await store.append(factsOf(uuidOf(number)));
    rmSync(path + end);
    await expect(store.append(factsOf(uuidOf(4)))).rejects.toMatchObject({ code: 'GONE', message: `${path}${end} was deleted or replaced while it was in use` });
    vi.advanceTimersByTime(1000);
    await store.append(factsOf(uuidOf(4)));
    const other = storeIn(path);
    expect((await other.tasks({ limit: 10 })).tasks.map(({ uuid }) => uuid)).toEqual([4, 3, 2, 1].map(uuidOf));
  });

  test('is noticed by reads within a second', async () => {
    const path = newFile();
    const store = storeIn(path);
    await store.append(factsOf(uuidOf(1)));
    rmSync(`${path}-wal`);
    vi.advanceTimersByTime(1000);
    await expect(store.stored(uuidOf(1))).rejects.toMatchObject({ code: 'GONE' });
  });
});

test('a database that replaces an open one keeps the write-ahead log that came with it', async () => {
  const [from, path] = [newFile(), newFile()];
  await storeIn(from).append(factsOf(uuidOf(2)));
  const store = storeIn(path);
  await store.append(factsOf(uuidOf(1)));
  for (const end of ['', '-wal', '-shm']) rmSync(path + end);
  for (const end of ['', '-wal']) copyFileSync(from + end, path + end);
  await expect(store.append(factsOf(uuidOf(3)))).rejects.toMatchObject({ code: 'GONE' });
  expect(existsSync(`${path}-wal`)).toBe(true);
  vi.advanceTimersByTime(1000);
  await store.append(factsOf(uuidOf(3)));
  expect((await store.tasks({ limit: 10 })).tasks.map(({ uuid }) => uuid)).toEqual([3, 2].map(uuidOf));
});

describe('a file that may only be read', () => {
  test('is read, and no file comes beside it; a write is refused with the reason', async (context) => {
    const { path } = await readOnlyFolder(context);
    const store = storeIn(path);
    expect(await store.task(uuidOf(1))).toMatchObject({ state: 'completed' });
    await expect(store.append(factsOf(uuidOf(2)))).rejects.toMatchObject({
      code: 'UNAVAILABLE', message: `${path} can't be written: the file or its folder may only be read`,
    });
    expect(await readiness(store)).toBe(503);
    expect((await store.tasks({ limit: 10 })).tasks).toHaveLength(1);
    expect(readdirSync(dirname(path))).toEqual(['tasks.sqlite']);
  });

  test('is written as soon as it may be', async (context) => {
    const { path, writable } = await readOnlyFolder(context);
    const store = storeIn(path);
    await expect(store.append(factsOf(uuidOf(2)))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    writable();
    await store.append(factsOf(uuidOf(2)));
    expect(await store.task(uuidOf(2))).toMatchObject({ state: 'running' });
  });

  test('shows what another process writes meanwhile', async (context) => {
    const { path, writable } = await readOnlyFolder(context);
    const store = storeIn(path);
    expect((await store.tasks({ limit: 10 })).tasks).toHaveLength(1);
    writable();
    const other = storeIn(path);
    await other.append(factsOf(uuidOf(2)));
    vi.advanceTimersByTime(1000);
    await expect(store.stored(uuidOf(2))).rejects.toMatchObject({ code: 'GONE' });
    vi.advanceTimersByTime(1000);
    expect(await store.task(uuidOf(2))).toMatchObject({ state: 'running' });
  });

  test('with changes that only its write-ahead log has is refused, with the reason', async (context) => {
    const { path, writable } = await readOnlyFolder(context);
    writable();
    const from = newFile();
    await storeIn(from).append(factsOf(uuidOf(1)));
    for (const end of ['', '-wal']) copyFileSync(from + end, path + end);
    if (process.getuid?.() === 0) execFileSync('mount', ['-o', 'remount,ro', dirname(path)]);
    else chmodSync(dirname(path), 0o500);
    await expect(storeIn(path).stored(uuidOf(1))).rejects.toMatchObject({ code: 'UNAVAILABLE', message: expect.stringContaining('its folder may not be written') });
  });
});

describe('damage', () => {
  /** A file with a log of many pages, of which one can be damaged and mended from outside. */
  async function file(): Promise<{ path: string; setDamaged: (isDamaged: boolean) => void }> {
    const path = newFile();
    const store = sqliteStore(path);
    for (let n = 0; n < 40; n++) await store.append(factsOf(uuidOf(n), { lines: 300 }));
    await store.close();
    const database = new DatabaseSync(path);
    const { pageno: page } = database.prepare("SELECT max(pageno) AS pageno FROM dbstat WHERE name = 'journal' AND pagetype = 'leaf'").get() as { pageno: number };
    database.close();
    const sound = Buffer.alloc(4096);
    const { openSync, readSync, writeSync, closeSync, utimesSync } = await import('node:fs');
    const { atime, mtime } = statSync(path);
    const at = (page - 1) * 4096;
    const descriptor = openSync(path, 'r+');
    onTestFinished(() => closeSync(descriptor));
    readSync(descriptor, sound, 0, 4096, at);
    return {
      path,
      setDamaged(isDamaged) {
        writeSync(descriptor, isDamaged ? Buffer.alloc(4096, 0xa5) : sound, 0, 4096, at);
        // As after an error of the disk, which leaves no trace in the file's times.
        utimesSync(path, atime, mtime);
      },
    };
  }

  const readAll = async (store: TaskStore): Promise<void> => {
    for (let n = 0; n < 40; n++) await store.log(uuidOf(n));
  };

  test('that a read finds stops writing; it goes on when the same read finds none any more', async () => {
    const { path, setDamaged } = await file();
    setDamaged(true);
    const store = storeIn(path);
    await expect(readAll(store)).rejects.toMatchObject({ code: 'CORRUPT' });
    const append = (): Promise<unknown> => store.append(factsOf(uuidOf(1000)));
    await expect(append()).rejects.toMatchObject({ code: 'CORRUPT' });
    expect(await readiness(store)).toBe(503);
    vi.advanceTimersByTime(5000);
    await expect(append()).rejects.toMatchObject({ code: 'CORRUPT' });
    setDamaged(false);
    vi.advanceTimersByTime(4999);
    await expect(append()).rejects.toMatchObject({ code: 'CORRUPT' });
    vi.advanceTimersByTime(1);
    await append();
    expect(await readiness(store)).toBe(200);
    await readAll(store);
  });
});

test('/readyz is 503 from a write that failed on a full disk until one succeeds', async (context) => {
  const { folder, remount } = mounted(context, '1m');
  const store = storeIn(join(folder, 'tasks.sqlite'));
  expect(await readiness(store)).toBe(200);
  const large = (number: number): Promise<unknown> => store.append(factsOf(uuidOf(number)).concat(
    Array.from({ length: 20 }, (_, at) => ({ ...factsOf(uuidOf(number), { lines: 1 })[1]!, seq: at + 2, message: 'z'.repeat(30_000) }) as never),
  ));
  let stored = 0;
  await expect((async () => {
    for (; stored < 10; stored++) await large(stored);
  })()).rejects.toThrow(/full/);
  expect(await readiness(store)).toBe(503);
  expect(await readiness(store)).toBe(503);
  remount('size=8m');
  expect(await readiness(store)).toBe(200);
  await large(stored);
  expect(await readiness(store)).toBe(200);
});
