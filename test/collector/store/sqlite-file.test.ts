import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import { TaskStoreError } from '../../../collector/store/task-store.ts';
import { UUID } from '../record/scripted-task.ts';
import { SEED_LOG, seedExample } from '../record/seed-example.ts';
import { expectedAfter, wholeOf } from './expected-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

async function errorOfOpening(path: string): Promise<TaskStoreError> {
  const error: unknown = await sqliteStore(path).open().then(() => undefined, (reason: unknown) => reason);
  if (error instanceof TaskStoreError) return error;
  throw new Error(`expected ${path} to be refused`, { cause: error });
}

/** Makes a database with other hands than taskspan's. */
function write(path: string, ...statements: string[]): void {
  const database = new DatabaseSync(path);
  for (const statement of statements) database.exec(statement);
  database.close();
}

describe('a SQLite file of taskspan', () => {
  test('has all that was appended when it is opened again', async () => {
    const path = newFile();
    const { facts } = seedExample();
    const before = storeIn(path);
    await before.append(facts.slice(0, 9));
    await before.close();
    const store = storeIn(path);
    expect(await wholeOf(store, UUID)).toEqual(expectedAfter([facts.slice(0, 9)]));
    await store.append(facts);
    expect(await wholeOf(store, UUID)).toEqual(expectedAfter([facts.slice(0, 9), facts]));
    expect((await store.log(UUID))!.text).toBe(SEED_LOG);
  });

  test('is not made in the place of a folder: the error has the reason', async () => {
    const path = newFile();
    mkdirSync(path);
    expect(await errorOfOpening(path)).toMatchObject({ code: 'UNAVAILABLE', message: `${path} can't be opened as a database: unable to open database file` });
  });

  test('is made where there is none, or an empty one', async () => {
    const path = newFile();
    writeFileSync(path, '');
    await storeIn(path).append(seedExample().facts);
    expect(readFileSync(path, 'latin1').slice(0, 15)).toBe('SQLite format 3');
    expect(readdirSync(dirname(path))).toContain('tasks.sqlite');
  });

  test('leaves no other file behind once it is closed', async () => {
    const path = newFile();
    const store = storeIn(path);
    await store.append(seedExample().facts);
    await store.close();
    expect(readdirSync(dirname(path))).toEqual(['tasks.sqlite']);
  });

  test('has the tables of tasks, scopes and journal', async () => {
    const path = newFile();
    await storeIn(path).open();
    const database = new DatabaseSync(path, { readOnly: true });
    const tables = database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).all();
    database.close();
    expect(tables.map(({ name }) => name)).toEqual(expect.arrayContaining(['task', 'scope_group', 'journal']));
  });

  test('is of no use any more once the store is closed: each call rejects', async () => {
    const store = storeIn(newFile());
    await store.append(seedExample().facts);
    await store.close();
    const calls = [
      store.append(seedExample().facts), store.stored(UUID), store.log(UUID), store.scopes(UUID), store.tasks({ limit: 1 }),
    ];
    for (const { status } of await Promise.allSettled(calls)) expect(status).toBe('rejected');
  });
});

describe('a file that is not taskspan\'s is refused, and not one byte of it is changed:', () => {
  test.each<[string, (path: string) => void | Promise<void>, string]>([
    ['a database of something else', (path: string) => write(path, 'CREATE TABLE customer (id INTEGER)', 'INSERT INTO customer VALUES (1)'), 'FOREIGN'],
    ['one in WAL mode', (path: string) => write(path, 'PRAGMA journal_mode = WAL', 'CREATE TABLE task (id INTEGER)'), 'FOREIGN'],
    ['one with another application\'s id', (path: string) => write(path, 'PRAGMA application_id = 1196444487', 'PRAGMA user_version = 1'), 'FOREIGN'],
    ['one with a version and no tables', (path: string) => write(path, 'PRAGMA user_version = 3'), 'FOREIGN'],
    ['a text', (path: string) => writeFileSync(path, 'name;city\n'.repeat(1000)), 'FOREIGN'],
    ['a text of five letters', (path: string) => writeFileSync(path, 'hello'), 'FOREIGN'],
    ['a later version of taskspan\'s', async (path: string) => {
      const store = sqliteStore(path);
      await store.open();
      await store.close();
      write(path, 'PRAGMA user_version = 99', 'ALTER TABLE task ADD COLUMN later TEXT');
    }, 'NEWER_SCHEMA'],
  ])('%s', async (_what, make, code) => {
    const path = newFile();
    await make(path);
    const before = readFileSync(path);
    const error = await errorOfOpening(path);
    expect(error.code).toBe(code);
    expect(error.message).toContain(path);
    expect(error.message).not.toContain('\n');
    expect(readFileSync(path).equals(before)).toBe(true);
    expect(readdirSync(dirname(path))).toEqual(['tasks.sqlite']);
  });
});

describe('what can\'t be opened is reported in one line that names it:', () => {
  test('a directory', async () => {
    const path = newFile();
    mkdirSync(path);
    const { code, message, cause } = await errorOfOpening(path);
    expect(code).toBe('UNAVAILABLE');
    expect(message).toMatch(/^\S+tasks\.sqlite can't be opened as a database: .+$/);
    expect(cause).toBeInstanceOf(Error);
  });

  test('a file of its own of which only the beginning is left, and it stays as it is', async () => {
    const path = newFile();
    const store = storeIn(path);
    await store.append(seedExample().facts);
    await store.close();
    const cut = readFileSync(path).subarray(0, 50);
    writeFileSync(path, cut);
    const { code, message } = await errorOfOpening(path);
    expect(code).toBe('CORRUPT');
    expect(message).toContain(path);
    expect(readFileSync(path).equals(cut)).toBe(true);
  });

  test('a file in a folder that is missing', async () => {
    const path = join(newFile(), 'deeper', 'tasks.sqlite');
    const { code, message } = await errorOfOpening(path);
    expect(code).toBe('UNAVAILABLE');
    expect(message).toContain(path);
  });

  test.each([[''], [undefined], [7]])('%j, which is no path, is a TypeError', (path) => {
    expect(() => sqliteStore(path as string)).toThrow(new TypeError(`sqliteStore: expected the path of a file, got ${JSON.stringify(path)}`));
  });
});
