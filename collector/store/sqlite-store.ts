import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../src/fact.ts';
import type { HeardWorker, Silence } from '../record/liveness.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import { parsedRecord } from '../record/record-json.ts';
import type { TaskState, TaskSummary } from '../record/task-record.ts';
import { byTask } from './by-task.ts';
import type { RetentionRule } from './retention.ts';
import { SqliteChanges } from './sqlite-changes.ts';
import { SqliteCommands } from './sqlite-commands.ts';
import { SqliteCommits } from './sqlite-commits.ts';
import { FileWatch, fixedPath, openSqliteFile, refusal, sqliteFailure } from './sqlite-file.ts';
import { SqliteLostTraces } from './sqlite-lost-traces.ts';
import { SqliteReads } from './sqlite-reads.ts';
import { SqliteRevision } from './sqlite-revision.ts';
import { SqliteScopes } from './sqlite-scopes.ts';
import { SqliteSweep } from './sqlite-sweep.ts';
import { SqliteTransactions } from './sqlite-transactions.ts';
import { SqliteWorkers } from './sqlite-workers.ts';
import { TaskStoreError } from './task-store-error.ts';
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
 * @param path A file, made if it is missing; its folder must exist. One that is relative is resolved now.
 * @throws TaskStoreError for a file that can't be opened, is not taskspan's or is of a later version.
 */
export function sqliteStore(path: string): TaskStore {
  if (typeof path !== 'string' || path === '') {
    throw new TypeError(`sqliteStore: expected the path of a file, got ${JSON.stringify(path)}`);
  }
  const file = fixedPath(path);
  const database = openSqliteFile(file);
  try {
    database.exec(`PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = ${LOCK_MS};
      PRAGMA journal_size_limit = ${WAL_BYTES}`);
    return new SqliteStore(database, file);
  } catch (error) {
    // Only now the schema has been read as a whole.
    database.close();
    throw sqliteFailure(error, file);
  }
}

/** How long a call waits for another process's lock before it fails, in milliseconds. */
const LOCK_MS = 250;
/** To what size the write-ahead log is cut when it begins anew. */
const WAL_BYTES = 16 * 1024 * 1024;

/** The parts of the store as one, each call with its transaction, and with an eye on the file. */
class SqliteStore implements TaskStore {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #watch: FileWatch;
  readonly #transactions: SqliteTransactions;
  readonly #changes: SqliteChanges;
  readonly #workers: SqliteWorkers;
  readonly #reads: SqliteReads;
  readonly #commits: SqliteCommits;
  readonly #commands: SqliteCommands;
  readonly #revision: SqliteRevision;
  readonly #lostTraces: SqliteLostTraces;
  readonly #sweep: SqliteSweep;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#watch = new FileWatch(path);
    this.#transactions = new SqliteTransactions(database);
    this.#changes = new SqliteChanges(database);
    this.#workers = new SqliteWorkers(database, () => this.#changes.last());
    const scopes = new SqliteScopes(database);
    this.#reads = new SqliteReads(database, this.#changes, scopes);
    this.#commands = new SqliteCommands(database, this.#transactions, scopes);
    this.#commits = new SqliteCommits(database, {
      changes: this.#changes, workers: this.#workers, scopes, commands: this.#commands,
    });
    this.#revision = new SqliteRevision(database);
    this.#lostTraces = new SqliteLostTraces(database, this.#transactions, scopes);
    this.#sweep = new SqliteSweep(database, this.#transactions);
  }

  append(facts: readonly Fact[]): Promise<void> {
    return this.#writing(() => {
      if (facts.length > 0) this.#append(byTask(facts));
      else this.#checkWritable();
    });
  }

  async task(uuid: string): Promise<TaskSummary | undefined> {
    const task = await this.stored(uuid);
    return task && parsedRecord(task);
  }

  stored(uuid: string): Promise<StoredTask | undefined> {
    return this.#reading(() => this.#reads.stored(uuid));
  }

  revision(look: RevisionLook): number {
    return this.#read(() => this.#revision.current(look));
  }

  log(uuid: string, range?: LogRange): Promise<StoredLog | undefined> {
    return this.#readingOneState(() => this.#reads.log(uuid, range));
  }

  scopes(uuid: string): Promise<StoredScopes | undefined> {
    return this.#readingOneState(() => this.#reads.scopes(uuid));
  }

  tasks(query: TaskQuery): Promise<TaskPage> {
    return this.#reading(() => this.#reads.tasks(query));
  }

  changes(query: ChangeQuery): Promise<TaskChanges> {
    return this.#readingOneState(() => this.#reads.changes(query));
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

  lostTraces(): Promise<LostTrace[]> {
    return attempt(() => {
      // Asked again and again: only a write makes others read anew.
      if (!this.#read(() => this.#lostTraces.areThere())) return [];
      return this.#write(() => this.#lostTraces.claim());
    });
  }

  tracesEnded(taskUuids: readonly string[]): Promise<void> {
    return this.#writing(() => this.#lostTraces.ended(taskUuids));
  }

  countByState(): Promise<Partial<Record<TaskState, number>>> {
    return this.#reading(() => this.#reads.countByState());
  }

  sweep(rules: readonly RetentionRule[]): Promise<SweepStep> {
    return this.#writing(() => this.#sweep.step(rules));
  }

  close(): Promise<void> {
    this.#changes.watch.stop();
    return attempt(() => this.#database.close());
  }

  #append(tasks: ReadonlyMap<string, readonly Fact[]>): void {
    try {
      this.#transactions.write(() => this.#commits.write(tasks));
    } catch (error) {
      this.#commits.rolledBack();
      throw refusal(error);
    }
    this.#commits.committed();
    this.#changes.watch.committed();
  }

  /** A write that says how many tasks are others by it. */
  #telling(work: () => number): void {
    if (this.#transactions.write(work) > 0) this.#changes.watch.committed();
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

  #readingOneState<T>(work: () => T): Promise<T> {
    return this.#reading(() => this.#transactions.read(work));
  }

  #read<T>(work: () => T): T {
    this.#watch.beforeRead();
    try {
      return work();
    } catch (error) {
      throw sqliteFailure(error, this.#path);
    }
  }

  #writing<T>(work: () => T): Promise<T> {
    return attempt(() => this.#write(work));
  }

  #write<T>(work: () => T): T {
    this.#revision.wrote();
    this.#watch.beforeWrite();
    try {
      return work();
    } catch (error) {
      const failure = sqliteFailure(error, this.#path);
      if (failure !== error) this.#watch.foundDamaged(failure);
      throw failure;
    }
  }
}

/** Does it now; what it throws is the promise's. */
function attempt<T>(work: () => T): Promise<T> {
  try {
    return Promise.resolve(work());
  } catch (error) {
    return Promise.reject(error);
  }
}
