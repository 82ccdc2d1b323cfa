import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { sqliteStore } from '../../../collector/index.ts';
import { newFile } from './sqlite-file.ts';

const THREADS = 4;

test('a new database that many open at once is not refused as foreign, and locked for none', async () => {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const paths = Array.from({ length: 40 }, () => newFile());
  const threads = Array.from(
    { length: THREADS },
    () => new Worker(new URL('opening-thread.ts', import.meta.url), { workerData: { gate, paths, threads: THREADS } }),
  );
  const failures = await Promise.all(threads.map((thread) => once(thread, 'message')));
  expect(failures.flat(2)).toEqual([]);
}, 60_000);

test.runIf(process.platform === 'linux')('a second store on a file leaves the locks of the first, by which other processes know that it is open', async () => {
  const path = newFile();
  const first = sqliteStore(path);
  await first.open();
  const before = locksOn(path);
  const second = sqliteStore(path);
  await second.open();
  await second.close();
  expect(before).toBeGreaterThan(0);
  expect(locksOn(path)).toBe(before);
  await first.close();
});

test('a file in a folder that is missing can not be opened, which names the reason', async () => {
  const path = join(tmpdir(), 'taskspan-no-such-folder', 'tasks.sqlite');
  await expect(sqliteStore(path).open()).rejects.toThrow(`${path} can't be opened as a database: its folder does not exist`);
});

/** How many locks processes have on a file. */
function locksOn(path: string): number {
  const { ino } = statSync(path);
  return readFileSync('/proc/locks', 'utf8').split('\n').filter((line) => line.includes(`:${ino} `)).length;
}
