import type { DatabaseSync } from 'node:sqlite';

/** Transactions of one connection: all of a work, or nothing of it. */
export class SqliteTransactions {
  readonly #database: DatabaseSync;
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = {
      begin: database.prepare('BEGIN IMMEDIATE'),
      beginRead: database.prepare('BEGIN'),
      commit: database.prepare('COMMIT'),
      rollback: database.prepare('ROLLBACK'),
    };
  }

  /** Writes, with the lock taken before anything is read. */
  write<T>(work: () => T): T {
    this.#statements.begin.run();
    return this.#finish(work);
  }

  /**
   * Several reads of one and the same state, whoever commits meanwhile. A task's parts go after the
   * task, so whoever sees it sees it whole.
   */
  read<T>(work: () => T): T {
    this.#statements.beginRead.run();
    return this.#finish(work);
  }

  #finish<T>(work: () => T): T {
    const { commit, rollback } = this.#statements;
    try {
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      if (this.#database.isTransaction) rollback.run();
      throw error;
    }
  }
}
