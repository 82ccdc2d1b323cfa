import type { DatabaseSync } from 'node:sqlite';
import type { AttemptState, ScopeState } from '../../record/scope-state.ts';
import { cancelTargets, workersOf, workersOfParts } from '../../record/task-state.ts';
import type { CancelTarget } from '../../record/task-state.ts';
import type { TaskState } from '../../record/task-record.ts';
import { attemptsOfJson } from '../scope-row.ts';
import type { CancelAnswer, Cancellation } from '../task-store.ts';
import type { SqliteTransactions } from './open-file.ts';
import { SqliteScopes } from './scopes.ts';

/** How long a command is kept for its worker: a worker that has not asked for a day does not exist any more. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/**
 * The number of the next command: the time, or more where several come at once. So the numbers go on where a file is
 * replaced by another one, and workers ask for what is after the last that they know.
 */
const NEXT = '(SELECT max(ifnull(max(number) + 1, 0), :now) FROM command)';

interface CancelledRow {
  id: number;
  attempts: string;
  span_count: number;
  state: TaskState;
  lost_heard: number | null;
}

/** The requests to cancel tasks, each for the worker that runs one, in the table `command`. */
export class SqliteCancellations {
  readonly #transactions: SqliteTransactions;
  readonly #scopes: SqliteScopes;
  readonly #statements;

  constructor(database: DatabaseSync, transactions: SqliteTransactions, scopes: SqliteScopes) {
    this.#transactions = transactions;
    this.#scopes = scopes;
    this.#statements = {
      task: database.prepare('SELECT id, attempts, span_count, state, lost_heard FROM task WHERE uuid = ?'),
      forget: database.prepare('DELETE FROM command WHERE time < ?'),
      add: database.prepare(
        `INSERT OR IGNORE INTO command (number, worker_id, kind, task_uuid, span_id, time)
         VALUES (${NEXT}, :worker, 'cancel', :uuid, :span, :now)`,
      ),
      // A worker that was asked before is asked again, by a new number: the part is another one.
      hand: database.prepare(
        `INSERT OR REPLACE INTO command (number, worker_id, kind, task_uuid, span_id, time)
         SELECT ${NEXT}, :worker, kind, task_uuid, span_id, :now FROM command
         WHERE kind = 'cancel' AND task_uuid = :uuid AND span_id = :span LIMIT 1`,
      ),
      cancellations: database.prepare(
        `SELECT number, task_uuid AS taskUuid, span_id AS spanId FROM command
         WHERE worker_id = ? AND number > ? AND kind = 'cancel' ORDER BY number`,
      ),
    };
  }

  /**
   * The workers of the attempts are asked first: a part that begins after that is handed the request with its start.
   * So those that have begun can be looked for without the lock, which would be held for as long as it takes to read
   * all scopes of the task.
   */
  cancel(uuid: string): CancelAnswer | undefined {
    const asked = this.#transactions.read(() => this.#asked(uuid));
    if (asked === undefined || typeof asked === 'string') return asked;
    this.#add(uuid, workersOf(asked));
    this.#add(uuid, workersOfParts(asked, this.#transactions.read(() => this.#open(uuid))));
    return 'requested';
  }

  /** Asks the worker of a part that has begun, where its attempt is asked already. To be called inside a transaction. */
  handOn(uuid: string, { partWorkerId: worker, taskSpanId: span }: ScopeState): void {
    this.#statements.hand.run({ worker, uuid, span, now: Date.now() });
  }

  forWorker(workerId: string, after: number): Cancellation[] {
    return this.#statements.cancellations.all(workerId, after) as unknown as Cancellation[];
  }

  #add(uuid: string, targets: readonly CancelTarget[]): void {
    if (targets.length === 0) return;
    const { forget, add } = this.#statements;
    this.#transactions.write(() => {
      const now = Date.now();
      forget.run(now - KEPT_MS);
      for (const { workerId, spanId } of targets) add.run({ worker: workerId, uuid, span: spanId, now });
    });
  }

  /** The attempts that a request is for; or why there are none. */
  #asked(uuid: string): ReturnType<typeof cancelTargets> | undefined {
    const row = this.#statements.task.get(uuid) as CancelledRow | undefined;
    if (row === undefined) return undefined;
    const attempts = attemptsOfJson(row.attempts);
    const of = SqliteScopes.of(row.id, attempts, row.span_count);
    const states = attempts.map(({ traceId, taskSpanId }) => this.#scopes.find(of, traceId, taskSpanId) as AttemptState);
    return cancelTargets(states, { state: row.state, final: row.lost_heard !== null });
  }

  /** The scopes that have not ended. The task may have gone meanwhile, or have one attempt more. */
  #open(uuid: string): ScopeState[] {
    const row = this.#statements.task.get(uuid) as CancelledRow | undefined;
    return row === undefined ? [] : this.#scopes.open(row.id, attemptsOfJson(row.attempts));
  }
}
