import type { DatabaseSync } from 'node:sqlite';
import { isEmptyFilter, taskMatcher } from '../../../src/task-filter.ts';
import type { TaskFilter } from '../../../src/task-filter.ts';
import type { TaskState } from '../../../src/task-record.ts';
import { filteredTask, hasCutAttributes } from '../../record/record-json.ts';
import { performance } from '../../timers.ts';
import { MOST_COUNTED } from '../task-store.ts';
import type { TaskCounts, TaskPage, TaskQuery } from '../task-store.ts';
import type { Direction, SearchContext, SqliteCandidates } from './candidates.ts';
import { ENTRY_SUMMARY, PageRoom, storedTask, TASK_COLUMNS, TASK_FROM } from './task-row.ts';
import type { TaskRow } from './task-row.ts';
import { blockOf, firstIdOf, lastIdOf } from './task-set.ts';
import type { TaskSet } from './task-set.ts';

/** The state of tasks that are lost for good, in the table `state_count`. */
const LOST_FOR_GOOD = 'lost for good';

/** The lists of tasks in a SQLite file, and how many there are. What one call reads is of one state only inside a transaction. */
export class SqliteLists {
  readonly #candidates: SqliteCandidates;
  readonly #statements;

  constructor(database: DatabaseSync, candidates: SqliteCandidates) {
    this.#candidates = candidates;
    const entry = `SELECT ${ENTRY_SUMMARY}, ${TASK_COLUMNS} ${TASK_FROM}`;
    this.#statements = {
      entry: database.prepare(`${entry} WHERE task.id = ?`),
      down: database.prepare(`${entry} WHERE task.id <= ? AND task.id >= ? ORDER BY task.id DESC`),
      up: database.prepare(`${entry} WHERE task.id >= ? AND task.id <= ? ORDER BY task.id`),
      whole: database.prepare('SELECT summary FROM task WHERE id = ?'),
      lookedDown: database.prepare('SELECT ifnull(created, updated) AS time FROM task WHERE id >= ? ORDER BY id LIMIT 1'),
      lookedUp: database.prepare('SELECT ifnull(created, updated) AS time FROM task WHERE id <= ? ORDER BY id DESC LIMIT 1'),
      counts: database.prepare('SELECT state, count FROM state_count'),
    };
  }

  page({ filter = {}, limit, cursor, order = 'newest' }: TaskQuery): TaskPage {
    const direction = order === 'newest' ? 'down' : 'up';
    const search = new Search(direction, cursor === undefined ? undefined : numberOf(cursor));
    const room = new PageRoom();
    const found: TaskRow[] = [];
    const page = (): TaskPage => ({ tasks: found.map(storedTask) });
    for (const row of this.#matching(filter, search)) {
      if (found.length === limit || !room.takes(row)) return { ...page(), next: cursorOf(found.at(-1)!.id) };
      found.push(row);
    }
    if (search.isAtEnd) return page();
    if (found.length === limit) return { ...page(), next: cursorOf(found.at(-1)!.id) };
    const looked = this.#statements[direction === 'down' ? 'lookedDown' : 'lookedUp'].get(search.position) as { time: number };
    return { ...page(), next: cursorOf(search.position), searchedTo: looked.time };
  }

  /** How many tasks are in each state, exactly, if a filter has nothing but states. */
  exactCounts({ states, ...others }: TaskFilter): TaskCounts['counts'] | undefined {
    return isEmptyFilter(others) ? this.#exactCounts(states) : undefined;
  }

  /** How many tasks of a state fit a filter, and whether there may be more. */
  count(filter: TaskFilter, state: TaskState): { count: number; isCapped: boolean } {
    const search = new Search('down', undefined, MOST_COUNTING_COST);
    let count = 0;
    for (const _ of this.#matching({ ...filter, states: [state] }, search)) {
      if (++count === MOST_COUNTED) return { count, isCapped: true };
    }
    return { count, isCapped: !search.isAtEnd };
  }

  /** The tasks that fit a filter, as far as the search may go. */
  *#matching(filter: TaskFilter, search: Search): Generator<TaskRow, void> {
    const { direction } = search;
    const candidates = this.#candidates.of(filter, search);
    const isFitting = this.#test(filter);
    for (;;) {
      const nearest = candidates.nearest(search.next);
      if (nearest === undefined) {
        search.isAtEnd = true;
        return;
      }
      const block = blockOf(nearest);
      const last = direction === 'down' ? firstIdOf(block) : lastIdOf(block);
      const set = candidates.inBlock(block);
      search.spend(BLOCK_COST);
      for (const row of set === undefined ? this.#rows(direction, nearest, last) : this.#rowsOf(set, direction, nearest, last)) {
        search.position = row.id;
        if (isFitting(row)) yield row;
        search.spend(1);
        if (search.isSpent) return;
      }
      search.position = last;
      if (search.isSpent) return;
    }
  }

  /** All tasks from one to another. */
  #rows(direction: Direction, first: number, last: number): Iterable<TaskRow> {
    return this.#statements[direction].iterate(first, last) as Iterable<unknown> as Iterable<TaskRow>;
  }

  /** The tasks of a set from one to another. */
  *#rowsOf(set: TaskSet, direction: Direction, first: number, last: number): Generator<TaskRow, void> {
    const base = firstIdOf(blockOf(first));
    const numbers = set.numbers();
    for (const number of direction === 'down' ? numbers.toReversed() : numbers) {
      const id = base + number;
      if (id < Math.min(first, last) || id > Math.max(first, last)) continue;
      const row = this.#statements.entry.get(id) as TaskRow | undefined;
      if (row !== undefined) yield row;
    }
  }

  #exactCounts(states: readonly TaskState[] | undefined): TaskCounts['counts'] {
    const counts: TaskCounts['counts'] = {};
    for (const { state, count } of this.#statements.counts.all() as { state: string; count: number }[]) {
      const shown = state === LOST_FOR_GOOD ? 'lost' : (state as TaskState);
      if (count > 0 && (states?.includes(shown) ?? true)) counts[shown] = (counts[shown] ?? 0) + count;
    }
    return counts;
  }

  /** Whether a task fits a filter, by what its row has now. */
  #test(filter: TaskFilter): (row: TaskRow) => boolean {
    const { states, ...others } = filter;
    const isInState = (row: TaskRow): boolean => states?.includes(row.state as TaskState) ?? true;
    if (isEmptyFilter(others)) return isInState;
    const isFitting = taskMatcher(others);
    const now = Date.now();
    return (row) => {
      if (!isInState(row)) return false;
      // Its entry in a list may lack attributes.
      const isWhole = filter.attributes === undefined || !hasCutAttributes(row.summary);
      const summary = isWhole ? row.summary : (this.#statements.whole.get(row.id) as { summary: string }).summary;
      return isFitting(filteredTask(storedTask({ ...row, summary })), now);
    };
  }
}

/** The cost of going to a block; the cost of reading a task is 1. */
const BLOCK_COST = 0.5;
/** The cost at which a search ends: some 10 ms. */
const MOST_COST = 700;
/** The same of a search that counts, so that it mostly comes to the end of what is counted. */
const MOST_COUNTING_COST = 2000;
/** A search that has reached this cost also ends after this time, in milliseconds, for instance if the disk is slow. */
const LEAST_COST = 256;
const MOST_MS = 100;

/** How far a search has come. */
class Search implements SearchContext {
  readonly direction: Direction;
  /** The id of the task at which it has looked last, or of the last task of a block that it has done with. */
  position: number;
  /** Whether it has looked at all tasks. */
  isAtEnd = false;
  readonly #begun = performance.now();
  readonly #most: number;
  #cost = 0;

  /** @param position Where it goes on, if it does not begin. */
  constructor(direction: Direction, position: number = direction === 'down' ? Number.MAX_SAFE_INTEGER : 0, most: number = MOST_COST) {
    this.direction = direction;
    this.#most = most;
    this.position = position;
  }

  /** The first id at which it has not looked. */
  get next(): number {
    return this.direction === 'down' ? this.position - 1 : this.position + 1;
  }

  get isSpent(): boolean {
    return this.#cost >= this.#most || (this.#cost >= LEAST_COST && performance.now() - this.#begun >= MOST_MS);
  }

  readonly spend = (cost: number): void => {
    this.#cost += cost;
  };
}

/** The number of a task, which grows with the order of first commits, as an opaque text for the `next` of a page. */
function cursorOf(number: number): string {
  return Buffer.from(`t${number}`).toString('base64url');
}

/** `RangeError` for what {@link cursorOf} did not give. */
function numberOf(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (!/^t\d{1,15}$/.test(text)) {
    throw new RangeError(`cursor: expected the "next" of a page before, got ${JSON.stringify(cursor.slice(0, 100))}`);
  }
  return Number(text.slice(1));
}
