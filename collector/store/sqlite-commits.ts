import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../src/fact.ts';
import { childShareOf, CommitBatch } from '../record/commit.ts';
import type { ChildShare, TaskCommit } from '../record/commit.ts';
import { startedParts } from '../record/needed-spans.ts';
import type { SpanIds } from '../record/span-map.ts';
import type { TaskFacts } from '../record/task-fold.ts';
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
  /** The tasks that the transaction has to do with, and what it makes of them. */
  readonly #open = new Map<string, Held>();
  #batch: CommitBatch | undefined;
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
        `INSERT INTO task (name, version, log_bytes, created, updated, stored, summary, span_count, line_before, attempts, changed,
           uuid, ${LIFE_COLUMNS})
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      updateTask: database.prepare(
        `UPDATE task SET name = ?, version = ?, log_bytes = ?, created = ?, updated = ?, stored = ?, summary = ?, span_count = ?,
           line_before = ?, attempts = ?, changed = ? WHERE uuid = ?`,
      ),
      journal: database.prepare(
        'INSERT INTO journal (task_id, offset, version, bytes, text, entries) VALUES (?, ?, ?, ?, ?, ?)',
      ),
    };
  }

  /** Folds the facts of each task and writes what has changed. */
  write(tasks: ReadonlyMap<string, readonly Fact[]>): void {
    const batch = new CommitBatch();
    for (const [uuid, facts] of tasks) {
      const held = this.#folds.load(uuid, facts);
      this.#open.set(uuid, held);
      batch.fold(held.task, facts, this.#sharesOfChildren(uuid, startedParts(facts)));
    }
    for (let shares = batch.takeGrownShares(); shares.size > 0; shares = batch.takeGrownShares()) {
      for (const [uuid, own] of shares) {
        const parent = this.#parent(uuid, own);
        if (parent !== undefined) batch.foldChildShares(parent.task, own);
      }
    }
    let changed = this.#changes.last();
    for (const commit of batch.commits()) this.#write(commit, this.#open.get(commit.task.uuid)!, ++changed);
    this.#batch = batch;
  }

  committed(): void {
    this.#batch?.keep();
    for (const uuid of this.#open.keys()) this.#folds.release(uuid);
    this.#open.clear();
  }

  /** What was folded is not what is stored: it is loaded anew for the next try. */
  rolledBack(): void {
    for (const uuid of this.#open.keys()) this.#folds.forget(uuid);
    this.#open.clear();
    this.#workers.rolledBack();
  }

  /** A parent task with scopes of it; `undefined` for a task that is not known. */
  #parent(uuid: string, scopes: readonly ChildShare[]): Held | undefined {
    const open = this.#open.get(uuid);
    if (open !== undefined) {
      this.#folds.loadMore(open, scopes);
      return open;
    }
    const loaded = this.#folds.loadScopes(uuid, scopes);
    if (loaded !== undefined) this.#open.set(uuid, loaded);
    return loaded;
  }

  #write(change: TaskCommit, held: Held, changed: number): void {
    const { task, version, rows, scopes, begunParts, summary, name, life } = change;
    held.attempts = task.attempts;
    const values = [
      name,
      version,
      task.logBytes,
      createdAt(task),
      task.updated,
      Date.now() * 1000,
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
    this.#scopes.write(held, scopes, version);
    for (const part of begunParts) this.#commands.handOn(task.uuid, part);
    for (const { offset, bytes, text, entries } of rows) journal.run(held.id, offset, version, bytes, text, encodeEntries(entries));
  }

  /** How far the child tasks are for which scopes of a task stand. */
  #sharesOfChildren(uuid: string, scopes: readonly SpanIds[]): ChildShare[] {
    return scopes.flatMap((scope) => this.#scopes.children(uuid, scope).map(childShareOf)).filter((share) => share !== undefined);
  }
}

/** The time of the earliest announcement or start that is known, in microseconds; `null` while none is. */
function createdAt({ announced, attempts }: TaskFacts): number | null {
  let created = announced?.time ?? null;
  for (const { start } of attempts) if (start !== null && (created === null || start < created)) created = start;
  return created;
}
