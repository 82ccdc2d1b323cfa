import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../src/fact.ts';
import { tellParents } from '../record/child-share.ts';
import type { ChildShare } from '../record/child-share.ts';
import { commitChildShares, commitFacts } from '../record/commit.ts';
import type { TaskCommit } from '../record/commit.ts';
import type { TaskFold } from '../record/task-fold.ts';
import { encodeEntries } from './journal-entries.ts';
import { PLAIN_COLUMNS, SCOPE_COLUMNS, scopeValues } from './scope-row.ts';
import type { SqliteChanges } from './sqlite-changes.ts';
import { SqliteFolds } from './sqlite-folds.ts';
import { LIFE_COLUMNS, lifeValues } from './sqlite-workers.ts';
import type { SqliteWorkers } from './sqlite-workers.ts';

/** Writes what facts make of their tasks: inside a transaction, whose outcome it has to be told. */
export class SqliteCommits {
  readonly #changes: SqliteChanges;
  readonly #workers: SqliteWorkers;
  readonly #folds: SqliteFolds;
  /** The tasks that the transaction has to do with. */
  readonly #folded = new Set<string>();
  readonly #statements;

  constructor(database: DatabaseSync, changes: SqliteChanges, workers: SqliteWorkers) {
    this.#changes = changes;
    this.#workers = workers;
    this.#folds = new SqliteFolds(database);
    this.#statements = {
      insertTask: database.prepare(
        `INSERT INTO task (name, version, log_bytes, updated, summary, span_count, line_before, attempts, changed, uuid,
           ${LIFE_COLUMNS})
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      updateTask: database.prepare(
        `UPDATE task SET name = ?, version = ?, log_bytes = ?, updated = ?, summary = ?, span_count = ?,
           line_before = ?, attempts = ?, changed = ? WHERE uuid = ?`,
      ),
      plainScope: database.prepare(writeOf(PLAIN_COLUMNS)),
      scope: database.prepare(writeOf(SCOPE_COLUMNS)),
      journal: database.prepare(
        'INSERT INTO journal (task_id, offset, version, bytes, text, entries) VALUES (?, ?, ?, ?, ?, ?)',
      ),
    };
  }

  /** Folds the facts of each task and writes what has changed. */
  write(tasks: ReadonlyMap<string, readonly Fact[]>): void {
    let changed = this.#changes.last();
    const shares: ChildShare[] = [];
    for (const [uuid, facts] of tasks) {
      this.#folded.add(uuid);
      const { task, id } = this.#folds.load(uuid, facts);
      const change = commitFacts(task, facts, (scope) => this.#folds.shareOfChildren(uuid, scope));
      if (change === undefined) continue;
      this.#write(change, id, ++changed);
      shares.push(...change.childShares);
    }
    tellParents(shares, (uuid, own) => {
      this.#folded.add(uuid);
      const parent = this.#folds.loadScopes(uuid, own);
      const change = parent && commitChildShares(parent.task, own);
      if (change !== undefined) this.#write(change, parent!.id, ++changed);
      return change;
    });
  }

  committed(): void {
    for (const uuid of this.#folded) this.#folds.release(uuid);
    this.#folded.clear();
  }

  /** What was folded is not what is stored: it is loaded anew for the next try. */
  rolledBack(): void {
    for (const uuid of this.#folded) this.#folds.forget(uuid);
    this.#folded.clear();
    this.#workers.rolledBack();
  }

  #write(change: TaskCommit, known: number | undefined, changed: number): void {
    const { task, version, offset, text, entries, scopes, summary, name, life } = change;
    const values = [
      name,
      version,
      task.logBytes,
      task.updated,
      summary,
      task.spanCount,
      task.lineBefore,
      attemptKeys(task),
      changed,
      task.uuid,
    ];
    const { insertTask, updateTask, plainScope, scope: wholeScope, journal } = this.#statements;
    let id = known;
    if (id === undefined) {
      id = Number(insertTask.run(...values, ...lifeValues(life!, task.announced)).lastInsertRowid);
      this.#folds.keep(task, id);
      this.#workers.started(life!);
    } else {
      updateTask.run(...values);
      if (life !== undefined) this.#workers.keep(id, life, task.announced);
    }
    for (const scope of scopes) {
      const row = scopeValues(scope);
      const write = row.length === PLAIN_COLUMNS.length ? plainScope : wholeScope;
      write.run(id, ...row);
    }
    if (text !== '') journal.run(id, offset, version, task.logBytes - offset, text, encodeEntries(entries));
  }
}

/** Writes a row of `scope`; columns that are not among these get their defaults. */
function writeOf(columns: readonly string[]): string {
  const names = columns.map((name) => `"${name}"`).join(', ');
  return `INSERT OR REPLACE INTO scope (task_id, ${names}) VALUES (?${', ?'.repeat(columns.length)})`;
}

function attemptKeys(task: TaskFold): string {
  return JSON.stringify(task.attempts.map(({ traceId, spanId }) => [traceId, spanId]));
}
