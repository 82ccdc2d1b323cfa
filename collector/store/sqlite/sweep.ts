import type { DatabaseSync } from 'node:sqlite';
import type { RetentionRule } from '../retention.ts';
import type { DeleteAnswer, SweepStep } from '../task-store.ts';
import type { TaskState } from '../../../src/task-record.ts';
import type { SqliteFacets } from './facets.ts';
import type { SqliteTransactions } from './open-file.ts';

/** How much one step deletes at the most: tasks, rows of theirs, and bytes of log text. */
const STEP_TASKS = 50;
const STEP_ROWS = 1000;
const STEP_BYTES = 1024 * 1024;

/** How long a deleted task is remembered, in microseconds. */
export const DELETED_MICROS = 86_400_000_000;

/** This many free pages are kept for what is to come; beyond them a step gives back some. */
const FREE_PAGES = 1024;
const STEP_PAGES = 256;

/**
 * Deletes tasks from the database step by step, each a short transaction.
 *
 * A task's own row goes first, so that no reader finds a part of it; what belonged to it is
 * remembered by its number, which is never given again, and goes piece by piece.
 */
export class SqliteSweep {
  readonly #database: DatabaseSync;
  readonly #transactions: SqliteTransactions;
  readonly #facets: SqliteFacets;
  readonly #lastChange: () => number;
  readonly #statements;

  /** @param lastChange Gives the greatest change number: deletions get numbers after it. */
  constructor(database: DatabaseSync, transactions: SqliteTransactions, facets: SqliteFacets, lastChange: () => number) {
    this.#database = database;
    this.#transactions = transactions;
    this.#facets = facets;
    this.#lastChange = lastChange;
    const states = '(SELECT value FROM json_each(:states))';
    const ended = `state IN ('completed', 'failed', 'cancelled', 'expired') AND state IN ${states}`;
    const lost = `lost_at IS NOT NULL AND 'lost' IN ${states}`;
    this.#statements = {
      count: database.prepare(
        `SELECT ifnull(sum(count), 0) AS count FROM state_count
         WHERE state IN (SELECT iif(value = 'lost', 'lost for good', value) FROM json_each(:states))`,
      ),
      // Left to itself SQLite takes the index by state, and sorts all that has ended to find the oldest few.
      oldest: database.prepare(
        `SELECT id, stored AS ended, state FROM task INDEXED BY task_ended WHERE ${ended} AND stored < :before
         UNION ALL SELECT id, lost_at, state FROM task WHERE ${lost} AND lost_at < :before
         ORDER BY ended, state, id LIMIT :limit`,
      ),
      removed: database.prepare('SELECT task_id FROM removed ORDER BY task_id LIMIT 1'),
      remember: database.prepare('INSERT OR IGNORE INTO removed (task_id) VALUES (?)'),
      forget: database.prepare('DELETE FROM removed WHERE task_id = ?'),
      commands: database.prepare(
        `DELETE FROM command WHERE kind = 'cancel' AND task_uuid = (SELECT uuid FROM task WHERE id = ?)`,
      ),
      found: database.prepare('SELECT id, state, lost_at FROM task WHERE uuid = ?'),
      bury: database.prepare('INSERT OR REPLACE INTO deleted (uuid, changed, time, version) SELECT uuid, :changed, :now, version FROM task WHERE id = :id'),
      task: database.prepare('DELETE FROM task WHERE id = ?'),
      numbered: database.prepare('UPDATE deleted_change SET last = ?'),
      forgetDeleted: database.prepare('DELETE FROM deleted WHERE uuid IN (SELECT uuid FROM deleted WHERE time < ? ORDER BY time LIMIT ?)'),
      texts: database.prepare('SELECT offset, bytes FROM journal WHERE task_id = ? ORDER BY offset LIMIT ?'),
      journal: database.prepare('DELETE FROM journal WHERE task_id = ? AND offset <= ?'),
      scopes: database.prepare(
        'DELETE FROM scope_group WHERE rowid IN (SELECT rowid FROM scope_group WHERE task_id = :task LIMIT :limit)',
      ),
      pages: database.prepare(
        'DELETE FROM scope_page WHERE rowid IN (SELECT rowid FROM scope_page WHERE task_id = :task LIMIT :limit)',
      ),
      places: database.prepare(
        `DELETE FROM scope_inside WHERE task_id = :task AND (within, piece) IN
           (SELECT within, piece FROM scope_inside WHERE task_id = :task LIMIT :limit)`,
      ),
      firstPlaces: database.prepare(
        `DELETE FROM scope_first WHERE task_id = :task AND (rank, within, number) IN
           (SELECT rank, within, number FROM scope_first WHERE task_id = :task LIMIT :limit)`,
      ),
      index: database.prepare(
        `DELETE FROM scope_index WHERE task_id = :task AND (span_id, number) IN
           (SELECT span_id, number FROM scope_index WHERE task_id = :task LIMIT :limit)`,
      ),
      children: database.prepare('DELETE FROM child_attempt WHERE task_id = ?'),
      free: database.prepare('PRAGMA freelist_count'),
      autoVacuum: database.prepare('PRAGMA auto_vacuum'),
    };
  }

  /** One step. Where nothing has to be done it only reads. */
  step(rules: readonly RetentionRule[]): SweepStep {
    const { removed } = this.#statements;
    const isDone = (): boolean => removed.get() === undefined && this.#candidates(rules).length === 0 && !this.#facets.haveDeleted();
    if (isDone()) return this.#giveBack();
    this.#transactions.write(() => {
      if (removed.get() !== undefined) return this.#removeParts();
      const tasks = this.#candidates(rules);
      // Facets are removed last: those of many tasks go at once then.
      if (tasks.length > 0) this.#removeTasks(tasks);
      else this.#facets.purge();
    });
    return isDone() ? this.#giveBack() : 'more';
  }

  #candidates(rules: readonly RetentionRule[]): number[] {
    const { count, oldest } = this.#statements;
    for (const { states, before, keep } of rules) {
      const ofStates = { states: JSON.stringify(states) };
      const surplus = keep === 0 ? STEP_TASKS : (count.get(ofStates) as { count: number }).count - keep;
      if (surplus <= 0) continue;
      const rows = oldest.all({ ...ofStates, before: Math.floor(before), limit: Math.min(surplus, STEP_TASKS) });
      if (rows.length > 0) return rows.map((row) => row['id'] as number);
    }
    return [];
  }

  /** Deletes one task, and what belongs to it as far as that is one step. */
  delete(uuid: string): DeleteAnswer | undefined {
    return this.#transactions.write(() => {
      const row = this.#statements.found.get(uuid) as { id: number; state: TaskState; lost_at: number | null } | undefined;
      if (row === undefined) return undefined;
      const { id, state, lost_at: lostAt } = row;
      if (state === 'queued' || state === 'running' || (state === 'lost' && lostAt === null)) return state;
      this.#removeTasks([id]);
      this.#removeParts();
      this.#facets.purge();
      return 'deleted';
    });
  }

  #removeTasks(ids: readonly number[]): void {
    const { remember, commands, bury, task, numbered, forgetDeleted } = this.#statements;
    const now = Date.now() * 1000;
    forgetDeleted.run(now - DELETED_MICROS, STEP_ROWS);
    let changed = this.#lastChange();
    for (const id of ids) {
      remember.run(id);
      commands.run(id);
      bury.run({ id, changed: ++changed, now });
      this.#facets.deleted(id);
      task.run(id);
    }
    numbered.run(changed);
  }

  /** Deletes what belonged to removed tasks, until the step has done its part. */
  #removeParts(): void {
    const { removed, forget, texts, journal, scopes, pages, index, places, firstPlaces, children } = this.#statements;
    let rows = STEP_ROWS;
    let bytes = STEP_BYTES;
    for (;;) {
      const row = removed.get() as { task_id: number } | undefined;
      if (row === undefined) return;
      const id = row.task_id;
      let last = -1;
      for (const text of texts.iterate(id, rows)) {
        if (bytes <= 0) break;
        last = text['offset'] as number;
        bytes -= text['bytes'] as number;
        rows--;
      }
      if (last >= 0) journal.run(id, last);
      for (const parts of [scopes, pages, index, places, firstPlaces]) {
        if (rows > 0 && bytes > 0) rows -= Number(parts.run({ task: id, limit: rows }).changes);
      }
      if (rows <= 0 || bytes <= 0) return;
      children.run(id);
      forget.run(id);
    }
  }

  /** Gives free pages at the file's end back to the file system, a few at a time. */
  #giveBack(): SweepStep {
    const { free, autoVacuum } = this.#statements;
    if ((autoVacuum.get() as { auto_vacuum: number }).auto_vacuum !== INCREMENTAL) return 'done';
    const { freelist_count: pages } = free.get() as { freelist_count: number };
    if (pages <= FREE_PAGES) return 'done';
    this.#database.exec(`PRAGMA incremental_vacuum(${Math.min(STEP_PAGES, pages - FREE_PAGES)})`);
    if (pages - STEP_PAGES > FREE_PAGES) return 'more';
    // Passive first, which blocks no other process; then little is left to do with the lock held.
    this.#database.exec('PRAGMA wal_checkpoint(PASSIVE); PRAGMA wal_checkpoint(TRUNCATE)');
    return 'done';
  }
}

const INCREMENTAL = 2;
