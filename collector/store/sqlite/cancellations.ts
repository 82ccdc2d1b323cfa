import type { DatabaseSync } from 'node:sqlite';
import type { Fact } from '../../../src/fact.ts';
import { cancelTargets, reasonOf, targetOf, workersOf, workersOfParts } from '../../record/cancel-request.ts';
import type { CancelAnswer, CancelRequest, CancelTarget } from '../../record/cancel-request.ts';
import { isAttempt } from '../../record/scope-state.ts';
import type { AttemptState, ScopeState } from '../../record/scope-state.ts';
import type { Announced } from '../../record/task-fold.ts';
import type { TaskState } from '../../../src/task-record.ts';
import { attemptsOfJson } from '../scope-row.ts';
import type { Cancellation } from '../task-store.ts';
import type { SqliteTransactions } from './open-file.ts';
import { SqliteScopes } from './scopes.ts';

/** How long a command is kept for its worker: a worker that has not asked for a day does not exist any more. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** The most levels of parents that are searched for a request. */
const DEEPEST = 100;

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
  announced: string | null;
}

interface KeptRow {
  cancel: string | null;
  parent: string | null;
}

/** What a request finds of a task. */
export interface AskedTask {
  readonly uuid: string;
  readonly id: number;
  readonly targets: ReturnType<typeof cancelTargets>;
  readonly announced: Announced | null;
}

/**
 * The requests to cancel tasks: each in the row of its task, and in the table `command` for each worker that runs an
 * attempt of the task, or a part of one.
 */
export class SqliteCancellations {
  readonly #transactions: SqliteTransactions;
  readonly #scopes: SqliteScopes;
  readonly #lastChange: () => number;
  readonly #statements;

  /** @param lastChange Gives the greatest change number: tasks that are asked for get numbers after it. */
  constructor(database: DatabaseSync, transactions: SqliteTransactions, scopes: SqliteScopes, lastChange: () => number) {
    this.#transactions = transactions;
    this.#scopes = scopes;
    this.#lastChange = lastChange;
    const unheard = `cancel IS NOT NULL AND cancel ->> '$.heard' IS NULL`;
    this.#statements = {
      task: database.prepare('SELECT id, attempts, span_count, state, lost_heard, announced FROM task WHERE uuid = ?'),
      request: database.prepare('UPDATE task SET cancel = :request, changed = :changed WHERE id = :id AND cancel IS NULL'),
      // The first request counts; a later one may be for the children too.
      withChildren: database.prepare(
        `UPDATE task SET cancel = json_set(cancel, '$.children', json('true')) WHERE id = ? AND NOT cancel ->> '$.children'`,
      ),
      kept: database.prepare('SELECT cancel, parent FROM task WHERE uuid = ?'),
      inherit: database.prepare('UPDATE task SET cancel = :request WHERE uuid = :uuid'),
      children: database.prepare('SELECT uuid FROM task WHERE parent = ? LIMIT ?'),
      heard: database.prepare(
        `UPDATE task SET cancel = json_set(cancel, '$.heard', :now), changed = :changed
         WHERE ${unheard} AND uuid = (SELECT task_uuid FROM command WHERE number = :number AND worker_id = :worker)`,
      ),
      ended: database.prepare(`UPDATE task SET cancel = json_set(cancel, '$.heard', :now) WHERE id = :id AND ${unheard}`),
      forget: database.prepare('DELETE FROM command WHERE time < ?'),
      add: database.prepare(
        `INSERT OR IGNORE INTO command (number, worker_id, kind, task_uuid, span_id, time)
         VALUES (${NEXT}, :worker, 'cancel', :uuid, :span, :now)`,
      ),
      // A worker that was asked before is asked again, by a new number: the part is another one.
      hand: database.prepare(
        `INSERT OR REPLACE INTO command (number, worker_id, kind, task_uuid, span_id, time)
         VALUES (${NEXT}, :worker, 'cancel', :uuid, :span, :now)`,
      ),
      cancellations: database.prepare(
        `SELECT number, task_uuid AS taskUuid, span_id AS spanId, cancel FROM command LEFT JOIN task ON uuid = task_uuid
         WHERE command.worker_id = ? AND number > ? AND kind = 'cancel' ORDER BY number`,
      ),
    };
  }

  /**
   * Asks the workers of the attempts of some tasks. Gives the answer for each that is known, the facts by which those that
   * are queued end, which the caller appends, and the tasks whose parts the caller then asks by {@link cancelParts}.
   *
   * The attempts come first: what begins after that is handed the request with its start. So the parts that have begun can
   * be looked for without the lock, and slice by slice: a task may have a hundred thousand scopes.
   *
   * @param keeps Whether the request stays with a task that it does not reach.
   */
  cancel(uuids: readonly string[], request: CancelRequest, keeps: boolean): { answers: CancelAnswer[]; ends: Fact[]; running: AskedTask[] } {
    const asked = this.#transactions.write(() => {
      const tasks = uuids.map((uuid) => this.#asked(uuid)).filter((task) => task !== undefined);
      this.#request(tasks.filter(({ targets }) => keeps || targets === 'queued' || typeof targets === 'object'), request);
      return tasks;
    });
    return {
      answers: asked.map(({ targets }) => (typeof targets === 'object' ? 'requested' : targets === 'queued' ? 'cancelled' : targets)),
      ends: asked.map(endInQueue).filter((end) => end !== undefined),
      running: asked.filter(({ targets }) => typeof targets === 'object'),
    };
  }

  /** Asks the workers of open parts, in a slice of a task's scopes from a group on. Returns the group that is next. */
  cancelParts({ uuid, targets }: AskedTask, from: number): number | undefined {
    if (typeof targets !== 'object') return undefined;
    const { open, next } = this.#transactions.read(() => this.#openIn(uuid, from));
    const parts = workersOfParts(targets, open);
    if (parts.length > 0) this.#transactions.write(() => this.#add(uuid, parts));
    return next;
  }

  /** The tasks whose parent is one of these, so many of each at the most. */
  children(uuids: readonly string[], limit: number): string[] {
    return uuids.flatMap((parent) => (this.#statements.children.all(parent, limit) as { uuid: string }[]).map(({ uuid }) => uuid));
  }

  /**
   * Asks the workers of attempts and parts that have begun, where the task is to be cancelled, or one above it with its
   * children. To be called inside a transaction, after the task was written.
   */
  handOn(uuid: string, begun: readonly ScopeState[]): void {
    const targets = begun.map(targetOf).filter((target) => target !== undefined);
    if (targets.length === 0 || !this.#isRequested(uuid, begun)) return;
    for (const { workerId: worker, spanId: span } of targets) this.#statements.hand.run({ worker, uuid, span, now: Date.now() });
  }

  /** Code of a task that has ended as cancelled has received the request. To be called inside a transaction. */
  ended(taskId: number): void {
    this.#statements.ended.run({ id: taskId, now: Date.now() * 1000 });
  }

  forWorker(workerId: string, after: number): Cancellation[] {
    const rows = this.#statements.cancellations.all(workerId, after) as unknown as (Cancellation & { cancel: string | null })[];
    return rows.map(({ number, taskUuid, spanId, cancel }) => ({ number, taskUuid, spanId, ...reasonOf(cancel) }));
  }

  /** To be called inside a transaction. Returns how many tasks have changed. */
  heard(worker: string, number: number): number {
    return Number(this.#statements.heard.run({ worker, number, now: Date.now() * 1000, changed: this.#lastChange() + 1 }).changes);
  }

  #request(tasks: readonly AskedTask[], kept: CancelRequest): void {
    const { request, withChildren, forget } = this.#statements;
    if (tasks.length === 0) return;
    forget.run(Date.now() - KEPT_MS);
    let changed = this.#lastChange();
    for (const { uuid, id, targets } of tasks) {
      const isFirst = request.run({ id, request: JSON.stringify(kept), changed: ++changed }).changes === 1;
      if (!isFirst && kept.children) withChildren.run(id);
      if (typeof targets === 'object') this.#add(uuid, workersOf(targets));
    }
  }

  #add(uuid: string, targets: readonly CancelTarget[]): void {
    for (const { workerId: worker, spanId: span } of targets) this.#statements.add.run({ worker, uuid, span, now: Date.now() });
  }

  /** Whether a task is to be cancelled. A request that it has from a task above it is kept with it. */
  #isRequested(uuid: string, begun: readonly ScopeState[]): boolean {
    const { kept, inherit } = this.#statements;
    if ((kept.get(uuid) as unknown as KeptRow).cancel !== null) return true;
    let above = begun.find(isAttempt)?.parentTaskUuid ?? null;
    for (let level = 0; level < DEEPEST && above !== null; level++) {
      const { cancel, parent } = (kept.get(above) as unknown as KeptRow | undefined) ?? { cancel: null, parent: null };
      const request = cancel === null ? undefined : (JSON.parse(cancel) as CancelRequest);
      if (request?.children === true) {
        inherit.run({ uuid, request: JSON.stringify({ ...request, heard: null }) });
        return true;
      }
      above = parent;
    }
    return false;
  }

  /** A task with the attempts that a request is for, or why there are none. */
  #asked(uuid: string): AskedTask | undefined {
    const row = this.#statements.task.get(uuid) as CancelledRow | undefined;
    if (row === undefined) return undefined;
    const attempts = attemptsOfJson(row.attempts);
    const of = SqliteScopes.of(row.id, attempts, row.span_count);
    const states = attempts.map(({ traceId, taskSpanId }) => this.#scopes.find(of, traceId, taskSpanId) as AttemptState);
    const announced = row.announced === null ? null : (JSON.parse(row.announced) as Announced);
    return { uuid, id: row.id, announced, targets: cancelTargets(states, { state: row.state, final: row.lost_heard !== null }) };
  }

  /** The task may have gone meanwhile, or have one attempt more. */
  #openIn(uuid: string, from: number): ReturnType<SqliteScopes['openIn']> {
    const row = this.#statements.task.get(uuid) as CancelledRow | undefined;
    return row === undefined ? { open: [], next: undefined } : this.#scopes.openIn(row.id, attemptsOfJson(row.attempts), from);
  }
}

/** The fact by which a queued task ends. */
function endInQueue({ uuid: taskUuid, targets, announced }: AskedTask): Fact | undefined {
  const last = announced?.last ?? undefined;
  if (targets !== 'queued' || last === undefined) return undefined;
  const span = { taskUuid, traceId: last.traceId, spanId: last.spanId, taskSpanId: '' };
  // An end counts only where it is later than those before, and the clock of the process that announced the task may be ahead.
  return { kind: 'announcement-end', span, seq: 1, time: Math.max(Date.now() * 1000, last.time), outcome: 'cancelled' };
}
