import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../../src/fact.ts';
import { childShareOf, CommitBatch } from '../../record/commit.ts';
import type { ChildShare, RefusedFact, TaskCommit } from '../../record/commit.ts';
import { startedParts } from '../../record/needed-spans.ts';
import { isAttempt } from '../../record/scope-state.ts';
import type { ScopeState } from '../../record/scope-state.ts';
import type { SpanIds } from '../../record/span-map.ts';
import type { TaskFold } from '../../record/task-fold.ts';
import type { TaskState } from '../../../src/task-record.ts';
import { createdAt, runStateOf } from '../../record/task-state.ts';
import { attemptsJson } from '../scope-row.ts';
import { encodeEntries } from '../stored-log.ts';
import type { SqliteCancellations } from './cancellations.ts';
import { LoadedTasks } from './loaded-tasks.ts';
import type { LoadedTask } from './loaded-tasks.ts';
import type { SqliteReads } from './reads.ts';
import { DELETED_MICROS } from './sweep.ts';
import type { SqliteScopes } from './scopes.ts';
import { RUN_STATE_COLUMNS, runStateValues } from './workers.ts';
import type { SqliteWorkers } from './workers.ts';

/** Writes what facts make of their tasks, inside a transaction. The caller then calls {@link committed} or {@link rolledBack}. */
export class SqliteCommits {
  readonly #reads: SqliteReads;
  readonly #workers: SqliteWorkers;
  readonly #scopes: SqliteScopes;
  readonly #cancellations: SqliteCancellations;
  readonly #loadedTasks: LoadedTasks;
  /** The tasks that the transaction has to do with, and what it makes of them. */
  readonly #open = new Map<string, LoadedTask>();
  #batch: CommitBatch | undefined;
  #lastChange = 0;
  readonly #statements;

  constructor(
    database: DatabaseSync,
    { reads, workers, scopes, cancellations }: { reads: SqliteReads; workers: SqliteWorkers; scopes: SqliteScopes; cancellations: SqliteCancellations },
  ) {
    this.#reads = reads;
    this.#workers = workers;
    this.#scopes = scopes;
    this.#cancellations = cancellations;
    this.#loadedTasks = new LoadedTasks(database, scopes);
    this.#statements = {
      insertTask: database.prepare(
        `INSERT INTO task (name, service_name, version, log_bytes, log_lines, created, updated, stored, list_summary, summary, span_count, line_before, attempts, changed,
           uuid, ${RUN_STATE_COLUMNS})
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      ),
      updateTask: database.prepare(
        `UPDATE task SET name = ?, service_name = ?, version = ?, log_bytes = ?, log_lines = ?, created = ?, updated = ?, stored = ?, list_summary = ?, summary = ?,
           span_count = ?, line_before = ?, attempts = ?, changed = ? WHERE uuid = ?`,
      ),
      overChanged: database.prepare('UPDATE task SET over_version = ? WHERE id = ?'),
      countTasks: database.prepare(
        'INSERT INTO state_count VALUES (?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
      ),
      hasDeleted: database.prepare('SELECT 1 FROM deleted LIMIT 1'),
      deleted: database.prepare('SELECT time, version FROM deleted WHERE uuid = ?'),
      forgetDeleted: database.prepare('DELETE FROM deleted WHERE uuid = ?'),
      journal: database.prepare(
        'INSERT INTO journal (task_id, offset, version, bytes, text, entries) VALUES (?, ?, ?, ?, ?, ?)',
      ),
    };
  }

  /** Folds the facts of each task and writes what has changed. Gives the facts that are not kept. */
  write(tasks: ReadonlyMap<string, readonly Fact[]>): readonly RefusedFact[] {
    const batch = new CommitBatch();
    const hasDeleted = this.#statements.hasDeleted.get() !== undefined;
    for (const [uuid, facts] of tasks) {
      const loaded = this.#loadedTasks.load(uuid, facts);
      if (hasDeleted && loaded.id === undefined && this.#staysDeleted(loaded.task, facts)) {
        this.#loadedTasks.forget(uuid);
        continue;
      }
      this.#open.set(uuid, loaded);
      batch.fold(loaded.task, facts, this.#sharesOfChildren(uuid, startedParts(facts)));
    }
    for (let shares = batch.takeGrownShares(); shares.size > 0; shares = batch.takeGrownShares()) {
      for (const [uuid, own] of shares) {
        const parent = this.#parent(uuid, own);
        if (parent !== undefined) batch.foldChildShares(parent.task, own);
      }
    }
    let changed = this.#reads.lastChange();
    const newTasks = new Map<TaskState, number>();
    for (const commit of batch.commits()) {
      const loaded = this.#open.get(commit.task.uuid)!;
      if (loaded.id === undefined) {
        newTasks.set(commit.state, (newTasks.get(commit.state) ?? 0) + 1);
      }
      this.#write(commit, loaded, ++changed);
    }
    for (const [state, count] of newTasks) this.#statements.countTasks.run(state, count);
    this.#workers.runAgain();
    this.#lastChange = changed;
    this.#batch = batch;
    return batch.refused;
  }

  /** The number of the latest change that it has made. */
  get lastChange(): number {
    return this.#lastChange;
  }

  committed(): void {
    this.#batch?.keep();
    this.#batch = undefined;
    for (const uuid of this.#open.keys()) this.#loadedTasks.release(uuid);
    this.#open.clear();
  }

  /** What was folded is not stored: it is loaded again for the next try. */
  rolledBack(): void {
    for (const uuid of this.#open.keys()) this.#loadedTasks.forget(uuid);
    this.#open.clear();
    this.#workers.rolledBack();
  }

  /** Whether a task that is not stored was deleted, and does not begin anew by these facts. Where it does, its versions go on. */
  #staysDeleted(task: TaskFold, facts: readonly Fact[]): boolean {
    const { deleted, forgetDeleted } = this.#statements;
    const row = deleted.get(task.uuid) as { time: number; version: number } | undefined;
    if (row === undefined) return false;
    const beginsAnew = facts.some(({ kind, time }) => (kind === 'task-start' || kind === 'task-announced') && time > row.time);
    // By a clock that was set back meanwhile it may have been deleted in times to come.
    const isOfToday = Math.abs(Date.now() * 1000 - row.time) < DELETED_MICROS;
    if (!beginsAnew && isOfToday) return true;
    forgetDeleted.run(task.uuid);
    task.version = row.version;
    return false;
  }

  /** A parent task with scopes of it; `undefined` for a task that is not known. */
  #parent(uuid: string, scopes: readonly ChildShare[]): LoadedTask | undefined {
    const open = this.#open.get(uuid);
    if (open !== undefined) {
      this.#loadedTasks.loadMore(open, scopes);
      return open;
    }
    const loaded = this.#loadedTasks.loadScopes(uuid, scopes);
    if (loaded !== undefined) this.#open.set(uuid, loaded);
    return loaded;
  }

  #write(change: TaskCommit, loaded: LoadedTask, changed: number): void {
    const { task, version, rows, scopes, begun, summary, listSummary, name, serviceName } = change;
    const isNew = loaded.id === undefined;
    const runState = change.runState ?? (isNew || (loaded.lostForGood && change.hasOwnFacts) ? runStateOf(task) : undefined);
    loaded.attempts = task.attempts;
    const values = [
      name,
      serviceName ?? '',
      version,
      task.logBytes,
      task.logLines,
      createdAt(task),
      task.updated,
      Date.now() * 1000,
      listSummary ?? null,
      summary,
      task.spanCount,
      task.lineBefore,
      attemptsJson(task.attempts),
      changed,
      task.uuid,
    ];
    const { insertTask, updateTask, journal } = this.#statements;
    if (loaded.id === undefined) {
      const { lastInsertRowid } = insertTask.run(...values, ...runStateValues(runState!, task.announced));
      loaded.id = Number(lastInsertRowid);
      this.#workers.started(loaded.id, runState!);
    } else {
      updateTask.run(...values);
      if (runState !== undefined) this.#workers.keep(loaded.id, runState, task.announced);
    }
    if (!isNew && (change.isOverChanged || (loaded.lostForGood && change.hasOwnFacts))) this.#statements.overChanged.run(version, loaded.id);
    this.#scopes.write(loaded, scopes, version);
    if (begun.length > 0 && (version > 1 || begun.some(isChild))) this.#cancellations.handOn(task.uuid, begun);
    if (runState?.state === 'cancelled' && runState.attempt !== null) this.#cancellations.ended(loaded.id);
    for (const { offset, bytes, text, entries } of rows) journal.run(loaded.id, offset, version, bytes, text, encodeEntries(entries));
  }

  /** How far the child tasks are for which scopes of a task stand. */
  #sharesOfChildren(uuid: string, scopes: readonly SpanIds[]): ChildShare[] {
    return scopes.flatMap((scope) => this.#scopes.children(uuid, scope).map(childShareOf)).filter((share) => share !== undefined);
  }
}

/** Whether a scope is an attempt of a child task. */
function isChild(scope: ScopeState): boolean {
  return isAttempt(scope) && scope.parentTaskUuid !== null;
}
