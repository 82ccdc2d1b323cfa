import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { factsOf, NOW, openSqlite, storePath, uuidOf } from './stored-task.ts';

/** A database of ours, closed, with so much in it that it has many pages. */
async function ours(): Promise<string> {
  const path = storePath();
  const store = sqliteStore(path);
  for (let n = 0; n < 200; n++) await store.append(factsOf(uuidOf(n), { time: NOW, end: 'completed', lines: 5 }));
  await store.close();
  return path;
}

/** Overwrites a part of a file. */
function damage(path: string, from: number, to: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, from, to);
  writeFileSync(path, bytes);
}

const FOREIGN: [string, string, () => string | Promise<string>][] = [
  ['a text', 'FOREIGN', () => {
    const path = storePath();
    writeFileSync(path, 'Dear diary, today I began to keep my tasks.\n'.repeat(100));
    return path;
  }],
  ['a text of a few bytes', 'FOREIGN', () => {
    const path = storePath();
    writeFileSync(path, 'x');
    return path;
  }],
  ['a database of another application', 'FOREIGN', () => {
    const path = storePath();
    const other = new DatabaseSync(path);
    other.exec('CREATE TABLE customer (id INTEGER PRIMARY KEY); INSERT INTO customer VALUES (1)');
    other.close();
    return path;
  }],
  ['a database of an application that died in the middle of its work', 'FOREIGN', () => {
    const path = storePath();
    const left = join(dirname(path), 'left');
    const other = new DatabaseSync(left);
    other.exec('PRAGMA journal_mode = WAL; CREATE TABLE customer (id INTEGER PRIMARY KEY); INSERT INTO customer VALUES (1)');
    copyFileSync(left, path);
    copyFileSync(`${left}-wal`, `${path}-wal`);
    other.close();
    return path;
  }],
  ['a database of ours with a damaged first page', 'CORRUPT', async () => {
    const path = await ours();
    damage(path, 100, 4096);
    return path;
  }],
  ['a database of ours with a damaged header', 'FOREIGN', async () => {
    const path = await ours();
    damage(path, 0, 60);
    return path;
  }],
  ['a database of a later version', 'NEWER_SCHEMA', async () => {
    const path = await ours();
    const later = new DatabaseSync(path);
    later.exec('PRAGMA user_version = 10000');
    later.close();
    return path;
  }],
];

test.each(FOREIGN)('%s is refused and left as it is, byte for byte', async (_, code, make) => {
  const path = await make();
  const [before, { mtimeMs }] = [readFileSync(path), statSync(path)];
  await expect(sqliteStore(path).open()).rejects.toMatchObject({ name: 'TaskStoreError', code, message: expect.stringContaining(path) });
  expect(readFileSync(path).equals(before)).toBe(true);
  expect(statSync(path).mtimeMs).toBe(mtimeMs);
});

test('a database of ours that was cut off is read as far as it goes, and never made again', async () => {
  const path = await ours();
  truncateSync(path, 8192);
  const before = readFileSync(path);
  const store = sqliteStore(path);
  onTestFinished(() => store.close());
  await expect(store.append(factsOf(uuidOf(1000)))).rejects.toThrow(/malformed|damaged/);
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('a database of ours whose last process died in the middle of its work is opened, and nothing is missing', async () => {
  const from = storePath();
  const store = openSqlite(from);
  await store.append(factsOf(uuidOf(1), { end: 'completed' }));
  const path = storePath();
  copyFileSync(from, path);
  copyFileSync(`${from}-wal`, `${path}-wal`);
  expect(await openSqlite(path).stored(uuidOf(1))).toMatchObject({ state: 'completed' });
});
