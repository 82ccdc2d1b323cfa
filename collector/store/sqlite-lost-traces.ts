import type { DatabaseSync } from 'node:sqlite';
import { lostTrace } from '../record/lost-trace.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import { isAttempt } from '../record/scope-state.ts';
import { spanKey } from '../record/span-map.ts';
import { attemptsOfJson } from './scope-line.ts';
import type { SqliteScopes } from './sqlite-scopes.ts';

/** Of how many tasks at once. */
const MOST_TASKS = 50;

interface LostRow {
  id: number;
  uuid: string;
  name: string;
  attempt: string;
  attempts: string;
  updated: number;
  lost_heard: number;
}

/** Which tasks are lost for good and have spans that nobody has ended yet: `trace_open` says so. */
export class SqliteLostTraces {
  readonly #scopes: SqliteScopes;
  readonly #statements;

  constructor(database: DatabaseSync, scopes: SqliteScopes) {
    this.#scopes = scopes;
    this.#statements = {
      lost: database.prepare(
        `SELECT id, uuid, name, attempt, attempts, updated, lost_heard FROM task
         WHERE trace_open = 1 AND lost_heard IS NOT NULL ORDER BY id LIMIT ?`,
      ),
      close: database.prepare('UPDATE task SET trace_open = 0 WHERE uuid = ?'),
    };
  }

  /** The first of them. To be called inside a transaction. */
  some(): LostTrace[] {
    return (this.#statements.lost.all(MOST_TASKS) as unknown as LostRow[]).map((row) => this.#traceOf(row));
  }

  /** To be called inside a transaction. */
  ended(uuids: readonly string[]): void {
    for (const uuid of uuids) this.#statements.close.run(uuid);
  }

  #traceOf({ id, uuid: taskUuid, name: taskName, attempt: key, attempts, updated, lost_heard: heard }: LostRow): LostTrace {
    const scopes = this.#scopes.open(id, attemptsOfJson(attempts));
    const attempt = scopes.filter(isAttempt).find(({ traceId, spanId }) => spanKey(traceId, spanId) === key);
    return attempt === undefined ? { taskUuid, spans: [] } : lostTrace({ taskUuid, taskName, attempt, heard, updated }, scopes);
  }
}
