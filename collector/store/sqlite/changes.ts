import type { DatabaseSync } from 'node:sqlite';
import type { ChangeQuery, TaskChanges } from '../task-store.ts';

const LAST = 'max(ifnull((SELECT max(changed) FROM task), 0), (SELECT last FROM deleted_change))';
/** The position before all changes, of every store. */
const BEFORE_ALL = '0';
const POSITION = /^([0-9a-f]{16})-(\d{1,15})$/;

/**
 * Which commits a SQLite file has had: each gives its task a number greater than all before. A position is such a
 * number with the id of the file, so that one of another file is recognised.
 */
export class SqliteChanges {
  readonly #storeId: string;
  readonly #statements;

  constructor(database: DatabaseSync) {
    ({ id: this.#storeId } = database.prepare('SELECT id FROM store').get() as { id: string });
    this.#statements = {
      last: database.prepare(`SELECT ${LAST} AS last`),
      changed: database.prepare('SELECT uuid, changed FROM task WHERE changed > ? AND changed <= ? ORDER BY changed LIMIT ?'),
      row: database.prepare('SELECT offset, version FROM journal WHERE task_id = ? AND offset >= ? ORDER BY offset LIMIT 1'),
      dataVersion: database.prepare('PRAGMA data_version'),
    };
  }

  /** The greatest change number so far. */
  last(): number {
    return (this.#statements.last.get() as { last: number }).last;
  }

  /** Another number after each commit of another connection. */
  dataVersion(): number {
    return (this.#statements.dataVersion.get() as { data_version: number }).data_version;
  }

  /** The tasks that were committed after a position. */
  after({ after, until, limit }: ChangeQuery): TaskChanges {
    const last = this.last();
    if (after === undefined) return { uuids: [], position: this.#position(last), more: false };
    const from = this.#number(after, last);
    const to = (until === undefined ? undefined : this.#number(until, last)) ?? last;
    // One more than asked for shows whether there are more.
    const rows = this.#statements.changed.all(from ?? 0, to, limit + 1) as { uuid: string; changed: number }[];
    const page = rows.slice(0, limit);
    const more = rows.length > page.length;
    const end = more ? page.at(-1)!.changed : Math.max(to, from ?? 0);
    return {
      uuids: page.map(({ uuid }) => uuid),
      position: this.#position(end),
      more,
      ...(from === undefined && { anew: true }),
    };
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

  #position(number: number): string {
    return `${this.#storeId}-${number}`;
  }

  /** The number of a position; `undefined` for what this file has not given. */
  #number(position: string, last: number): number | undefined {
    if (position === BEFORE_ALL) return 0;
    const [, id, number] = POSITION.exec(position) ?? [];
    return id === this.#storeId && Number(number) <= last ? Number(number) : undefined;
  }
}
