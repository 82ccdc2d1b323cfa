import type { DatabaseSync } from 'node:sqlite';
import { isEmptyFilter, taskMatcher } from '../../../src/task-filter.ts';
import { microsOfIso } from '../../../src/task-record.ts';
import type { TaskFilter } from '../../../src/task-filter.ts';
import type { TaskState } from '../../../src/task-record.ts';
import { parsedRecord } from '../../record/record-json.ts';
import { MOST_COUNTED } from '../task-store.ts';
import type { TaskCounts, TaskPage, TaskQuery } from '../task-store.ts';
import { ENTRY_SUMMARY, PageRoom, storedTask, TASK_COLUMNS, TASK_FROM } from './task-row.ts';
import type { TaskRow as StoredRow } from './task-row.ts';

interface TaskRow extends StoredRow {
  /** Whether its entry in a list leaves something out. */
  is_cut: 0 | 1;
}

/** The state of tasks that are lost for good, in the table `state_count`. */
const LOST_FOR_GOOD = 'lost for good';

/** So many tasks are looked at for one page. */
const MOST_LOOKED_AT = 3000;

/** The lists of tasks in a SQLite file, and how many there are. What one call reads is of one state only inside a transaction. */
export class SqliteLists {
  readonly #statements;

  constructor(database: DatabaseSync) {
    const entry = `SELECT ${ENTRY_SUMMARY}, list_summary IS NOT NULL AS is_cut, ${TASK_COLUMNS} ${TASK_FROM}`;
    this.#statements = {
      newest: database.prepare(`${entry} WHERE task.id < ? ORDER BY task.id DESC LIMIT ?`),
      oldest: database.prepare(`${entry} WHERE task.id > ? ORDER BY task.id LIMIT ?`),
      whole: database.prepare('SELECT summary FROM task WHERE id = ?'),
      counts: database.prepare('SELECT state, count FROM state_count'),
    };
  }

  page({ filter = {}, limit, cursor, order = 'newest' }: TaskQuery): TaskPage {
    const isNewest = order === 'newest';
    const from = cursor === undefined ? (isNewest ? Number.MAX_SAFE_INTEGER : 0) : numberOf(cursor);
    const { newest, oldest } = this.#statements;
    const isFitting = this.#test(filter);
    const room = new PageRoom();
    const found: TaskRow[] = [];
    let last: TaskRow | undefined;
    let looked = 0;
    for (const row of (isNewest ? newest : oldest).iterate(from, Number.MAX_SAFE_INTEGER) as Iterable<unknown> as Iterable<TaskRow>) {
      if (looked++ === MOST_LOOKED_AT) return { tasks: found.map(storedTask), next: cursorOf(last!.id), searchedTo: createdOf(last!) };
      if (isFitting(row)) {
        if (found.length === limit || !room.takes(row)) return { tasks: found.map(storedTask), next: cursorOf(last!.id) };
        found.push(row);
      }
      last = row;
    }
    return { tasks: found.map(storedTask) };
  }

  counts(filter: TaskFilter = {}): TaskCounts {
    const { states, ...others } = filter;
    if (isEmptyFilter(others)) return { counts: this.#exactCounts(states), capped: [] };
    const counts: Partial<Record<TaskState, number>> = {};
    const isFitting = this.#test(filter);
    for (const row of this.#statements.newest.iterate(Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) as Iterable<unknown> as Iterable<TaskRow>) {
      const state = row.state as TaskState;
      if ((counts[state] ?? 0) < MOST_COUNTED && isFitting(row)) counts[state] = (counts[state] ?? 0) + 1;
    }
    return { counts, capped: (Object.keys(counts) as TaskState[]).filter((state) => counts[state] === MOST_COUNTED) };
  }

  #exactCounts(states: readonly TaskState[] | undefined): TaskCounts['counts'] {
    const counts: TaskCounts['counts'] = {};
    for (const { state, count } of this.#statements.counts.all() as { state: string; count: number }[]) {
      const shown = state === LOST_FOR_GOOD ? 'lost' : (state as TaskState);
      if (count > 0 && (states?.includes(shown) ?? true)) counts[shown] = (counts[shown] ?? 0) + count;
    }
    return counts;
  }

  #test(filter: TaskFilter): (row: TaskRow) => boolean {
    if (isEmptyFilter(filter)) return () => true;
    const isFitting = taskMatcher(filter);
    const now = Date.now();
    return (row) => {
      const summary = row.is_cut === 1 ? (this.#statements.whole.get(row.id) as { summary: string }).summary : row.summary;
      return isFitting(parsedRecord(storedTask({ ...row, summary })), now);
    };
  }
}

/** When a task was created, or had its latest fact where that is not known. */
function createdOf(row: TaskRow): number {
  const { created, updated } = parsedRecord(storedTask(row));
  return microsOfIso(created ?? updated);
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
