import type { DatabaseSync } from 'node:sqlite';
import { cancelTargets } from '../record/cancel-targets.ts';
import type { AttemptState } from '../record/scope-state.ts';
import type { TaskState } from '../record/task-record.ts';
import { scopeOfRow } from './scope-row.ts';
import type { ScopeRow } from './scope-row.ts';
import type { CancelAnswer, Cancellation } from './task-store.ts';

/** How long a command is kept for its worker: one that has not looked for a day is gone. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** What is asked of workers, in the table `command`. */
export class SqliteCommands {
  readonly #database: DatabaseSync;
  readonly #statements;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#statements = {
      task: database.prepare('SELECT id, attempts, state, lost_heard FROM task WHERE uuid = ?'),
      attempt: database.prepare('SELECT * FROM scope WHERE task_id = ? AND trace_id = ? AND span_id = ?'),
      forget: database.prepare('DELETE FROM command WHERE time < ?'),
      add: database.prepare(
        `INSERT OR IGNORE INTO command (worker_id, kind, task_uuid, span_id, time) VALUES (?, 'cancel', ?, ?, ?)`,
      ),
      cancellations: database.prepare(
        `SELECT number, task_uuid AS taskUuid, span_id AS spanId FROM command
         WHERE worker_id = ? AND number > ? AND kind = 'cancel' ORDER BY number`,
      ),
    };
  }

  cancel(uuid: string): CancelAnswer | undefined {
    const { task, attempt, forget, add } = this.#statements;
    const row = task.get(uuid) as { id: number; attempts: string; state: TaskState; lost_heard: number | null } | undefined;
    if (row === undefined) return undefined;
    const keys = JSON.parse(row.attempts) as [traceId: string, spanId: string][];
    const rows = keys.map((key) => attempt.get(row.id, ...key) as unknown as ScopeRow);
    const targets = cancelTargets(rows.map((stored) => scopeOfRow(stored) as AttemptState), {
      state: row.state,
      final: row.lost_heard !== null,
    });
    if (typeof targets === 'string') return targets;
    const now = Date.now();
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      forget.run(now - KEPT_MS);
      for (const { workerId, spanId } of targets) add.run(workerId, uuid, spanId, now);
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
    return 'requested';
  }

  cancellations(workerId: string, after: number): Cancellation[] {
    return this.#statements.cancellations.all(workerId, after) as unknown as Cancellation[];
  }
}
