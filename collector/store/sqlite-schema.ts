import type { DatabaseSync } from 'node:sqlite';
import { TaskStoreError } from './task-store-error.ts';

/** `tspn`: says in the file's header whose it is. */
export const APPLICATION_ID = 0x7473706e;

/**
 * The schema, step by step: the file's `user_version` says how many of these it has had. Steps
 * are only ever added.
 *
 * Times are microseconds since the epoch; a `journal` row is one commit's text, found by the
 * offset at which it stands in the task's log.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    log_bytes INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    summary TEXT NOT NULL,
    span_count INTEGER NOT NULL,
    line_before TEXT,
    attempts TEXT NOT NULL
  ) STRICT;
  CREATE INDEX task_state ON task (state, id);

  CREATE TABLE scope (
    task_id INTEGER NOT NULL,
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    task_span_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    parent_span_id TEXT NOT NULL,
    name TEXT NOT NULL,
    start INTEGER,
    "end" INTEGER,
    outcome TEXT,
    heading INTEGER,
    error TEXT,
    end_seq INTEGER,
    duration INTEGER,
    encloses INTEGER NOT NULL,
    share REAL,
    progress TEXT,
    plan TEXT,
    inside_units INTEGER NOT NULL,
    inside_by_name TEXT,
    units INTEGER NOT NULL,
    seen TEXT NOT NULL,
    notifications INTEGER NOT NULL,
    recent TEXT,
    attempt TEXT,
    PRIMARY KEY (task_id, trace_id, span_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE journal (
    task_id INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    version INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    text TEXT NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (task_id, offset)
  ) STRICT, WITHOUT ROWID;
  `,
  // The number of a task's latest change, greater than all before, also those of tasks deleted since.
  `
  ALTER TABLE task ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
  UPDATE task SET changed = id;
  CREATE INDEX task_changed ON task (changed);
  CREATE TABLE deleted_change (last INTEGER NOT NULL) STRICT;
  INSERT INTO deleted_change VALUES (0);
  CREATE TRIGGER task_deleted AFTER DELETE ON task BEGIN
    UPDATE deleted_change SET last = old.changed WHERE last < old.changed;
  END;
  `,
  // What is asked of workers, each by its id. No foreign key: a task may be deleted meanwhile.
  `
  CREATE TABLE command (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    worker_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    task_uuid TEXT NOT NULL,
    span_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    UNIQUE (kind, task_uuid, span_id)
  ) STRICT;
  CREATE INDEX command_worker ON command (worker_id, number);
  `,
  // What tasks live by. `worker_id` stands only while the task is live: begun, not ended, not lost for good.
  `
  ALTER TABLE task ADD COLUMN announced TEXT;
  ALTER TABLE task ADD COLUMN attempt TEXT;
  ALTER TABLE task ADD COLUMN worker_id TEXT;
  ALTER TABLE task ADD COLUMN lost_heard INTEGER;
  CREATE INDEX task_worker ON task (worker_id) WHERE worker_id IS NOT NULL;

  CREATE TABLE worker (
    id TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    interval_ms INTEGER NOT NULL,
    since INTEGER NOT NULL,
    beat INTEGER NOT NULL,
    beats INTEGER NOT NULL,
    busy_since INTEGER,
    silent_ms INTEGER NOT NULL,
    lost INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // Retention. The index has ended tasks alone, so that a running one costs nothing more to write.
  `
  CREATE INDEX task_ended ON task (updated, state) WHERE state IN ('completed', 'failed', 'cancelled');

  CREATE TABLE removed (task_id INTEGER PRIMARY KEY) STRICT;

  CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
  `,
  // Since when a task is lost for good, for retention.
  `
  ALTER TABLE task ADD COLUMN lost_at INTEGER;
  UPDATE task SET lost_at = CAST(unixepoch('subsec') * 1000000 AS INTEGER) WHERE lost_heard IS NOT NULL;
  CREATE INDEX task_lost ON task (lost_at, state) WHERE lost_at IS NOT NULL;
  `,
  // With a rowid: rows are found by a small index instead of in a tree that holds their texts at every
  // level, so that one more line costs the same in a long log.
  `
  CREATE TABLE journal_with_rowid (
    task_id INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    version INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    text TEXT NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (task_id, offset)
  ) STRICT;
  INSERT INTO journal_with_rowid SELECT task_id, offset, version, bytes, text, entries FROM journal;
  DROP TABLE journal;
  ALTER TABLE journal_with_rowid RENAME TO journal;
  `,
  // Scopes that begin in another process, and which attempts are those of child tasks: of the scope
  // "UUID of the parent task-trace id-span id".
  `
  ALTER TABLE scope ADD COLUMN remote INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE scope ADD COLUMN child_of TEXT;
  CREATE INDEX scope_child_of ON scope (child_of) WHERE child_of IS NOT NULL;
  `,
  // Whether a task that is lost for good has spans that are still to be ended toward a tracing backend.
  `
  ALTER TABLE task ADD COLUMN trace_open INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX task_trace_open ON task (id) WHERE trace_open = 1 AND lost_heard IS NOT NULL;
  `,
  // By which way a worker's beats come.
  `
  ALTER TABLE worker ADD COLUMN path TEXT;
  `,
  // Scopes in groups of sixteen, each a line of JSON (`scope-line.ts`); with a rowid, as the journal is.
  `
  CREATE TABLE scope_group (
    task_id INTEGER NOT NULL,
    place INTEGER NOT NULL,
    lines TEXT NOT NULL,
    PRIMARY KEY (task_id, place)
  ) STRICT;
  CREATE TABLE scope_place (
    task_id INTEGER NOT NULL,
    span_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (task_id, span_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE child_attempt (
    task_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    child_of TEXT NOT NULL,
    PRIMARY KEY (task_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX child_attempt_of ON child_attempt (child_of);

  INSERT INTO scope_place SELECT task_id, span_id, number FROM scope JOIN task ON task.id = task_id
    WHERE number <= span_count / 512 * 512;
  INSERT INTO child_attempt SELECT task_id, number, child_of FROM scope WHERE child_of IS NOT NULL;
  INSERT INTO scope_group
    WITH numbered AS (
      SELECT *, (number - 1) / 16 AS place,
        number - ifnull(lag(number) OVER (PARTITION BY task_id, (number - 1) / 16 ORDER BY number), (number - 1) / 16 * 16) AS step
      FROM scope
    )
    SELECT task_id, place, substr(group_concat(replace(hex(zeroblob(step)), '00', char(10)) || '[' || concat_ws(',',
        json_quote(span_id),
        ifnull((SELECT key FROM task, json_each(task.attempts)
                WHERE task.id = task_id AND value ->> 0 = trace_id AND value ->> 1 = task_span_id), 0),
        number,
        CASE WHEN "end" IS NULL THEN 'null' ELSE json_array("end" - ifnull(start, 0), end_seq, outcome, duration, heading) END,
        CASE parent_span_id WHEN task_span_id THEN '0' ELSE json_quote(parent_span_id) END,
        CASE WHEN substr(name, 1, 1) = '"' THEN name ELSE json_quote(name) END,
        ifnull(start, 'null'), seen, encloses, inside_units, units, notifications, ifnull(recent, '[]'),
        CASE WHEN coalesce(error, share, progress, plan, attempt) IS NOT NULL OR remote THEN json_object(
          'error', json(error), 'share', json(CASE WHEN share IS NOT NULL THEN printf('%!.17g', share) END),
          'progress', json(progress), 'plan', json(plan), 'insideByName', json(inside_by_name), 'remote', remote, 'task', json(attempt)
        ) END
      ) || ']', '' ORDER BY number), 2)
    FROM numbered GROUP BY task_id, place ORDER BY task_id, place;
  DROP TABLE scope;
  `,
  // One request goes to several workers where an attempt has parts in other processes. The numbers go on, also
  // after those that are deleted: a worker asks for what is after the last that it has heard.
  `
  CREATE TABLE worker_command (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    worker_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    task_uuid TEXT NOT NULL,
    span_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    UNIQUE (kind, task_uuid, span_id, worker_id)
  ) STRICT;
  INSERT INTO worker_command SELECT * FROM command;
  DELETE FROM sqlite_sequence WHERE name = 'worker_command';
  INSERT INTO sqlite_sequence SELECT 'worker_command', seq FROM sqlite_sequence WHERE name = 'command';
  DROP TABLE command;
  ALTER TABLE worker_command RENAME TO command;
  CREATE INDEX command_worker ON command (worker_id, number);
  `,
  // Which file this is: positions of another one are recognised by it.
  `
  CREATE TABLE store (id TEXT NOT NULL) STRICT;
  INSERT INTO store VALUES (lower(hex(randomblob(8))));
  `,
];

/** Brings a database to the present schema; refuses one that is not taskspan's, or is of a later version. */
export function migrate(database: DatabaseSync, path: string): void {
  if (isCurrent(database, path)) return;
  // Heeded only before the first page is written: a file of before keeps its free pages for itself.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL');
  database.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have done it meanwhile.
    if (!isCurrent(database, path)) {
      for (const step of MIGRATIONS.slice(versionOf(database))) database.exec(step);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${MIGRATIONS.length}`);
    }
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Throws for a database that is something else's, or of a later version. It only reads. */
export function refuseForeign(database: DatabaseSync, path: string): void {
  isCurrent(database, path);
}

function isCurrent(database: DatabaseSync, path: string): boolean {
  // One statement: another process may be making the schema, and between two the database would be half of each.
  const { id, version, tables } = database.prepare(LOOK).get() as { id: number; version: number; tables: number };
  if (id !== APPLICATION_ID) {
    if (id === 0 && version === 0 && tables === 0) return false;
    throw new TaskStoreError('FOREIGN', `${path} is a database of something else; taskspan leaves it alone`);
  }
  if (version > MIGRATIONS.length) {
    throw new TaskStoreError(
      'NEWER_SCHEMA',
      `${path} was written by a later version of taskspan (schema ${version}, this one knows ${MIGRATIONS.length})`,
    );
  }
  return version === MIGRATIONS.length;
}

const LOOK = `SELECT count(*) AS tables, (SELECT application_id FROM pragma_application_id) AS id,
  (SELECT user_version FROM pragma_user_version) AS version FROM sqlite_schema`;

function versionOf(database: DatabaseSync): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}
