import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../../src/fact.ts';
import { shownSpans, latePlans, spansToLoad, touchedSpans } from '../../record/needed-spans.ts';
import type { ScopeState } from '../../record/scope-state.ts';
import { idsOfKey } from '../../record/span-map.ts';
import type { SpanIds } from '../../record/span-map.ts';
import { latestAttempt, NOT_ANNOUNCED, TaskFold } from '../../record/task-fold.ts';
import type { Announced } from '../../record/task-fold.ts';
import { attemptsOfJson } from '../scope-row.ts';
import type { AttemptIds } from '../scope-row.ts';
import { SqliteScopes } from './scopes.ts';
import type { ScopesOf } from './scopes.ts';

interface LoadedRow {
  id: number;
  version: number;
  log_bytes: number;
  log_lines: number;
  updated: number;
  span_count: number;
  line_before: string | null;
  attempts: string;
  announced: string | null;
  lost_at: number | null;
}

/** A task as far as it is in memory. */
export interface LoadedTask extends ScopesOf {
  readonly task: TaskFold;
  /** To be set when the task gets its row. */
  id: number | undefined;
  attempts: readonly AttemptIds[];
  /** Whether all its spans are in memory. */
  complete: boolean;
  /** Whether the store has it as lost for good, so that any new fact changes its state. */
  lostForGood: boolean;
  /** How many spans may be in memory until some are released. */
  releaseAt: number;
  /** How many spans of it are counted as in memory; 1,024 characters of its result count as a span. */
  counted: number;
}

/** How many tasks, and of each how many spans and groups of rows, are kept in memory between commits. */
const MOST_TASKS = 500;
const MOST_SPANS = 2000;
const MOST_GROUPS = 8;
/** How many open spans of a task stay in memory between commits, and how many spans of all tasks. */
const MOST_OPEN = 10_000;
const MOST_IN_ALL = 50_000;
/** So many characters of a result take about as much memory as a span. */
const SPAN_LENGTH = 1024;
/** Of a task with more scopes, those that have ended before their plan by names comes do not count in it. */
const MOST_BEFORE_PLAN = 10_000;

/**
 * The tasks that are being written, with the scopes that facts need: those that they are of, and those around them. A
 * task that another process has written meanwhile is loaded again.
 */
export class LoadedTasks {
  /** In the order of their last use. */
  readonly #tasks = new Map<string, LoadedTask>();
  readonly #scopes: SqliteScopes;
  /** How many spans are in memory between commits. */
  #spans = 0;
  readonly #statements;

  constructor(database: DatabaseSync, scopes: SqliteScopes) {
    this.#scopes = scopes;
    this.#statements = {
      version: database.prepare('SELECT id, version, lost_at FROM task WHERE uuid = ?'),
      task: database.prepare(
        'SELECT id, version, log_bytes, log_lines, updated, span_count, line_before, attempts, announced, lost_at FROM task WHERE uuid = ?',
      ),
    };
  }

  /** A task's state, ready to have these facts folded into it. */
  load(uuid: string, facts: readonly Fact[]): LoadedTask {
    const loaded = this.#current(uuid);
    if (loaded.complete) return loaded;
    this.loadMore(loaded, touchedSpans(facts));
    const planned = latePlans(loaded.task, facts);
    if (planned.length > 0 && loaded.stored <= MOST_BEFORE_PLAN) this.#loadInside(loaded, planned);
    return loaded;
  }

  /** The state of a task that is stored, with some of its scopes; `undefined` for an unknown task. */
  loadScopes(uuid: string, spans: readonly SpanIds[]): LoadedTask | undefined {
    const loaded = this.#current(uuid);
    if (loaded.id === undefined) {
      this.forget(uuid);
      return undefined;
    }
    this.loadMore(loaded, spans);
    return loaded;
  }

  forget(uuid: string): void {
    this.#spans -= this.#tasks.get(uuid)?.counted ?? 0;
    this.#tasks.delete(uuid);
  }

  /** Releases, after a commit, a task that has ended, and tasks that were not used for long. */
  release(uuid: string): void {
    const loaded = this.#tasks.get(uuid);
    if (loaded === undefined) return;
    this.forget(uuid);
    const { task } = loaded;
    if (loaded.id !== undefined && (latestAttempt(task)?.end ?? null) === null) {
      this.#tasks.set(uuid, loaded);
      if (task.scopes.size > loaded.releaseAt) releaseSpans(loaded);
      if (loaded.groups.size > MOST_GROUPS) loaded.groups.clear();
      loaded.counted = task.scopes.size + Math.floor((latestAttempt(task)?.result?.json.length ?? 0) / SPAN_LENGTH);
      this.#spans += loaded.counted;
    }
    for (const oldest of this.#tasks.keys()) {
      if (this.#tasks.size <= MOST_TASKS && this.#spans <= MOST_IN_ALL) break;
      this.forget(oldest);
    }
  }

  #current(uuid: string): LoadedTask {
    const loaded = this.#tasks.get(uuid);
    if (loaded !== undefined) {
      const row = this.#statements.version.get(uuid) as Pick<LoadedRow, 'id' | 'version' | 'lost_at'> | undefined;
      // A task that was deleted and came again has another number.
      if (row?.version === loaded.task.version && row.id === loaded.id) {
        loaded.lostForGood = row.lost_at !== null;
        return loaded;
      }
    }
    const read = this.#loadTask(uuid);
    this.forget(uuid);
    this.#tasks.set(uuid, read);
    return read;
  }

  #loadTask(uuid: string): LoadedTask {
    const task = new TaskFold(uuid);
    const row = this.#statements.task.get(uuid) as LoadedRow | undefined;
    const scopes = SqliteScopes.of(row?.id, [], row?.span_count ?? 0);
    const loaded: LoadedTask = { ...scopes, task, complete: row === undefined, lostForGood: false, releaseAt: MOST_SPANS, counted: 0 };
    if (row === undefined) return loaded;
    loaded.lostForGood = row.lost_at !== null;
    task.version = row.version;
    task.logBytes = row.log_bytes;
    task.logLines = row.log_lines;
    task.updated = row.updated;
    task.spanCount = row.span_count;
    task.lineBefore = row.line_before;
    task.announced = row.announced === null ? NOT_ANNOUNCED : (JSON.parse(row.announced) as Announced);
    // Rows of scopes name attempts by their index: all of them are loaded, in their order, before the scopes around them.
    loaded.attempts = attemptsOfJson(row.attempts);
    for (const { traceId, taskSpanId } of loaded.attempts) task.add(this.#scopes.find(loaded, traceId, taskSpanId)!);
    const around: SpanIds[] = task.attempts.map(({ traceId, parentSpanId }) => ({ traceId, spanId: parentSpanId }));
    if (row.line_before !== null) around.push(idsOfKey(row.line_before));
    around.push(...shownSpans(task.attempts));
    this.loadMore(loaded, around.filter(({ spanId }) => spanId !== ''));
    return loaded;
  }

  /** Loads spans of a task that is in memory, as far as they are stored, and those around them. */
  loadMore(loaded: LoadedTask, spans: readonly SpanIds[]): void {
    if (loaded.complete) return;
    const { task } = loaded;
    for (const level of spansToLoad(task, spans)) {
      for (const { traceId, spanId } of level) {
        const scope = this.#scopes.find(loaded, traceId, spanId);
        if (scope !== undefined) task.add(scope);
      }
    }
  }

  #loadInside(loaded: LoadedTask, planned: readonly ScopeState[]): void {
    const { task } = loaded;
    for (const scope of this.#scopes.inside(loaded, planned)) {
      if (!task.scopes.has(scope.traceId, scope.spanId)) task.add(scope);
    }
  }
}

/**
 * Releases scopes that have ended, but for those around open ones; where very many are open, all. A scope that gets a
 * fact is loaded again.
 */
function releaseSpans(loaded: LoadedTask): void {
  const { task } = loaded;
  const open = neededOf(task, (scope) => scope.end === null);
  const needed = open.size > MOST_OPEN ? neededOf(task, () => false) : open;
  for (const scope of task.scopes) if (!needed.has(scope)) task.scopes.delete(scope);
  loaded.complete = false;
  loaded.releaseAt = Math.max(MOST_SPANS, Math.min(2 * task.scopes.size, MOST_OPEN));
}

/** The attempts, some scopes and the one whose line was the last, with all that is around them. */
function neededOf(task: TaskFold, isNeeded: (scope: ScopeState) => boolean): ReadonlySet<ScopeState> {
  const needed = new Set<ScopeState>(task.attempts);
  const before = task.scopeBefore();
  const shown = new Set(shownSpans(task.attempts).map(({ traceId, spanId }) => task.scopes.get(traceId, spanId)));
  for (const scope of task.scopes) {
    if (!isNeeded(scope) && scope !== before && !shown.has(scope)) continue;
    let inner: ScopeState | undefined = scope;
    while (inner !== undefined && !needed.has(inner)) {
      needed.add(inner);
      inner = task.around(inner);
    }
  }
  return needed;
}
