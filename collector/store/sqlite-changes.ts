import type { DatabaseSync } from 'node:sqlite';
import { CommitWatch } from './commit-watch.ts';

const LAST = 'max(ifnull((SELECT max(changed) FROM task), 0), (SELECT last FROM deleted_change))';

/** Which commits a SQLite file has had: change numbers, versions of a log, and who is to be told. */
export class SqliteChanges {
  /** Told of commits, this connection's and, by looking, all others'. */
  readonly watch: CommitWatch;
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#statements = {
      last: database.prepare(`SELECT ${LAST} AS last`),
      row: database.prepare('SELECT offset, version FROM journal WHERE task_id = ? AND offset >= ? ORDER BY offset LIMIT 1'),
      dataVersion: database.prepare('PRAGMA data_version'),
    };
    this.watch = new CommitWatch({
      othersVersion: () => (this.#statements.dataVersion.get() as { data_version: number }).data_version,
    });
  }

  /** The greatest change number so far. */
  last(): number {
    return (this.#statements.last.get() as { last: number }).last;
  }

  /**
   * Where a task's log ended at a version: where the first later row begins. Versions rise with the
   * offsets, so halving finds it without an index that each commit would have to pay for.
   */
  logEnd(taskId: number, version: number, logBytes: number): number {
    let [low, high] = [0, logBytes];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const row = this.#statements.row.get(taskId, middle) as { offset: number; version: number } | undefined;
      if (row === undefined || row.version > version) high = middle;
      else low = row.offset + 1;
    }
    const row = this.#statements.row.get(taskId, low) as { offset: number } | undefined;
    return row?.offset ?? logBytes;
  }
}
