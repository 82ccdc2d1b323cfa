import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../../src/fact.ts';
import { needsAllScopes, spansToLoad, touchedSpans } from '../../record/needed-spans.ts';
import type { ScopeState } from '../../record/scope-state.ts';
import type { SpanIds } from '../../record/span-map.ts';
import { latestAttempt, TaskFold } from '../../record/task-fold.ts';
import type { Announcement } from '../../record/task-fold.ts';
import { attemptsOfJson } from '../scope-line.ts';
import type { AttemptIds } from '../scope-line.ts';
import { SqliteScopes } from './scopes.ts';
import type { ScopesOf } from './scopes.ts';

interface TaskRow {
  id: number;
  version: number;
  log_bytes: number;
  updated: number;
  span_count: number;
  line_before: string | null;
  attempts: string;
  announced: string | null;
}

/** What is known of a task while it is written. */
export interface Held extends ScopesOf {
  readonly task: TaskFold;
  /** To be set when the task gets its row. */
  id: number | undefined;
  attempts: readonly AttemptIds[];
  /** Whether every span of the task is in memory. */
  complete: boolean;
  /** With how many spans in memory it is time to let go of some. */
  releaseAt: number;
}

/** How many tasks, and of each how many spans and groups of lines, are kept in memory between commits. */
const MOST_TASKS = 500;
const MOST_SPANS = 2000;
const MOST_GROUPS = 8;

/**
 * The states of the tasks that are being written, loaded as facts need them: the span a fact is
 * of, and the spans around it. A task that another process has written meanwhile is loaded anew.
 */
export class SqliteFolds {
  /** In the order of their last use. */
  readonly #held = new Map<string, Held>();
  readonly #scopes: SqliteScopes;
  readonly #statements;

  constructor(database: DatabaseSync, scopes: SqliteScopes) {
    this.#scopes = scopes;
    this.#statements = {
      version: database.prepare('SELECT id, version FROM task WHERE uuid = ?'),
      task: database.prepare(
        'SELECT id, version, log_bytes, updated, span_count, line_before, attempts, announced FROM task WHERE uuid = ?',
      ),
    };
  }

  /** A task's state, ready to have these facts folded into it. */
  load(uuid: string, facts: readonly Fact[]): Held {
    const held = this.#current(uuid);
    this.#loadSpans(held, touchedSpans(facts));
    if (!held.complete && needsAllScopes(held.task, facts)) this.#loadAll(held);
    return held;
  }

  /** Loads more scopes of a task that is held. */
  loadMore(held: Held, spans: readonly SpanIds[]): void {
    this.#loadSpans(held, spans);
  }

  /** The state of a task that is stored, with some of its scopes; `undefined` for an unknown task. */
  loadScopes(uuid: string, spans: readonly SpanIds[]): Held | undefined {
    const held = this.#current(uuid);
    if (held.id === undefined) {
      this.forget(uuid);
      return undefined;
    }
    this.#loadSpans(held, spans);
    return held;
  }

  forget(uuid: string): void {
    this.#held.delete(uuid);
  }

  /** After a commit: lets go of what has ended, and of what was not used for long. */
  release(uuid: string): void {
    const held = this.#held.get(uuid);
    if (held === undefined) return;
    this.#held.delete(uuid);
    const { task } = held;
    if (held.id !== undefined && (latestAttempt(task)?.end ?? null) === null) {
      this.#held.set(uuid, held);
      if (task.scopes.size > held.releaseAt) releaseSpans(held);
      if (held.groups.size > MOST_GROUPS) held.groups.clear();
    }
    for (const oldest of this.#held.keys()) {
      if (this.#held.size <= MOST_TASKS) break;
      this.#held.delete(oldest);
    }
  }

  #current(uuid: string): Held {
    const held = this.#held.get(uuid);
    if (held !== undefined) {
      const row = this.#statements.version.get(uuid) as { id: number; version: number } | undefined;
      // One that was deleted and came again is another.
      if (row?.version === held.task.version && row.id === held.id) return held;
    }
    const loaded = this.#loadTask(uuid);
    this.#held.set(uuid, loaded);
    return loaded;
  }

  #loadTask(uuid: string): Held {
    const task = new TaskFold(uuid);
    const row = this.#statements.task.get(uuid) as TaskRow | undefined;
    const scopes = SqliteScopes.of(row?.id, [], row?.span_count ?? 0);
    const held: Held = { ...scopes, task, complete: row === undefined, releaseAt: MOST_SPANS };
    if (row === undefined) return held;
    task.version = row.version;
    task.logBytes = row.log_bytes;
    task.updated = row.updated;
    task.spanCount = row.span_count;
    task.lineBefore = row.line_before;
    task.announced = row.announced === null ? null : (JSON.parse(row.announced) as Announcement);
    // Lines tell of attempts by their places: all are loaded, in their order, before what may lie around them.
    held.attempts = attemptsOfJson(row.attempts);
    for (const { traceId, taskSpanId } of held.attempts) task.add(this.#scopes.find(held, traceId, taskSpanId)!);
    const around = task.attempts.map(({ traceId, parentSpanId }) => ({ traceId, spanId: parentSpanId }));
    const [traceId = '', spanId = ''] = row.line_before?.split('-') ?? [];
    this.#loadSpans(held, [...around, { traceId, spanId }].filter((span) => span.spanId !== ''));
    return held;
  }

  /** Loads spans, as far as they are stored, and those around them. */
  #loadSpans(held: Held, spans: readonly SpanIds[]): void {
    if (held.complete) return;
    const { task } = held;
    for (const level of spansToLoad(task, spans)) {
      for (const { traceId, spanId } of level) {
        const scope = this.#scopes.find(held, traceId, spanId);
        if (scope !== undefined) task.add(scope);
      }
    }
  }

  #loadAll(held: Held): void {
    const { task, id } = held;
    for (const scope of this.#scopes.all(id!, held.attempts)) {
      if (!task.scopes.has(scope.traceId, scope.spanId)) task.add(scope);
    }
    held.complete = true;
  }
}

/** Forgets scopes that have ended, but for those around open ones; one that gets a late fact is loaded again. */
function releaseSpans(held: Held): void {
  const { task } = held;
  const needed = new Set<ScopeState>(task.attempts);
  const before = task.scopeBefore();
  for (const scope of task.scopes) {
    if (scope.end !== null && scope !== before) continue;
    let inner: ScopeState | undefined = scope;
    while (inner !== undefined && !needed.has(inner)) {
      needed.add(inner);
      inner = task.around(inner);
    }
  }
  for (const scope of task.scopes) if (!needed.has(scope)) task.scopes.delete(scope);
  held.complete = false;
  held.releaseAt = Math.max(MOST_SPANS, 2 * task.scopes.size);
}
