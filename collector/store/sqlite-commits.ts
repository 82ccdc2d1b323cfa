import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../src/fact.ts';
import { tellParents } from '../record/child-share.ts';
import type { ChildShare } from '../record/child-share.ts';
import { commitChildShares, commitFacts } from '../record/commit.ts';
import type { TaskCommit } from '../record/commit.ts';
import { progressOf } from '../record/roll-up.ts';
import type { ScopeState } from '../record/scope-state.ts';
import { encodeEntries } from './journal-entries.ts';
import { attemptsJson } from './scope-line.ts';
import type { SqliteChanges } from './sqlite-changes.ts';
import type { SqliteCommands } from './sqlite-commands.ts';
import { SqliteFolds } from './sqlite-folds.ts';
import type { Held } from './sqlite-folds.ts';
import type { SqliteScopes } from './sqlite-scopes.ts';
import { LIFE_COLUMNS, lifeValues } from './sqlite-workers.ts';
import type { SqliteWorkers } from './sqlite-workers.ts';

/** Writes what facts make of their tasks: inside a transaction, whose outcome it has to be told. */
export class SqliteCommits {
  readonly #changes: SqliteChanges;
  readonly #workers: SqliteWorkers;
  readonly #scopes: SqliteScopes;
  readonly #commands: SqliteCommands;
  readonly #folds: SqliteFolds;
  /** The tasks that the transaction has to do with. */
  readonly #folded = new Set<string>();
  readonly #statements;

  constructor(
    database: DatabaseSync,
    { changes, workers, scopes, commands }: { changes: SqliteChanges; workers: SqliteWorkers; scopes: SqliteScopes; commands: SqliteCommands },
  ) {
    this.#changes = changes;
    this.#workers = workers;
    this.#scopes = scopes;
    this.#commands = commands;
    this.#folds = new SqliteFolds(database, scopes);
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
      const held = this.#folds.load(uuid, facts);
      const change = commitFacts(held.task, facts, (scope) => this.#shareOfChildren(uuid, scope));
      if (change === undefined) continue;
      this.#write(change, held, ++changed);
      shares.push(...change.childShares);
    }
    tellParents(shares, (uuid, own) => {
      this.#folded.add(uuid);
      const parent = this.#folds.loadScopes(uuid, own);
      const change = parent && commitChildShares(parent.task, own);
      if (change !== undefined) this.#write(change, parent!, ++changed);
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

  #write(change: TaskCommit, held: Held, changed: number): void {
    const { task, version, offset, text, entries, scopes, begunParts, summary, name, life } = change;
    const values = [
      name,
      version,
      task.logBytes,
      task.updated,
      summary,
      task.spanCount,
      task.lineBefore,
      attemptsJson(task.attempts),
      changed,
      task.uuid,
    ];
    const { insertTask, updateTask, journal } = this.#statements;
    if (held.id === undefined) {
      const { lastInsertRowid } = insertTask.run(...values, ...lifeValues(life!, task.announced));
      held.id = Number(lastInsertRowid);
      this.#workers.started(life!);
    } else {
      updateTask.run(...values);
      if (life !== undefined) this.#workers.keep(held.id, life, task.announced);
    }
    this.#scopes.write(held, scopes);
    for (const part of begunParts) this.#commands.handOn(task.uuid, part);
    if (text !== '') journal.run(held.id, offset, version, task.logBytes - offset, text, encodeEntries(entries));
  }

  /** How far the child tasks are for which a scope of a task stands. */
  #shareOfChildren(uuid: string, scope: ScopeState): number | null {
    let most: number | null = null;
    for (const child of this.#scopes.children(uuid, scope)) {
      const share = progressOf(child);
      if (share !== null) most = Math.max(most ?? 0, share);
    }
    return most;
  }
}
