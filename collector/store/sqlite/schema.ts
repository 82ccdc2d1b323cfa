import type { DatabaseSync } from 'node:sqlite';
import { TaskStoreError } from '../task-store.ts';

/** `tsp5`: the mark of taskspan in a file's header. Until the first release an edit of the first step gets another mark. */
export const APPLICATION_ID = 0x74737035;
/** `tspn`, `tsp1` to `tsp4`: the marks of files that versions before the first release have written. */
const DEVELOPMENT_IDS: readonly number[] = [0x7473706e, 0x74737031, 0x74737032, 0x74737033, 0x74737034];

/**
 * The schema, step by step: the file's `user_version` is how many of these it has had. Steps are only ever added, once
 * the first version is released.
 *
 * Times are microseconds since the epoch; those of facts are the senders', `stored` is the store's own.
 */
const STEPS: readonly string[] = [
  `
  -- Which file this is: positions in its changes have the id, so that those of another file are recognised.
  CREATE TABLE store (id TEXT NOT NULL) STRICT;
  INSERT INTO store VALUES (lower(hex(randomblob(8))));

  -- \`updated\` is the time of the latest fact, \`stored\` that of the latest commit. \`changed\` is the number of the
  -- latest change, greater than all before. \`worker_id\` is set only while the task is live: begun, not ended, not lost
  -- for good; \`lost_at\` since it is lost for good. \`parent\` is the UUID of its parent task; \`cancel\` the request to
  -- cancel it, as JSON. Of a queued task \`expires_at\` is when its announcement ends by its own wish, and \`queued_at\` when it
  -- was announced if it has none. \`service_name\` is empty while unknown. \`over_version\`: since that version the open
  -- scopes are lost, or run again. \`list_summary\` is the summary for lists, where that leaves something out: before the
  -- summary, so that a list does not read a long one.
  CREATE TABLE task (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    service_name TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL,
    attempt TEXT,
    worker_id TEXT,
    parent TEXT,
    cancel TEXT,
    announced TEXT,
    attempts TEXT NOT NULL,
    lost_heard INTEGER,
    lost_at INTEGER,
    trace_open INTEGER NOT NULL DEFAULT 0,
    queued_at INTEGER,
    expires_at INTEGER,
    created INTEGER,
    updated INTEGER NOT NULL,
    stored INTEGER NOT NULL,
    version INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    log_bytes INTEGER NOT NULL,
    log_lines INTEGER NOT NULL,
    span_count INTEGER NOT NULL,
    line_before TEXT,
    over_version INTEGER NOT NULL DEFAULT 0,
    list_summary TEXT,
    summary TEXT NOT NULL
  ) STRICT;
  CREATE INDEX task_state ON task (state, id);
  CREATE INDEX task_changed ON task (changed);
  CREATE INDEX task_worker ON task (worker_id) WHERE worker_id IS NOT NULL;
  CREATE INDEX task_parent ON task (parent) WHERE parent IS NOT NULL;
  CREATE INDEX task_queued ON task (queued_at) WHERE queued_at IS NOT NULL;
  CREATE INDEX task_expires ON task (expires_at) WHERE expires_at IS NOT NULL;
  -- Tasks that promise no heartbeats.
  CREATE INDEX task_unheard ON task (stored) WHERE state = 'running' AND worker_id IS NULL;
  -- For retention: of ended tasks alone, so that a running one costs nothing more to write.
  CREATE INDEX task_ended ON task (stored, state) WHERE state IN ('completed', 'failed', 'cancelled', 'expired');
  CREATE INDEX task_lost ON task (lost_at, state) WHERE lost_at IS NOT NULL;
  CREATE INDEX task_trace_open ON task (id) WHERE trace_open = 1 AND lost_heard IS NOT NULL;

  -- How many tasks are in each state; those that are lost for good are counted as 'lost for good'. Changes and deletions
  -- are counted by triggers. \`SqliteCommits\` counts new tasks once a transaction: a trigger would cost each of them more.
  CREATE TABLE state_count (state TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TRIGGER task_counted AFTER UPDATE OF state, lost_at ON task
    WHEN new.state <> old.state OR (new.lost_at IS NULL) <> (old.lost_at IS NULL) BEGIN
    UPDATE state_count SET count = count - 1 WHERE state = iif(old.lost_at IS NULL, old.state, 'lost for good');
    INSERT INTO state_count VALUES (iif(new.lost_at IS NULL, new.state, 'lost for good'), 1)
      ON CONFLICT DO UPDATE SET count = count + 1;
  END;

  -- The tasks that were deleted within the last day: late facts do not bring them back, and readers of the changes learn that
  -- they are gone. \`version\`: one that begins anew goes on after it, so that no version stands for two records.
  CREATE TABLE deleted (uuid TEXT PRIMARY KEY, changed INTEGER NOT NULL, time INTEGER NOT NULL, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX deleted_changed ON deleted (changed);
  CREATE INDEX deleted_time ON deleted (time);

  -- The greatest change number of a task that was deleted: no number is given twice.
  CREATE TABLE deleted_change (last INTEGER NOT NULL) STRICT;
  INSERT INTO deleted_change VALUES (0);
  CREATE TRIGGER task_deleted AFTER DELETE ON task BEGIN
    UPDATE deleted_change SET last = old.changed WHERE last < old.changed;
    UPDATE state_count SET count = count - 1 WHERE state = iif(old.lost_at IS NULL, old.state, 'lost for good');
  END;

  -- Rows of a task's log by the offset of their text. With a rowid: rows are found by a small index instead of in a
  -- tree that holds their texts at every level, so that one more line costs the same in a long log.
  CREATE TABLE journal (
    task_id INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    version INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    text TEXT NOT NULL,
    entries BLOB NOT NULL,
    PRIMARY KEY (task_id, offset)
  ) STRICT;

  -- Scopes in groups of sixteen, each a row of JSON (\`scope-row.ts\`); with a rowid, as the journal is. \`version\` is the
  -- task's with which one of them has changed last. By it only groups are indexed that are \`is_indexed\`: the first ones
  -- of a task are looked through, as most tasks have few, and so are its last ones, which nearly each commit changes.
  CREATE TABLE scope_group (
    task_id INTEGER NOT NULL,
    group_number INTEGER NOT NULL,
    version INTEGER NOT NULL,
    is_indexed INTEGER NOT NULL DEFAULT 0,
    lines TEXT NOT NULL,
    PRIMARY KEY (task_id, group_number)
  ) STRICT;
  CREATE INDEX scope_group_version ON scope_group (task_id, version) WHERE is_indexed = 1;
  -- Parts of scopes that have many: names of a plan, gaps between sequence numbers (\`scope-pages.ts\`).
  CREATE TABLE scope_page (
    task_id INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    page INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (task_id, scope, kind, page)
  ) STRICT;
  -- \`trace\`: index of the first attempt that is in the scope's trace, since span ids may repeat in other traces.
  CREATE TABLE scope_index (
    task_id INTEGER NOT NULL,
    span_id TEXT NOT NULL,
    trace INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (task_id, span_id, trace, number)
  ) STRICT, WITHOUT ROWID;

  -- Where scopes stand in the tree (\`scope-places.ts\`): which numbers of a piece of 512 are inside the one of the number
  -- \`within\`; and those scopes that are shown first.
  CREATE TABLE scope_inside (
    task_id INTEGER NOT NULL,
    within INTEGER NOT NULL,
    piece INTEGER NOT NULL,
    ranges TEXT NOT NULL,
    PRIMARY KEY (task_id, within, piece)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE scope_first (
    task_id INTEGER NOT NULL,
    rank INTEGER NOT NULL,
    within INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (task_id, rank, within, number)
  ) STRICT, WITHOUT ROWID;

  -- Which attempts are those of child tasks: of the scope "UUID of the parent task-trace id-span id".
  CREATE TABLE child_attempt (
    task_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    child_of TEXT NOT NULL,
    PRIMARY KEY (task_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX child_attempt_of ON child_attempt (child_of);

  -- \`via\`: the address by which a worker's heartbeats come, where it sends those of many workers. \`boot\` and \`boot_ms\`:
  -- when the last one was written, by the monotonic clock of this machine since that start; not where it came from elsewhere.
  -- \`resource\`: the hash of its resource, where its heartbeats have one.
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
    lost INTEGER NOT NULL,
    via TEXT,
    boot TEXT,
    boot_ms INTEGER,
    resource TEXT
  ) STRICT, WITHOUT ROWID;
  -- The attributes of resources as JSON, apart from the workers: heartbeats come often, these hardly ever change, and many
  -- workers may have the same.
  CREATE TABLE resource (
    hash TEXT PRIMARY KEY,
    json TEXT NOT NULL
  ) STRICT;

  -- What is asked of workers. One request goes to several of them where an attempt has parts in other processes.
  -- No foreign key: a task may be deleted meanwhile.
  CREATE TABLE command (
    number INTEGER PRIMARY KEY,
    worker_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    task_uuid TEXT NOT NULL,
    span_id TEXT NOT NULL,
    time INTEGER NOT NULL,
    UNIQUE (kind, task_uuid, span_id, worker_id)
  ) STRICT;
  CREATE INDEX command_worker ON command (worker_id, number);

  -- Which duty is whose, and until when; and tasks of which not everything is deleted yet.
  CREATE TABLE lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
  CREATE TABLE removed (task_id INTEGER PRIMARY KEY) STRICT;

  -- By what tasks are found: words, attributes, times (\`facets.ts\`). A row has the tasks of one block that have a facet
  -- (\`task-set.ts\`). Facets are those of the tasks up to the change \`changed\`; \`has_crowded\` is whether any task has
  -- more of them than are kept. \`facet_purge\`: blocks that have facets of deleted tasks.
  CREATE TABLE facet (
    block INTEGER NOT NULL,
    key TEXT NOT NULL,
    tasks ANY NOT NULL,
    PRIMARY KEY (block, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE faceted (changed INTEGER NOT NULL, has_crowded INTEGER NOT NULL) STRICT;
  INSERT INTO faceted VALUES (0, 0);
  CREATE TABLE facet_purge (block INTEGER PRIMARY KEY) STRICT;

  -- For later versions, empty until then. Messages for operators, which are no lines of the log:
  CREATE TABLE detail (
    task_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    version INTEGER NOT NULL,
    scope INTEGER NOT NULL,
    time INTEGER NOT NULL,
    text TEXT NOT NULL,
    attributes TEXT,
    PRIMARY KEY (task_id, number)
  ) STRICT;
  `,
];

/** Brings a database to the present schema; refuses one that is not taskspan's, or is of a later version. */
export function migrate(database: DatabaseSync, path: string, steps: readonly string[] = STEPS): void {
  if (isCurrent(database, path, steps)) return;
  // Obeyed only before the first page is written. In memory there is no write-ahead log.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL');
  database.exec('BEGIN IMMEDIATE');
  try {
    // Another process may have done it meanwhile.
    if (!isCurrent(database, path, steps)) {
      for (const step of steps.slice(versionOf(database))) database.exec(step);
      database.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${steps.length}`);
    }
    database.exec('COMMIT');
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

/** Throws for a database that is something else's, or of a later version. It only reads. */
export function refuseForeign(database: DatabaseSync, path: string): void {
  isCurrent(database, path, STEPS);
}

/** Throws for a database that is not one of this version. It only reads. */
export function refuseOtherSchemas(database: DatabaseSync, path: string): void {
  if (isCurrent(database, path, STEPS)) return;
  throw new TaskStoreError('UNAVAILABLE', `${path} has to be brought to this version's schema, which is not possible: it may not be written`);
}

function isCurrent(database: DatabaseSync, path: string, steps: readonly string[]): boolean {
  // One statement: another process may be making the schema, and between two the database would be half of each.
  const { id, version, tables } = database.prepare(LOOK).get() as { id: number; version: number; tables: number };
  if (DEVELOPMENT_IDS.includes(id)) {
    throw new TaskStoreError('FOREIGN', `${path} was written by a development version of taskspan, before its first release; taskspan leaves it alone`);
  }
  if (id !== APPLICATION_ID) {
    if (id === 0 && version === 0 && tables === 0) return false;
    throw new TaskStoreError('FOREIGN', `${path} is a database of something else; taskspan leaves it alone`);
  }
  if (version > steps.length) {
    throw new TaskStoreError(
      'NEWER_SCHEMA',
      `${path} was written by a later version of taskspan (schema ${version}, this one knows ${steps.length})`,
    );
  }
  return version === steps.length;
}

const LOOK = `SELECT count(*) AS tables, (SELECT application_id FROM pragma_application_id) AS id,
  (SELECT user_version FROM pragma_user_version) AS version FROM sqlite_schema`;

function versionOf(database: DatabaseSync): number {
  return (database.prepare('PRAGMA user_version').get() as { user_version: number }).user_version;
}
