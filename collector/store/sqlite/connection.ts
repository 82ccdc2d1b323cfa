import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../../src/fact.ts';
import type { RefusedFact } from '../../record/commit.ts';
import { byTask } from '../slices.ts';
import { TaskStoreError } from '../task-store.ts';
import type { DeleteAnswer } from '../task-store.ts';
import { SqliteCancellations } from './cancellations.ts';
import { SqliteCandidates } from './candidates.ts';
import { SqliteCommits } from './commits.ts';
import { SqliteFacets } from './facets.ts';
import { FileWatch, IN_MEMORY, isLocked, openSqliteFile, refusal, sqliteFailure, SqliteTransactions } from './open-file.ts';
import type { CommitTimes } from './open-file.ts';
import { SqliteLists } from './lists.ts';
import { SqliteOverdue } from './overdue.ts';
import { SqliteReads } from './reads.ts';
import { SqliteScopeLines } from './scope-lines.ts';
import { SqliteScopes } from './scopes.ts';
import { SqliteSweep } from './sweep.ts';
import { SqliteLostTraces, SqliteWorkers } from './workers.ts';

/** Writes so much that a disk without room for facts has none for it either. */
const TRIAL = `INSERT OR REPLACE INTO lease VALUES ('trial', hex(zeroblob(128 * 1024)), 0); DELETE FROM lease WHERE name = 'trial'`;

/**
 * Files that are kept open to the end of the process. SQLite deletes a write-ahead log by its name when it closes the
 * file: that would be the log of the file that has replaced this one.
 */
const ABANDONED = new Set<DatabaseSync>();

/** To what size the write-ahead log is cut when it begins again. */
const WAL_BYTES = 16 * 1024 * 1024;

/**
 * An open SQLite file with all that is done in it. Each call does its work before it returns, and fails at once where
 * another process has the lock.
 *
 * In WAL mode with `synchronous=NORMAL` a commit outlives the process at once, and the machine's power from the next
 * checkpoint on.
 */
export class SqliteConnection {
  readonly workers: SqliteWorkers;
  readonly reads: SqliteReads;
  readonly lists: SqliteLists;
  readonly scopeLines: SqliteScopeLines;
  readonly cancellations: SqliteCancellations;
  readonly lostTraces: SqliteLostTraces;
  readonly overdue: SqliteOverdue;
  /** Whether the file may only be read: each write fails. */
  readonly isReadOnly: boolean;
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #watch: FileWatch;
  readonly #onCheckpoint: (times: CommitTimes) => void;
  readonly #transactions: SqliteTransactions;
  readonly #commits: SqliteCommits;
  readonly #sweep: SqliteSweep;
  readonly #facets: SqliteFacets;

  /**
   * Opens the file, which is made if it is missing.
   *
   * @param onCheckpoint Called with the times of each write whose commits have written the database itself.
   */
  static open(path: string, onCheckpoint: (times: CommitTimes) => void = () => undefined): SqliteConnection {
    const { database, isReadOnly } = openSqliteFile(path);
    try {
      if (path !== IN_MEMORY) database.exec(`PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = ${WAL_BYTES}`);
      return new SqliteConnection(database, path, isReadOnly, onCheckpoint);
    } catch (error) {
      // The schema is read as a whole only now, which may find it damaged.
      database.close();
      throw sqliteFailure(error, path);
    }
  }

  private constructor(database: DatabaseSync, path: string, isReadOnly: boolean, onCheckpoint: (times: CommitTimes) => void) {
    this.isReadOnly = isReadOnly;
    this.#onCheckpoint = onCheckpoint;
    this.#database = database;
    this.#path = path;
    this.#watch = new FileWatch(path, isReadOnly);
    this.#transactions = new SqliteTransactions(database);
    const scopes = new SqliteScopes(database);
    this.reads = new SqliteReads(database, scopes);
    this.#facets = new SqliteFacets(database);
    this.lists = new SqliteLists(database, new SqliteCandidates(database, this.#facets));
    this.scopeLines = new SqliteScopeLines(database, scopes);
    this.workers = new SqliteWorkers(database, () => this.reads.lastChange());
    this.cancellations = new SqliteCancellations(database, this.#transactions, scopes, () => this.reads.lastChange());
    this.#commits = new SqliteCommits(database, { reads: this.reads, workers: this.workers, scopes, cancellations: this.cancellations });
    this.lostTraces = new SqliteLostTraces(database, scopes);
    this.overdue = new SqliteOverdue(database, () => this.reads.lastChange());
    this.#sweep = new SqliteSweep(database, this.#transactions, this.#facets, () => this.reads.lastChange());
  }

  /** Stores facts in one transaction, and gives those that are not kept. */
  append(facts: readonly Fact[]): readonly RefusedFact[] {
    return this.write(() => this.#commit(facts));
  }

  /** Whether so many tasks have changed, by the facts that were appended here, that {@link writeFacets} is to be called. */
  get areFacetsDue(): boolean {
    return this.#watched(() => this.#facets.isDue(this.#commits.lastChange));
  }

  /** The same after a write that has changed tasks without facts. */
  areFacetsDueNow(): boolean {
    return this.#watched(() => this.#facets.isDue(this.reads.lastChange()));
  }

  /** Writes the facets of some tasks that have changed. */
  writeFacets(): void {
    this.writeAtOnce(() => this.#facets.write());
  }

  /**
   * Finds out whether the file can be written.
   *
   * @param hasFailed Whether the latest write has failed: then only a write of some length shows that there is room again.
   */
  checkWritable(hasFailed: boolean): void {
    this.write(() => {
      try {
        this.#database.exec(hasFailed ? TRIAL : 'DELETE FROM task WHERE false');
      } catch (error) {
        if (isLocked(error) || sqliteFailure(error, this.#path) !== error) throw error;
        const { message } = error as Error;
        throw new TaskStoreError('UNAVAILABLE', `${this.#path} can't be written: ${message}`, { cause: error });
      }
    });
  }

  delete(uuid: string): DeleteAnswer | undefined {
    return this.write(() => this.#sweep.delete(uuid));
  }

  sweep(rules: Parameters<SqliteSweep['step']>[0]): ReturnType<SqliteSweep['step']> {
    return this.write(() => this.#sweep.step(rules));
  }

  /** Reads once, or several times with a state each. */
  read<T>(work: () => T): T {
    this.#watch.beforeRead();
    return this.#watched(work);
  }

  /** Reads several times of one state. */
  readOneState<T>(work: () => T): T {
    return this.read(() => this.#transactions.read(work));
  }

  /** Writes in transactions that the work makes. */
  write<T>(work: () => T): T {
    this.#watch.beforeWrite();
    if (this.isReadOnly) throw new TaskStoreError('UNAVAILABLE', `${this.#path} can't be written: the file or its folder may only be read`);
    this.#transactions.takeCommitTimes();
    const result = this.#watched(work);
    if (this.#watch.wasCheckpointed()) this.#onCheckpoint(this.#transactions.takeCommitTimes());
    return result;
  }

  /** Writes in one transaction. */
  writeAtOnce<T>(work: () => T): T {
    return this.write(() => this.#transactions.write(work));
  }

  close(): void {
    this.#database.close();
  }

  /** Gives up a file that was deleted or replaced, or whose write-ahead log was. */
  abandon(): void {
    try {
      // Where only the log is gone, what is in it is saved.
      this.#database.exec('PRAGMA wal_checkpoint(FULL)');
    } catch {
      // Another process is using the file: what is in the log is lost.
    }
    if (this.#watch.hasForeignLog) ABANDONED.add(this.#database);
    else this.#database.close();
  }

  #watched<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      const failure = sqliteFailure(error, this.#path);
      if (failure !== error) this.#watch.foundDamaged(failure, () => this.#repeat(work));
      throw failure;
    }
  }

  #repeat(work: () => unknown): void {
    // What was read wrongly may be in the cache.
    this.#database.exec('PRAGMA shrink_memory');
    work();
  }

  #commit(facts: readonly Fact[]): readonly RefusedFact[] {
    let refused: readonly RefusedFact[];
    try {
      const tasks = byTask(facts);
      refused = this.#transactions.write(() => this.#commits.write(tasks));
    } catch (error) {
      this.#commits.rolledBack();
      throw refusal(error);
    }
    this.#commits.committed();
    return refused;
  }
}
