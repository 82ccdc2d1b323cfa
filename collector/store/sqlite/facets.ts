import type { DatabaseSync } from 'node:sqlite';
import { filteredTask, hasCutAttributes } from '../../record/record-json.ts';
import { facetsOf } from '../facets.ts';
import { ENTRY_SUMMARY } from './task-row.ts';
import { BLOCK_TASKS, blockOf, firstIdOf, setOfBlock, TaskSet } from './task-set.ts';
import type { StoredTaskSet } from './task-set.ts';

/** Facets are written as soon as so many tasks have changed, for so many at once. */
const BATCH_TASKS = 1024;
/** About how much text of tasks is read at once, in UTF-16 code units. */
const MOST_LENGTH = 8 * 1024 * 1024;

interface WrittenRow {
  changed: number;
  has_crowded: 0 | 1;
}

interface ChangedRow {
  id: number;
  changed: number;
  summary: string;
}

/** A task that has changed since facets were written, with its own; `undefined` where they were not made. */
interface RecentTask {
  readonly id: number;
  readonly changed: number;
  readonly keys: readonly string[] | undefined;
}

export interface FacetsOfRecent {
  readonly tasks: readonly RecentTask[];
  readonly hasCrowded: boolean;
}

/** Facets from one to another, both included, in blocks from one to another, also downwards. */
interface FacetRange {
  readonly from: string;
  readonly to: string;
  readonly first: number;
  readonly last: number;
  /** The number of rows after which no further block is searched. */
  readonly most: number;
}

/** For how many changed tasks the facets are kept in memory. */
const MOST_RECENT = 2 * BATCH_TASKS;

/**
 * The facets of the tasks in a SQLite file.
 *
 * They are kept by blocks of tasks: a row has the tasks of one block that have a facet. So writing those of new tasks
 * appends to the table, and a search goes from block to block. They are written for many tasks at once, some commits
 * later: until then {@link recent} has them.
 */
export class SqliteFacets {
  readonly #statements;
  /** The number of the change before which facets need not be written. */
  #dueAt = 0;
  #recent = new Map<number, RecentTask>();

  constructor(database: DatabaseSync) {
    // One statement goes from block to block in their order: one statement for each would take several times as long.
    const blocks = (sign: '-' | '+'): string => `blocks (number) AS (VALUES (:first) UNION ALL SELECT number ${sign} 1 FROM blocks WHERE number <> :last)`;
    const inBlocks = 'SELECT block, tasks FROM blocks CROSS JOIN facet ON block = number AND key >= :from AND key <= :to';
    this.#statements = {
      written: database.prepare('SELECT changed, has_crowded FROM faceted'),
      writtenTo: database.prepare('UPDATE faceted SET changed = max(changed, ?), has_crowded = max(has_crowded, ?)'),
      unwritten: database.prepare('SELECT id, changed FROM task WHERE changed > ? ORDER BY changed DESC'),
      entry: database.prepare(`SELECT ${ENTRY_SUMMARY} FROM task WHERE id = ?`),
      whole: database.prepare('SELECT summary FROM task WHERE id = ?'),
      count: database.prepare('SELECT count(*) AS count FROM (SELECT 1 FROM task WHERE changed > ? LIMIT ?)'),
      batch: database.prepare(`SELECT id, changed, ${ENTRY_SUMMARY} FROM task WHERE changed > ? ORDER BY changed LIMIT ?`),
      insert: database.prepare('INSERT OR IGNORE INTO facet (block, key, tasks) VALUES (?, ?, ?)'),
      get: database.prepare('SELECT tasks FROM facet WHERE block = ? AND key = ?'),
      update: database.prepare('UPDATE facet SET tasks = ? WHERE block = ? AND key = ?'),
      delete: database.prepare('DELETE FROM facet WHERE block = ? AND key = ?'),
      deleteBlock: database.prepare('DELETE FROM facet WHERE block = ?'),
      ofBlock: database.prepare('SELECT key, tasks FROM facet WHERE block = ?'),
      down: database.prepare(`WITH RECURSIVE ${blocks('-')} ${inBlocks}`),
      up: database.prepare(`WITH RECURSIVE ${blocks('+')} ${inBlocks}`),
      ids: database.prepare('SELECT id FROM task WHERE id >= ? AND id < ?'),
      purge: database.prepare('INSERT OR IGNORE INTO facet_purge VALUES (?)'),
      purged: database.prepare('DELETE FROM facet_purge WHERE block = ?'),
      toPurge: database.prepare('SELECT block FROM facet_purge LIMIT 1'),
    };
  }

  /** Whether so many tasks have changed, by the number of the latest change, that facets are to be written. */
  isDue(lastChange: number): boolean {
    if (lastChange < this.#dueAt) return false;
    const { changed } = this.#statements.written.get() as unknown as WrittenRow;
    const { count } = this.#statements.count.get(changed, BATCH_TASKS) as { count: number };
    this.#dueAt = lastChange + BATCH_TASKS - count;
    return count >= BATCH_TASKS;
  }

  /** Writes the facets of the tasks that have changed first since the last time, inside a transaction. */
  write(): void {
    const { written, batch, writtenTo } = this.#statements;
    const { changed } = written.get() as unknown as WrittenRow;
    const blocks = new Map<number, Map<string, number[]>>();
    let [hasCrowded, last, length] = [false, changed, 0];
    for (const { id, changed: next, summary } of batch.iterate(changed, BATCH_TASKS) as Iterable<unknown> as Iterable<ChangedRow>) {
      if (length > MOST_LENGTH) break;
      last = next;
      length += summary.length;
      const [block, number] = [blockOf(id), id % BLOCK_TASKS];
      let facets = blocks.get(block);
      if (facets === undefined) blocks.set(block, (facets = new Map()));
      const { keys, isCrowded } = this.#facetsOf(id, summary);
      hasCrowded ||= isCrowded;
      for (const key of keys) {
        const numbers = facets.get(key);
        if (numbers === undefined) facets.set(key, [number]);
        else numbers.push(number);
      }
    }
    for (const [block, facets] of blocks) this.#add(block, facets);
    writtenTo.run(last, hasCrowded ? 1 : 0);
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

  /** The facets of the tasks that have changed since facets were written, and whether tasks have more facets than are kept. */
  recent(): FacetsOfRecent {
    const { written, unwritten } = this.#statements;
    const { changed: after, has_crowded: hasCrowded } = written.get() as unknown as WrittenRow;
    const known = this.#recent;
    this.#recent = new Map();
    const tasks: RecentTask[] = [];
    for (const { id, changed } of unwritten.all(after) as unknown as Omit<ChangedRow, 'summary'>[]) {
      let task = known.get(id);
      if (task?.changed !== changed) task = { id, changed, keys: tasks.length < MOST_RECENT ? this.#keysOf(id) : undefined };
      this.#recent.set(id, task);
      tasks.push(task);
    }
    return { tasks, hasCrowded: hasCrowded === 1 };
  }

  #keysOf(id: number): readonly string[] {
    const { summary } = this.#statements.entry.get(id) as { summary: string };
    return this.#facetsOf(id, summary).keys;
  }

  /** @param entry The summary for lists: mostly it has all that is needed, without a long result. */
  #facetsOf(id: number, entry: string): ReturnType<typeof facetsOf> {
    const summary = hasCutAttributes(entry) ? (this.#statements.whole.get(id) as { summary: string }).summary : entry;
    return facetsOf(filteredTask({ summary }));
  }

  /**
   * Adds the tasks of some blocks that have a facet from one to another, both included, until there are many rows.
   *
   * @returns The last block that was searched, and how many rows were read.
   */
  addBetween(sets: Map<number, TaskSet>, { from, to, first, last, most }: FacetRange): { done: number; rows: number } {
    let rows = 0;
    let block = first;
    let set: TaskSet | undefined;
    const { down, up } = this.#statements;
    for (const row of (first >= last ? down : up).iterate({ first, last, from, to }) as Iterable<unknown> as Iterable<{ block: number; tasks: StoredTaskSet }>) {
      if (row.block !== block || set === undefined) {
        if (rows >= most) return { done: block, rows };
        block = row.block;
        set = setOfBlock(sets, block);
      }
      set.addStored(row.tasks);
      rows++;
    }
    return { done: last, rows };
  }

  /** Remembers that a task was deleted: {@link purge} then removes its facets. */
  deleted(id: number): void {
    this.#statements.purge.run(blockOf(id));
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
    const left = setOf((ids.all(firstIdOf(block), firstIdOf(block + 1)) as { id: number }[]).map(({ id }) => id % BLOCK_TASKS));
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
