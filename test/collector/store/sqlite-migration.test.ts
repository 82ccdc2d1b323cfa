import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import { earlierTasks } from './earlier-tasks.ts';
import { expectedAfter, uuidOf, wholeOf } from './expected-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

/** A file as schema 10 left it. */
function earlierFile(): string {
  const path = newFile();
  const database = new DatabaseSync(path);
  database.exec(readFileSync(new URL('schema-10.sql', import.meta.url), 'utf8'));
  database.close();
  return path;
}

const progressOf = (whole: { summary: unknown }): number | null => (whole.summary as { progress: number | null }).progress;

describe('a file of schema 10', () => {
  const tasks = earlierTasks();

  test('has its tasks as they were', async () => {
    const store = storeIn(earlierFile());
    for (const { uuid, before } of tasks.slice(0, 4)) expect(await wholeOf(store, uuid)).toEqual(expectedAfter(before));
    for (const number of [5, 6]) expect(progressOf(await wholeOf(store, uuidOf(number)))).toBeCloseTo(1 / 3, 8);
  });

  test('goes on with them: what came before is known, and what comes is told', async () => {
    const store = storeIn(earlierFile());
    for (const { before } of tasks) for (const facts of before) await store.append(facts);
    for (const { uuid, before } of tasks.slice(0, 4)) expect(await wholeOf(store, uuid)).toEqual(expectedAfter(before));
    for (const { after } of tasks) await store.append(after);
    for (const { uuid, before, after } of tasks.slice(0, 4)) {
      expect(await wholeOf(store, uuid)).toEqual(expectedAfter([...before, ...(after.length > 0 ? [after] : [])]));
    }
    expect(progressOf(await wholeOf(store, uuidOf(5)))).toBeCloseTo(2 / 3, 8);
  });

  test('has what finds scopes, and what tells parents, and no table that is not used any more', async () => {
    const path = earlierFile();
    const store = storeIn(path);
    expect(await store.cancel(uuidOf(2))).toBe('not-cancellable');
    await store.close();
    const database = new DatabaseSync(path);
    const count = (table: string): unknown => database.prepare(`SELECT count(*) AS n FROM ${table}`).get();
    expect(count(`sqlite_schema WHERE name = 'scope'`)).toEqual({ n: 0 });
    expect([count('scope_place'), count('child_attempt')]).toEqual([{ n: 26 }, { n: 1 }]);
    database.close();
  });
});
