import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, test } from 'vitest';
import type { ScopeRecord } from '../../../collector/record/task-record.ts';
import type { CancelAnswer, TaskStore } from '../../../collector/store/task-store.ts';
import { ScriptedTask } from '../record/scripted-task.ts';
import { hearing } from './cancel-contract.ts';
import { earlierTasks } from './earlier-tasks.ts';
import { expectedAfter, uuidOf, wholeOf } from './expected-task.ts';
import type { StoredWhole } from './expected-task.ts';
import { newFile, storeIn } from './sqlite-file.ts';

/** A file as schema 10 left it. */
function earlierFile(): string {
  const path = newFile();
  const database = new DatabaseSync(path);
  database.exec(readFileSync(new URL('schema-10.sql', import.meta.url), 'utf8'));
  database.close();
  return path;
}

/** Asks for task 77, which has just begun, to be cancelled. */
async function cancelNew(store: TaskStore): Promise<CancelAnswer | undefined> {
  const task = new ScriptedTask(uuidOf(77));
  task.attempt();
  await store.append(hearing(task.facts));
  return store.cancel(uuidOf(77));
}

/** Records of that schema have no `created` until the next commit of their task. */
function withoutCreated(whole: StoredWhole): StoredWhole {
  const { created: _created, ...summary } = whole.summary as Record<string, unknown>;
  return { ...whole, summary };
}

const progressOf = (whole: { summary: unknown }): number | null => (whole.summary as { progress: number | null }).progress;

describe('a file of schema 10', () => {
  const tasks = earlierTasks();

  test('has its tasks as they were', async () => {
    const store = storeIn(earlierFile());
    for (const { uuid, before } of tasks.slice(0, 4)) expect(withoutCreated(await wholeOf(store, uuid))).toEqual(withoutCreated(expectedAfter(before)));
    for (const number of [5, 6]) expect(progressOf(await wholeOf(store, uuidOf(number)))).toBeCloseTo(1 / 3, 8);
  });

  test('goes on with them: what came before is known, and what comes is told', async () => {
    const store = storeIn(earlierFile());
    for (const { before } of tasks) for (const facts of before) await store.append(facts);
    for (const { uuid, before } of tasks.slice(0, 4)) expect(withoutCreated(await wholeOf(store, uuid))).toEqual(withoutCreated(expectedAfter(before)));
    for (const { after } of tasks) await store.append(after);
    for (const { uuid, before, after } of tasks.slice(0, 4)) {
      expect(withoutCreated(await wholeOf(store, uuid))).toEqual(withoutCreated(expectedAfter([...before, ...(after.length > 0 ? [after] : [])])));
    }
    expect(progressOf(await wholeOf(store, uuidOf(5)))).toBeCloseTo(2 / 3, 8);
  });

  test('finds each of the many scopes of a task', async () => {
    const path = earlierFile();
    const database = new DatabaseSync(path);
    // As many as have places, and some that have none yet: copies of one, which has neither ended nor failed.
    const columns = (database.prepare('PRAGMA table_info(scope)').all() as { name: string }[])
      .map(({ name }) => ({ span_id: `printf('%016x', n)`, number: 'n', name: `'Copy ' || n`, heading: 'NULL' })[name] ?? `"${name}"`);
    database.exec(`
      INSERT INTO scope WITH RECURSIVE copy (n) AS (SELECT 43 UNION ALL SELECT n + 1 FROM copy WHERE n < 1100)
        SELECT ${columns.join(', ')} FROM copy, scope WHERE task_id = 2 AND scope.number = 8;
      UPDATE task SET span_count = 1100 WHERE id = 2;
    `);
    const { trace_id: traceId, task_span_id: taskSpanId, end_seq: endSeq } = database
      .prepare('SELECT trace_id, task_span_id, end_seq FROM scope WHERE task_id = 2 AND number = 8').get() as Record<string, string>;
    database.close();

    const store = storeIn(path);
    const { version } = (await store.stored(uuidOf(2)))!;
    for (const number of [43, 44, 511, 512, 513, 1023, 1024, 1025, 1099, 1100]) {
      const spanId = number.toString(16).padStart(16, '0');
      const span = { taskUuid: uuidOf(2), traceId: traceId!, spanId, taskSpanId: taskSpanId! };
      await store.append([{ kind: 'notification', span, seq: Number(endSeq), time: 1_700_000_001_000_000, message: 'known' }]);
    }
    expect(await store.stored(uuidOf(2))).toMatchObject({ version });
    const count = (scopes: readonly ScopeRecord[]): number => scopes.reduce((sum, scope) => sum + 1 + count(scope.scopes), 0);
    expect(count((await store.scopes(uuidOf(2)))!.attempts)).toBe(1100);
  });

  test('has its requests to cancel tasks, and numbers that go on', async () => {
    const path = earlierFile();
    const database = new DatabaseSync(path);
    database.exec(`INSERT INTO command VALUES (7, 'w', 'cancel', '${uuidOf(1)}', '00000000000000aa', 1)`);
    database.close();
    const store = storeIn(path);
    expect(await store.cancellations('w', 6)).toEqual([{ number: 7, taskUuid: uuidOf(1), spanId: '00000000000000aa' }]);
    expect(await cancelNew(store)).toBe('requested');
    expect(await store.cancellations('w', 7)).toMatchObject([{ number: 8, taskUuid: uuidOf(77) }]);
  });

  test('gives no request to cancel a number that was one before, also where all are deleted', async () => {
    const path = earlierFile();
    const database = new DatabaseSync(path);
    database.exec(`INSERT INTO command VALUES (7, 'w', 'cancel', '${uuidOf(1)}', '00000000000000aa', 1); DELETE FROM command`);
    database.close();
    const store = storeIn(path);
    expect(await cancelNew(store)).toBe('requested');
    expect(await store.cancellations('w', 7)).toMatchObject([{ number: 8, taskUuid: uuidOf(77) }]);
  });

  test('has no table that is not used any more', async () => {
    const path = earlierFile();
    await storeIn(path).close();
    const database = new DatabaseSync(path, { readOnly: true });
    expect(database.prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE tbl_name = 'scope'`).get()).toEqual({ n: 0 });
    database.close();
  });
});
