import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../src/fact.ts';
import { commitFacts } from '../record/commit.ts';
import type { TaskCommit } from '../record/commit.ts';
import { scopeTree } from '../record/scope-tree.ts';
import type { TaskState } from '../record/task-record.ts';
import type { TaskFold } from '../record/task-fold.ts';
import { byTask } from './by-task.ts';
import { encodeEntries, decodeEntries } from './journal-entries.ts';
import { cutLog, resolveRange } from './log-range.ts';
import type { LogPiece } from './log-range.ts';
import { firstRecentOffset, RecentNotifications } from './recent-notifications.ts';
import { SCOPE_COLUMNS, scopeOfRow, scopeValues } from './scope-row.ts';
import type { ScopeRow } from './scope-row.ts';
import { SqliteChanges } from './sqlite-changes.ts';
import { SqliteCommands } from './sqlite-commands.ts';
import { FileWatch, openSqliteFile, refusal, sqliteFailure } from './sqlite-file.ts';
import { SqliteFolds } from './sqlite-folds.ts';
import { SqliteRevision } from './sqlite-revision.ts';
import { LIFE_COLUMNS, lifeValues, LIVENESS_COLUMNS, livenessOf, SqliteWorkers } from './sqlite-workers.ts';
import type { LivenessColumns } from './sqlite-workers.ts';
import { SqliteSweep } from './sqlite-sweep.ts';
import { cursorOf, placeOf } from './task-cursor.ts';
import type { RetentionRule } from './retention.ts';
import { TaskStoreError } from './task-store-error.ts';
import type { HeardWorker, Silence } from '../record/liveness.ts';
import type {
  Beat,
  CancelAnswer,
  Cancellation,
  ChangeQuery,
  LogRange,
  RevisionLook,
  StoredLog,
  StoredScopes,
  StoredTask,
  SweepStep,
  TaskChanges,
  TaskPage,
  TaskQuery,
  TaskStore,
} from './task-store.ts';

/**
 * A store in a SQLite file, with Node's own SQLite. Several processes may use one file at once.
 *
 * Its calls do their work before they return. In WAL mode with `synchronous=NORMAL` a commit
 * outlives the process at once, and the machine's power from the next checkpoint on.
 *
 * @param path A file, made if it is missing; its folder must exist.
 * @throws TaskStoreError for a file that can't be opened, is not taskspan's or is of a later version.
 */
export function sqliteStore(path: string): TaskStore {
  if (typeof path !== 'string' || path === '') {
    throw new TypeError(`sqliteStore: expected the path of a file, got ${JSON.stringify(path)}`);
  }
  const database = openSqliteFile(path);
  try {
    database.exec(`PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = ${LOCK_MS};
      PRAGMA journal_size_limit = ${WAL_BYTES}`);
    return new SqliteStore(database, path);
  } catch (error) {
    // Only now the schema has been read as a whole.
    database.close();
    throw sqliteFailure(error, path);
  }
}

/** How long a call waits for another process's lock before it fails, in milliseconds. */
const LOCK_MS = 250;
/** To what size the write-ahead log is cut when it begins anew. */
const WAL_BYTES = 16 * 1024 * 1024;

interface TaskColumns extends LivenessColumns {
  id: number;
  uuid: string;
  summary: string;
  state: string;
  version: number;
  log_bytes: number;
}

class SqliteStore implements TaskStore {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #watch: FileWatch;
  readonly #folds: SqliteFolds;
  readonly #changes: SqliteChanges;
  readonly #commands: SqliteCommands;
  readonly #revision: SqliteRevision;
  readonly #workers: SqliteWorkers;
  readonly #sweep: SqliteSweep;
  readonly #statements;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#watch = new FileWatch(path);
    this.#folds = new SqliteFolds(database);
    this.#sweep = new SqliteSweep(database);
    this.#changes = new SqliteChanges(database);
    this.#commands = new SqliteCommands(database);
    this.#revision = new SqliteRevision(database);
    this.#workers = new SqliteWorkers(database, () => this.#changes.last());
    const task = `SELECT task.id, uuid, summary, state, version, log_bytes, ${LIVENESS_COLUMNS}
      FROM task LEFT JOIN worker ON worker.id = task.worker_id`;
    this.#statements = {
      begin: database.prepare('BEGIN IMMEDIATE'),
      beginRead: database.prepare('BEGIN'),
      commit: database.prepare('COMMIT'),
      rollback: database.prepare('ROLLBACK'),
      task: database.prepare(`${task} WHERE uuid = ?`),
      states: database.prepare('SELECT state, count(*) AS count FROM task GROUP BY state'),
      page: database.prepare(`${task} WHERE task.id < ? ORDER BY task.id DESC LIMIT ?`),
      pageOfState: database.prepare(`${task} WHERE state = ? AND task.id < ? ORDER BY task.id DESC LIMIT ?`),
      changes: database.prepare(
        `SELECT changed, ${task.slice('SELECT '.length)} WHERE changed > ? ORDER BY changed LIMIT ?`,
      ),
      scopes: database.prepare('SELECT * FROM scope WHERE task_id = ?'),
      firstTexts: database.prepare(
        'SELECT offset, text FROM journal WHERE task_id = ? AND version <= ? AND offset < ? ORDER BY offset',
      ),
      texts: database.prepare(
        `SELECT offset, text FROM journal WHERE task_id = :task AND version <= :version AND offset < :to
           AND offset >= ifnull((SELECT max(offset) FROM journal WHERE task_id = :task AND offset <= :from), 0)
         ORDER BY offset`,
      ),
      rows: database.prepare('SELECT text, entries FROM journal WHERE task_id = ? AND offset >= ? ORDER BY offset'),
      insertTask: database.prepare(
        `INSERT INTO task (name, version, log_bytes, updated, summary, span_count, line_before, attempts, changed, uuid,
           ${LIFE_COLUMNS})
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      updateTask: database.prepare(
        `UPDATE task SET name = ?, version = ?, log_bytes = ?, updated = ?, summary = ?, span_count = ?,
           line_before = ?, attempts = ?, changed = ? WHERE uuid = ?`,
      ),
      scope: database.prepare(
        `INSERT OR REPLACE INTO scope (task_id, ${SCOPE_COLUMNS.map((name) => `"${name}"`).join(', ')})
         VALUES (?, ${SCOPE_COLUMNS.map(() => '?').join(', ')})`,
      ),
      journal: database.prepare(
        'INSERT INTO journal (task_id, offset, version, bytes, text, entries) VALUES (?, ?, ?, ?, ?, ?)',
      ),
    };
  }

  append(facts: readonly Fact[]): Promise<void> {
    return this.#writing(() => {
      if (facts.length > 0) this.#append(byTask(facts));
      else this.#checkWritable();
    });
  }

  task(uuid: string): Promise<StoredTask | undefined> {
    return this.#reading(() => {
      const row = this.#statements.task.get(uuid) as TaskColumns | undefined;
      return row === undefined ? undefined : storedTask(row);
    });
  }

  revision(look: RevisionLook): number {
    return this.#read(() => this.#revision.current(look));
  }

  log(uuid: string, range?: LogRange): Promise<StoredLog | undefined> {
    return this.#readingOneState(() => {
      const row = this.#statements.task.get(uuid) as TaskColumns | undefined;
      if (row === undefined) return undefined;
      const { id, version, log_bytes: logBytes } = row;
      const resolved =
        range?.afterVersion === undefined
          ? range
          : { ...range, from: this.#changes.logEnd(id, range.afterVersion, logBytes) };
      const { from, to } = resolveRange(resolved, logBytes);
      const { firstTexts, texts } = this.#statements;
      const pieces = (
        from === 0 ? firstTexts.all(id, version, to) : texts.all({ task: id, version, from, to })
      ) as unknown as LogPiece[];
      return { ...cutLog(pieces, resolved, logBytes), version, logBytes };
    });
  }

  scopes(uuid: string): Promise<StoredScopes | undefined> {
    return this.#readingOneState(() => {
      const row = this.#statements.task.get(uuid) as TaskColumns | undefined;
      if (row === undefined) return undefined;
      const scopes = (this.#statements.scopes.all(row.id) as unknown as ScopeRow[]).map(scopeOfRow);
      const recent = new RecentNotifications();
      const first = firstRecentOffset(scopes);
      if (first !== undefined) {
        for (const { text, entries } of this.#statements.rows.iterate(row.id, first)) {
          recent.add({ text: text as string, entries: decodeEntries(entries as Uint8Array) });
        }
      }
      return { version: row.version, attempts: scopeTree(scopes, recent.close()) };
    });
  }

  tasks({ limit, cursor, state }: TaskQuery): Promise<TaskPage> {
    return this.#reading(() => {
      const before = cursor === undefined ? Number.MAX_SAFE_INTEGER : placeOf(cursor);
      // One more than asked for tells whether there is a next page.
      const { page, pageOfState } = this.#statements;
      const found = (
        state === undefined ? page.all(before, limit + 1) : pageOfState.all(state, before, limit + 1)
      ) as unknown as TaskColumns[];
      const rows = found.slice(0, limit);
      return {
        tasks: rows.map(storedTask),
        ...(found.length > rows.length && { next: cursorOf(rows.at(-1)!.id) }),
      };
    });
  }

  changes({ after, limit }: ChangeQuery): Promise<TaskChanges> {
    return this.#readingOneState(() => {
      const last = this.#changes.last();
      if (after === undefined || after >= last) return { changes: [], last };
      const rows = this.#statements.changes.all(after, limit) as unknown as (TaskColumns & { changed: number })[];
      return { changes: rows.map((row) => ({ change: row.changed, task: storedTask(row) })), last };
    });
  }

  watch(listener: () => void): () => void {
    return this.#changes.watch.add(listener);
  }

  cancel(uuid: string): Promise<CancelAnswer | undefined> {
    return this.#writing(() => this.#commands.cancel(uuid));
  }

  cancellations(workerId: string, after: number): Promise<Cancellation[]> {
    return this.#reading(() => this.#commands.cancellations(workerId, after));
  }

  beat(beat: Beat): Promise<void> {
    return this.#writing(() => this.#telling(() => this.#workers.beat(beat)));
  }

  workers(): Promise<HeardWorker[]> {
    return this.#reading(() => this.#workers.live());
  }

  silence(silences: readonly Silence[]): Promise<void> {
    return this.#writing(() => this.#telling(() => this.#workers.silence(silences)));
  }

  countByState(): Promise<Partial<Record<TaskState, number>>> {
    return this.#reading(() => {
      const rows = this.#statements.states.all() as { state: TaskState; count: number }[];
      return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
    });
  }

  sweep(rules: readonly RetentionRule[]): Promise<SweepStep> {
    return this.#writing(() => this.#sweep.step(rules));
  }

  close(): Promise<void> {
    this.#changes.watch.stop();
    return attempt(() => this.#database.close());
  }

  #checkWritable(): void {
    try {
      this.#database.exec('DELETE FROM task WHERE false');
    } catch (error) {
      if (sqliteFailure(error, this.#path) !== error) throw error;
      const { message } = error as Error;
      throw new TaskStoreError('UNAVAILABLE', `${this.#path} can't be written: ${message}`, { cause: error });
    }
  }

  #reading<T>(work: () => T): Promise<T> {
    return attempt(() => this.#read(work));
  }

  #read<T>(work: () => T): T {
    this.#watch.beforeRead();
    try {
      return work();
    } catch (error) {
      throw sqliteFailure(error, this.#path);
    }
  }

  /**
   * Several reads of one and the same state, whoever commits meanwhile. A task's parts go after the
   * task, so whoever sees it sees it whole.
   */
  #readingOneState<T>(work: () => T): Promise<T> {
    return this.#reading(() => this.#inTransaction(work, this.#statements.beginRead));
  }

  #writing<T>(work: () => T): Promise<T> {
    return attempt(() => {
      this.#revision.wrote();
      this.#watch.beforeWrite();
      try {
        return work();
      } catch (error) {
        const failure = sqliteFailure(error, this.#path);
        if (failure !== error) this.#watch.foundDamaged(failure);
        throw failure;
      }
    });
  }

  #inTransaction<T>(work: () => T, begin = this.#statements.begin): T {
    const { commit, rollback } = this.#statements;
    begin.run();
    try {
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      if (this.#database.isTransaction) rollback.run();
      throw error;
    }
  }

  /** A write that says how many tasks are others by it. */
  #telling(work: () => number): void {
    if (this.#inTransaction(work) > 0) this.#changes.watch.committed();
  }

  #append(tasks: ReadonlyMap<string, readonly Fact[]>): void {
    const { begin, commit, rollback } = this.#statements;
    begin.run();
    try {
      let changed = this.#changes.last();
      for (const [uuid, facts] of tasks) {
        const { task, id } = this.#folds.load(uuid, facts);
        const change = commitFacts(task, facts);
        if (change !== undefined) this.#write(change, id, ++changed);
      }
      commit.run();
    } catch (error) {
      // What was folded is not what is stored: it is loaded anew for the next try.
      for (const uuid of tasks.keys()) this.#folds.forget(uuid);
      this.#workers.rolledBack();
      if (this.#database.isTransaction) rollback.run();
      throw refusal(error);
    }
    for (const uuid of tasks.keys()) this.#folds.release(uuid);
    this.#changes.watch.committed();
  }

  #write(change: TaskCommit, known: number | undefined, changed: number): void {
    const { task, version, offset, text, entries, scopes, summary, name, life } = change;
    const values = [
      name,
      version,
      task.logBytes,
      task.updated,
      summary,
      task.spanCount,
      task.lineBefore,
      attemptKeys(task),
      changed,
      task.uuid,
    ];
    const { insertTask, updateTask, scope: writeScope, journal } = this.#statements;
    let id = known;
    if (id === undefined) {
      id = Number(insertTask.run(...values, ...lifeValues(life!, task.announced)).lastInsertRowid);
      this.#folds.keep(task, id);
      this.#workers.started(life!);
    } else {
      updateTask.run(...values);
      if (life !== undefined) this.#workers.keep(id, life, task.announced);
    }
    for (const scope of scopes) writeScope.run(id, ...scopeValues(scope));
    if (text !== '') journal.run(id, offset, version, task.logBytes - offset, text, encodeEntries(entries));
  }
}

function attemptKeys(task: TaskFold): string {
  return JSON.stringify(task.attempts.map(({ traceId, spanId }) => [traceId, spanId]));
}

function storedTask(row: TaskColumns): StoredTask {
  const { uuid, summary, state, version, log_bytes: logBytes } = row;
  const liveness = livenessOf(row);
  const task: StoredTask = { uuid, summary, state: state as TaskState, version, logBytes };
  return liveness === undefined ? task : { ...task, liveness };
}

/** Does it now; what it throws is the promise's. */
function attempt<T>(work: () => T): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error);
  }
}
