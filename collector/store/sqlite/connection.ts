import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../../src/fact.ts';
import { TaskStoreError } from '../task-store.ts';
import { SqliteCancellations } from './cancellations.ts';
import { byTask, SqliteCommits } from './commits.ts';
import { FileWatch, IN_MEMORY, isLocked, openSqliteFile, refusal, sqliteFailure, SqliteTransactions } from './open-file.ts';
import { SqliteReads } from './reads.ts';
import { SqliteScopes } from './scopes.ts';
import { SqliteSweep } from './sweep.ts';
import { SqliteLostTraces, SqliteWorkers } from './workers.ts';

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
  readonly cancellations: SqliteCancellations;
  readonly lostTraces: SqliteLostTraces;
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #watch: FileWatch;
  readonly #transactions: SqliteTransactions;
  readonly #commits: SqliteCommits;
  readonly #sweep: SqliteSweep;

  /** Opens the file, which is made if it is missing. */
  static open(path: string): SqliteConnection {
    const database = openSqliteFile(path);
    try {
      if (path !== IN_MEMORY) database.exec(`PRAGMA synchronous = NORMAL; PRAGMA journal_size_limit = ${WAL_BYTES}`);
      return new SqliteConnection(database, path);
    } catch (error) {
      // The schema is read as a whole only now, which may find it damaged.
      database.close();
      throw sqliteFailure(error, path);
    }
  }

  private constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#watch = new FileWatch(path);
    this.#transactions = new SqliteTransactions(database);
    const scopes = new SqliteScopes(database);
    this.reads = new SqliteReads(database, scopes);
    this.workers = new SqliteWorkers(database, () => this.reads.lastChange());
    this.cancellations = new SqliteCancellations(database, this.#transactions, scopes);
    this.#commits = new SqliteCommits(database, { reads: this.reads, workers: this.workers, scopes, cancellations: this.cancellations });
    this.lostTraces = new SqliteLostTraces(database, scopes);
    this.#sweep = new SqliteSweep(database, this.#transactions);
  }

  /** Stores facts in one transaction; none finds out whether the file can be written. */
  append(facts: readonly Fact[]): void {
    this.write(() => {
      if (facts.length > 0) this.#commit(facts);
      else this.#checkWritable();
    });
  }

  sweep(rules: Parameters<SqliteSweep['step']>[0]): ReturnType<SqliteSweep['step']> {
    return this.write(() => this.#sweep.step(rules));
  }

  /** Reads once, or several times with a state each. */
  read<T>(work: () => T): T {
    this.#watch.beforeRead();
    try {
      return work();
    } catch (error) {
      throw sqliteFailure(error, this.#path);
    }
  }

  /** Reads several times of one state. */
  readOneState<T>(work: () => T): T {
    return this.read(() => this.#transactions.read(work));
  }

  /** Writes in transactions that the work makes. */
  write<T>(work: () => T): T {
    this.#watch.beforeWrite();
    try {
      return work();
    } catch (error) {
      const failure = sqliteFailure(error, this.#path);
      if (failure !== error) this.#watch.foundDamaged(failure);
      throw failure;
    }
  }

  /** Writes in one transaction. */
  writeAtOnce<T>(work: () => T): T {
    return this.write(() => this.#transactions.write(work));
  }

  close(): void {
    this.#database.close();
  }

  #commit(facts: readonly Fact[]): void {
    try {
      const tasks = byTask(facts);
      this.#transactions.write(() => this.#commits.write(tasks));
    } catch (error) {
      this.#commits.rolledBack();
      throw refusal(error);
    }
    this.#commits.committed();
  }

  #checkWritable(): void {
    try {
      this.#database.exec('DELETE FROM task WHERE false');
    } catch (error) {
      if (isLocked(error) || sqliteFailure(error, this.#path) !== error) throw error;
      const { message } = error as Error;
      throw new TaskStoreError('UNAVAILABLE', `${this.#path} can't be written: ${message}`, { cause: error });
    }
  }
}
