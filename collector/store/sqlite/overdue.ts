import type { DatabaseSync } from 'node:sqlite';
import type { Announced } from '../../record/task-fold.ts';
import type { OverdueTask, SweepStep } from '../task-store.ts';

/** How many tasks at once. */
const MOST_TASKS = 100;

/** Tasks that wait for what may never come: queued ones for a worker, and those without heartbeats for a fact. */
export class SqliteOverdue {
  readonly #lastChange: () => number;
  readonly #statements;

  /** @param lastChange Gives the greatest change number: tasks that are lost get numbers after it. */
  constructor(database: DatabaseSync, lastChange: () => number) {
    this.#lastChange = lastChange;
    this.#statements = {
      queued: database.prepare('SELECT uuid, announced, queued_at AS since FROM task WHERE queued_at < ? ORDER BY queued_at LIMIT ?'),
      expired: database.prepare('SELECT uuid, announced, expires_at AS end FROM task WHERE expires_at < ? ORDER BY expires_at LIMIT ?'),
      loseQuiet: database.prepare(
        `UPDATE task SET state = 'lost', lost_heard = stored, lost_at = :now, trace_open = 1, changed = :last + position
         FROM (SELECT id AS quiet, row_number() OVER (ORDER BY stored, id) AS position FROM
           (SELECT id, stored FROM task INDEXED BY task_unheard
            WHERE state = 'running' AND worker_id IS NULL AND stored < :before ORDER BY stored LIMIT ${MOST_TASKS}))
         WHERE id = quiet`,
      ),
      isQuiet: database.prepare("SELECT 1 FROM task INDEXED BY task_unheard WHERE state = 'running' AND worker_id IS NULL AND stored < ? LIMIT 1"),
    };
  }

  /** The queued tasks whose time is over. */
  overdue(now: number, queuedFinalMs: number): OverdueTask[] {
    const { queued, expired } = this.#statements;
    const own = expired.all(now, MOST_TASKS) as unknown as { uuid: string; announced: string; end: number }[];
    const found = own.map(({ uuid, announced, end }) => overdueTask(uuid, announced, end));
    if (queuedFinalMs > 0) {
      const micros = queuedFinalMs * 1000;
      const rows = queued.all(now - micros, MOST_TASKS) as unknown as { uuid: string; announced: string; since: number }[];
      found.push(...rows.map(({ uuid, announced, since }) => overdueTask(uuid, announced, since + micros)));
    }
    return found;
  }

  /** Whether some have been quiet since a time. */
  isQuiet(before: number): boolean {
    return this.#statements.isQuiet.get(before) !== undefined;
  }

  /** To be called inside a transaction. */
  loseQuiet(before: number, now: number): SweepStep {
    const { changes } = this.#statements.loseQuiet.run({ before, now, last: this.#lastChange() });
    return Number(changes) === MOST_TASKS ? 'more' : 'done';
  }
}

function overdueTask(taskUuid: string, announced: string, time: number): OverdueTask {
  const { traceId, spanId } = (JSON.parse(announced) as Announced).last!;
  return { taskUuid, traceId, spanId, time };
}
