import type { DatabaseSync } from 'node:sqlite';
import { filteredTask } from '../../record/record-json.ts';
import { facetsOf } from '../facets.ts';
import { BLOCK_TASKS, TaskSet } from './task-set.ts';
import type { StoredTaskSet } from './task-set.ts';

/** Facets are written as soon as so many tasks have changed, for so many at once. */
const BATCH_TASKS = 1024;

interface WrittenRow {
  changed: number;
  has_crowded: 0 | 1;
}

interface ChangedRow {
  id: number;
  changed: number;
  summary: string;
}

/**
 * The facets of the tasks in a SQLite file.
 *
 * They are kept by blocks of tasks: a row has the tasks of one block that have a facet. So writing those of new tasks
 * appends to the table, and a search goes from block to block. They are written for many tasks at once, some commits
 * later: {@link unwritten} are the tasks to be looked at without them.
 */
export class SqliteFacets {
  readonly #statements;
  /** Before this change the facets need not be written. */
  #dueAt = 0;

  constructor(database: DatabaseSync) {
    this.#statements = {
      written: database.prepare('SELECT changed, has_crowded FROM faceted'),
      writtenTo: database.prepare('UPDATE faceted SET changed = max(changed, ?), has_crowded = max(has_crowded, ?)'),
      unwritten: database.prepare('SELECT id FROM task WHERE changed > ? ORDER BY changed'),
      count: database.prepare('SELECT count(*) AS count FROM (SELECT 1 FROM task WHERE changed > ? LIMIT ?)'),
      batch: database.prepare('SELECT id, changed, summary FROM task WHERE changed > ? ORDER BY changed LIMIT ?'),
      insert: database.prepare('INSERT OR IGNORE INTO facet (block, key, tasks) VALUES (?, ?, ?)'),
      get: database.prepare('SELECT tasks FROM facet WHERE block = ? AND key = ?'),
      update: database.prepare('UPDATE facet SET tasks = ? WHERE block = ? AND key = ?'),
      delete: database.prepare('DELETE FROM facet WHERE block = ? AND key = ?'),
      deleteBlock: database.prepare('DELETE FROM facet WHERE block = ?'),
      ofBlock: database.prepare('SELECT key, tasks FROM facet WHERE block = ?'),
      between: database.prepare('SELECT tasks FROM facet WHERE block = ? AND key >= ? AND key <= ?'),
      ids: database.prepare('SELECT id FROM task WHERE id >= ? AND id < ?'),
      purge: database.prepare('INSERT OR IGNORE INTO facet_purge VALUES (?)'),
      purged: database.prepare('DELETE FROM facet_purge WHERE block = ?'),
      toPurge: database.prepare('SELECT block FROM facet_purge LIMIT 1'),
    };
  }

  /** Whether so many tasks have changed, by the number of the latest change, that facets are to be written. */
  isDue(lastChange: number): boolean {
    return lastChange >= this.#dueAt && this.#isDue(lastChange);
  }

  #isDue(lastChange: number): boolean {
    const { changed } = this.#statements.written.get() as unknown as WrittenRow;
    const { count } = this.#statements.count.get(changed, BATCH_TASKS) as { count: number };
    this.#dueAt = lastChange + BATCH_TASKS - count;
    return count >= BATCH_TASKS;
  }

  /** Writes the facets of the tasks that have changed first since the last time, inside a transaction. */
  write(): void {
    const { written, batch, writtenTo } = this.#statements;
    const { changed } = written.get() as unknown as WrittenRow;
    const rows = batch.all(changed, BATCH_TASKS) as unknown as ChangedRow[];
    const blocks = new Map<number, Map<string, number[]>>();
    let hasCrowded = false;
    for (const { id, summary } of rows) {
      const [block, number] = [Math.floor(id / BLOCK_TASKS), id % BLOCK_TASKS];
      let facets = blocks.get(block);
      if (facets === undefined) blocks.set(block, (facets = new Map()));
      const { keys, isCrowded } = facetsOf(filteredTask({ summary }));
      hasCrowded ||= isCrowded;
      for (const key of keys) {
        const numbers = facets.get(key);
        if (numbers === undefined) facets.set(key, [number]);
        else numbers.push(number);
      }
    }
    for (const [block, facets] of blocks) this.#add(block, facets);
    if (rows.length > 0) writtenTo.run(rows.at(-1)!.changed, hasCrowded ? 1 : 0);
    this.#dueAt = 0;
  }

  #add(block: number, facets: ReadonlyMap<string, readonly number[]>): void {
    const { insert, get, update } = this.#statements;
    // In the order of the table, so that each page of it is written once.
    for (const key of [...facets.keys()].toSorted()) {
      const numbers = facets.get(key)!;
      const added = numbers.length === 1 ? numbers[0]! : setOf(numbers).stored();
      if (insert.run(block, key, added).changes === 1) continue;
      const set = new TaskSet();
      set.addStored((get.get(block, key) as { tasks: StoredTaskSet }).tasks);
      if (numbers.every((number) => set.has(number))) continue;
      for (const number of numbers) set.add(number);
      update.run(set.stored(), block, key);
    }
  }

  /** Ids of the tasks that have changed since their facets were written, and whether tasks have more facets than are kept. */
  state(): { unwritten: number[]; hasCrowded: boolean } {
    const { written, unwritten } = this.#statements;
    const { changed, has_crowded: hasCrowded } = written.get() as unknown as WrittenRow;
    return { unwritten: (unwritten.all(changed) as { id: number }[]).map(({ id }) => id), hasCrowded: hasCrowded === 1 };
  }

  /** Adds the tasks of a block that have a facet from one to another, both included. */
  addBetween(set: TaskSet, block: number, from: string, to: string): void {
    for (const { tasks } of this.#statements.between.all(block, from, to) as { tasks: StoredTaskSet }[]) set.addStored(tasks);
  }

  /** Remembers that a task was deleted: {@link purge} then removes its facets. */
  deleted(id: number): void {
    this.#statements.purge.run(Math.floor(id / BLOCK_TASKS));
  }

  /** Whether there are facets of deleted tasks. */
  haveDeleted(): boolean {
    return this.#statements.toPurge.get() !== undefined;
  }

  /** Removes the facets of the deleted tasks of one block. */
  purge(): void {
    const { toPurge, purged, ids, deleteBlock, ofBlock, update, delete: remove } = this.#statements;
    const row = toPurge.get() as { block: number } | undefined;
    if (row === undefined) return;
    const { block } = row;
    const left = setOf((ids.all(block * BLOCK_TASKS, (block + 1) * BLOCK_TASKS) as { id: number }[]).map(({ id }) => id % BLOCK_TASKS));
    if (left.isEmpty) deleteBlock.run(block);
    else {
      for (const { key, tasks } of ofBlock.all(block) as { key: string; tasks: StoredTaskSet }[]) {
        const set = new TaskSet();
        set.addStored(tasks);
        const { size } = set;
        set.keepOnly(left);
        if (set.isEmpty) remove.run(block, key);
        else if (set.size < size) update.run(set.stored(), block, key);
      }
    }
    purged.run(block);
  }
}

function setOf(numbers: readonly number[]): TaskSet {
  const set = new TaskSet();
  for (const number of numbers) set.add(number);
  return set;
}
