import type { DatabaseSync } from 'node:sqlite';
import { lostTrace } from '../record/lost-trace.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import { isAttempt } from '../record/scope-state.ts';
import { spanKey } from '../record/span-map.ts';
import { attemptsOfJson } from './scope-line.ts';
import type { SqliteScopes } from './sqlite-scopes.ts';
import type { SqliteTransactions } from './sqlite-transactions.ts';

/** Of how many tasks at once, and for how long they are one process's alone. */
const MOST_TASKS = 50;
const LEASE_MICROS = 30_000_000;

interface LostRow {
  id: number;
  uuid: string;
  name: string;
  attempt: string;
  attempts: string;
  updated: number;
  lost_heard: number;
}

/**
 * Which tasks are lost for good and have spans that nobody has ended yet: `trace_open` says so.
 * One process at a time has them, by a lease.
 */
export class SqliteLostTraces {
  readonly #transactions: SqliteTransactions;
  readonly #scopes: SqliteScopes;
  readonly #holder: string = globalThis.crypto.randomUUID();
  readonly #statements;

  constructor(database: DatabaseSync, transactions: SqliteTransactions, scopes: SqliteScopes) {
    this.#transactions = transactions;
    this.#scopes = scopes;
    this.#statements = {
      lost: database.prepare(
        `SELECT id, uuid, name, attempt, attempts, updated, lost_heard FROM task
         WHERE trace_open = 1 AND lost_heard IS NOT NULL ORDER BY id LIMIT ?`,
      ),
      lease: database.prepare(
        `INSERT INTO lease (name, holder, until) VALUES ('lost-traces', :holder, :until)
         ON CONFLICT (name) DO UPDATE SET holder = :holder, until = :until
         WHERE holder = :holder OR until < :now OR until > :until`,
      ),
      endLease: database.prepare(`DELETE FROM lease WHERE name = 'lost-traces' AND holder = ?`),
      close: database.prepare('UPDATE task SET trace_open = 0 WHERE uuid = ?'),
    };
  }

  areThere(): boolean {
    return this.#statements.lost.get(1) !== undefined;
  }

  /** Some of them, unless another process has them. */
  claim(): LostTrace[] {
    const { lost, lease } = this.#statements;
    return this.#transactions.write(() => {
      const now = Date.now() * 1000;
      const { changes } = lease.run({ holder: this.#holder, now, until: now + LEASE_MICROS });
      if (Number(changes) !== 1) return [];
      return (lost.all(MOST_TASKS) as unknown as LostRow[]).map((row) => this.#traceOf(row));
    });
  }

  ended(uuids: readonly string[]): void {
    const { close, endLease } = this.#statements;
    this.#transactions.write(() => {
      for (const uuid of uuids) close.run(uuid);
      if (!this.areThere()) endLease.run(this.#holder);
    });
  }

  #traceOf({ id, uuid: taskUuid, name: taskName, attempt: key, attempts, updated, lost_heard: heard }: LostRow): LostTrace {
    const scopes = this.#scopes.open(id, attemptsOfJson(attempts));
    const attempt = scopes.filter(isAttempt).find(({ traceId, spanId }) => spanKey(traceId, spanId) === key);
    return attempt === undefined ? { taskUuid, spans: [] } : lostTrace({ taskUuid, taskName, attempt, heard, updated }, scopes);
  }
}
