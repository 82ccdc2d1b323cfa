import { createHash } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { Attributes } from '@opentelemetry/api';
import type { BootTime, HeardWorker, Liveness, Silence } from '../../record/liveness.ts';
import { lostTrace } from '../../record/lost-trace.ts';
import type { LostTrace } from '../../record/lost-trace.ts';
import { isAttempt } from '../../record/scope-state.ts';
import type { ScopeState } from '../../record/scope-state.ts';
import { spanKey } from '../../record/span-map.ts';
import { NOT_ANNOUNCED } from '../../record/task-fold.ts';
import type { Announced } from '../../record/task-fold.ts';
import type { NotificationRecord } from '../../../src/task-record.ts';
import type { RunState } from '../../record/task-state.ts';
import { attemptsOfJson } from '../scope-row.ts';
import { decodeEntries, recentOffsets, RecentNotifications } from '../stored-log.ts';
import { startWritten } from '../measured-silence.ts';
import type { Beat } from '../task-store.ts';
import type { SqliteScopes } from './scopes.ts';

/** The columns that {@link livenessOf} needs. Those of the worker are `null` for a task that is not live. */
export interface LivenessColumns {
  lost_heard: number | null;
  beat: number | null;
  busy_since: number | null;
}

/** To be selected from `task LEFT JOIN worker ON worker.id = task.worker_id`. */
export const LIVENESS_COLUMNS = 'task.lost_heard, worker.beat, worker.busy_since';

/** What is known of a task's worker; `undefined` where no heartbeats are to come. */
export function livenessOf({ lost_heard: lostHeard, beat, busy_since: busySince }: LivenessColumns): Liveness | undefined {
  if (lostHeard !== null) return { heard: lostHeard, busySince: null, final: true };
  return beat === null ? undefined : { heard: beat, busySince, final: false };
}

/** The columns of {@link runStateValues}. */
export const RUN_STATE_COLUMNS = 'state, attempt, worker_id, parent, announced, queued_at, expires_at';

export function runStateValues(
  { state, attempt, workerId, parent }: RunState,
  announced: Announced,
): [string, string | null, string | null, string | null, string | null, number | null, number | null] {
  const last = state === 'queued' ? announced.last : null;
  const finalMs = last?.finalMs ?? null;
  return [
    state,
    attempt,
    workerId,
    parent,
    announced === NOT_ANNOUNCED ? null : JSON.stringify(announced),
    last !== null && finalMs === null ? last.time : null,
    // 0 is never.
    last !== null && finalMs !== null && finalMs > 0 ? Math.min(Math.floor(last.time + finalMs * 1000), Number.MAX_SAFE_INTEGER) : null,
  ];
}

interface LiveRow {
  id: string;
  interval_ms: number;
  beats: number;
  silent_ms: number;
  via: string | null;
  boot: string | null;
  boot_ms: number | null;
}

/** A worker without tasks is deleted after so long without a heartbeat. */
const KEPT_MICROS = 24 * 3600 * 1_000_000;
const MOST_STARTED = 1000;

/** The workers in a SQLite file, and what becomes of their tasks. Its calls are to be made inside a transaction. */
export class SqliteWorkers {
  readonly #statements;
  readonly #lastChange: () => number;
  /** Of which workers starts were written lately, and when, in milliseconds since the epoch. */
  readonly #startedAt = new Map<string, number>();
  /** Workers that were lost and have started a task in this transaction. */
  readonly #returned = new Set<string>();

  /** @param lastChange Gives the greatest change number: tasks that are lost or run again get numbers after it. */
  constructor(database: DatabaseSync, lastChange: () => number) {
    this.#lastChange = lastChange;
    // One row for each worker, found by skipping through the index from one to the next.
    const live = `WITH RECURSIVE live (id) AS (
        SELECT min(worker_id) FROM task WHERE worker_id IS NOT NULL
        UNION ALL
        SELECT (SELECT min(worker_id) FROM task WHERE worker_id > live.id) FROM live WHERE live.id IS NOT NULL
      )`;
    const numbered = (from: string): string =>
      `changed = :last + position FROM (SELECT id AS live, row_number() OVER (ORDER BY id) AS position FROM task
         WHERE worker_id = :id AND state = '${from}') WHERE id = live`;
    const stillLost = `state = 'lost' AND lost_at IS NULL AND :state = 'running' AND attempt IS :attempt`;
    this.#statements = {
      live: database.prepare(
        `${live} SELECT worker.id, interval_ms, beats, silent_ms, via, boot, boot_ms FROM live JOIN worker ON worker.id = live.id`,
      ),
      isLost: database.prepare('SELECT lost FROM worker WHERE id = ?'),
      beat: database.prepare(
        `INSERT INTO worker (id, host, pid, interval_ms, since, beat, beats, busy_since, silent_ms, lost, via, boot, boot_ms, resource)
         VALUES (:id, :host, :pid, :interval, :time, :time, 1, :busy, 0, 0, :via, :boot, :bootMs, :resource)
         ON CONFLICT DO UPDATE SET host = :host, pid = :pid, interval_ms = :interval, beat = :time, beats = beats + 1,
           via = :via, busy_since = :busy, silent_ms = 0, lost = 0, since = iif(lost, :time, since), boot = :boot, boot_ms = :bootMs,
           resource = ifnull(:resource, resource)`,
      ),
      start: database.prepare(
        `INSERT INTO worker (id, host, pid, interval_ms, since, beat, beats, silent_ms, lost, boot, boot_ms)
         VALUES (:id, '', 0, :interval, :time, :time, 1, 0, 0, :boot, :bootMs)
         ON CONFLICT DO UPDATE SET beat = :time, beats = beats + 1, silent_ms = 0, lost = 0, boot = :boot, boot_ms = :bootMs`,
      ),
      runAgain: database.prepare(`UPDATE task SET state = 'running', ${numbered('lost')}`),
      silent: database.prepare(
        `UPDATE worker SET silent_ms = max(silent_ms, :silent), lost = max(lost, :lost) WHERE id = :id AND beats = :beats`,
      ),
      lose: database.prepare(`UPDATE task SET state = 'lost', ${numbered('running')}`),
      loseForGood: database.prepare(
        `UPDATE task SET lost_heard = (SELECT beat FROM worker WHERE worker.id = :id), lost_at = :now, worker_id = NULL, trace_open = 1,
           ${numbered('lost')}`,
      ),
      runState: database.prepare(
        `UPDATE task SET announced = :announced, queued_at = :queuedAt, expires_at = :expiresAt, attempt = :attempt, parent = :parent,
           worker_id = iif(${stillLost}, worker_id, :worker), lost_heard = NULL, lost_at = NULL,
           state = iif(${stillLost}, state, :state)
         WHERE id = :id`,
      ),
      state: database.prepare('SELECT state FROM task WHERE id = ?'),
      lease: database.prepare(
        `INSERT INTO lease (name, holder, until) VALUES (:duty, :holder, :until)
         ON CONFLICT (name) DO UPDATE SET holder = :holder, until = :until
         WHERE holder = :holder OR until < :now OR until > 2 * :until - :now`,
      ),
      endLease: database.prepare('DELETE FROM lease WHERE name = ? AND holder = ?'),
      forget: database.prepare(
        `DELETE FROM worker WHERE beat < ? AND NOT EXISTS (SELECT 1 FROM task WHERE task.worker_id = worker.id)`,
      ),
      resource: database.prepare('INSERT INTO resource VALUES (?, ?) ON CONFLICT DO NOTHING'),
      forgetResources: database.prepare(
        'DELETE FROM resource WHERE hash NOT IN (SELECT resource FROM worker WHERE resource IS NOT NULL)',
      ),
    };
  }

  live(): HeardWorker[] {
    const rows = this.#statements.live.all() as unknown as LiveRow[];
    return rows.map(({ id, interval_ms, beats, silent_ms, via, boot, boot_ms }) => ({
      id,
      intervalMs: interval_ms,
      beats,
      silentMs: silent_ms,
      ...(via !== null && { via }),
      ...(boot !== null && { written: { boot, ms: boot_ms! } }),
    }));
  }

  /** @returns How many tasks run again. */
  beat(beats: readonly Beat[]): number {
    let changed = 0;
    let isNew = false;
    const resources = new Map<string, string>();
    for (const beat of beats) {
      const before = this.#statements.isLost.get(beat.workerId) as { lost: number } | undefined;
      isNew ||= before === undefined;
      this.#beat(beat, beat.resource === undefined ? null : this.#resource(beat.resource, resources));
      if (before?.lost === 1) changed += this.#runAgain(beat.workerId);
    }
    if (isNew) this.#forget(Math.min(...beats.map(({ time }) => time)) - KEPT_MICROS);
    return changed;
  }

  /**
   * Takes or keeps a duty. One that ends more than twice as late as it could be taken for now was taken before the clock
   * was set back: another holder may have it. Where the clock was set back by less, it ends that much later.
   */
  lease(duty: string, holder: string, forMs: number): boolean {
    const { lease, endLease } = this.#statements;
    const now = Date.now() * 1000;
    if (forMs <= 0) {
      endLease.run(duty, holder);
      return false;
    }
    const { changes } = lease.run({ duty, holder, now, until: now + forMs * 1000 });
    return Number(changes) === 1;
  }

  #beat({ workerId: id, host, pid, intervalMs: interval, time, busySince: busy, via, written }: Beat, resource: string | null): void {
    this.#statements.beat.run({ id, host, pid, interval, time, busy, via: via ?? null, resource, ...bootColumns(written) });
  }

  /** Stores a resource, and gives its hash. @param stored The hashes of those that this transaction has stored, by their JSON. */
  #resource(json: string, stored: Map<string, string>): string {
    let key = stored.get(json);
    if (key === undefined) {
      key = createHash('sha256').update(json).digest('base64url');
      this.#statements.resource.run(key, json);
      stored.set(json, key);
    }
    return key;
  }

  #forget(before: number): void {
    const { forget, forgetResources } = this.#statements;
    if (forget.run(before).changes > 0) forgetResources.run();
  }

  #runAgain(id: string): number {
    return Number(this.#statements.runAgain.run({ id, last: this.#lastChange() }).changes);
  }

  /** @returns How many tasks are lost now, or so for good. */
  silence(silences: readonly Silence[]): number {
    let changed = 0;
    const { silent, lose, loseForGood } = this.#statements;
    for (const { id, beats, silentMs, lost, final } of silences) {
      const { changes } = silent.run({ id, beats, silent: silentMs, lost: Number(lost) });
      if (changes === 0) continue;
      if (lost) this.#startedAt.delete(id);
      if (lost) changed += Number(lose.run({ id, last: this.#lastChange() }).changes);
      if (final) changed += Number(loseForGood.run({ id, last: this.#lastChange(), now: Date.now() * 1000 }).changes);
    }
    return changed;
  }

  /**
   * Keeps what a stored task lives by now. One that is lost stays so while its attempt is the same, until its worker is
   * heard; one that is lost for good is as its facts have it.
   */
  keep(task: number, runState: RunState, announced: Announced): void {
    const [state, attempt, worker, parent, json, queuedAt, expiresAt] = runStateValues(runState, announced);
    this.#statements.runState.run({ id: task, state, attempt, worker, parent, announced: json, queuedAt, expiresAt });
    this.started(task, runState);
  }

  /** Counts the commit of an attempt's start as a heartbeat of its worker. {@link runAgain} is to be called after all commits. */
  started(task: number, { workerId: id, intervalMs: interval }: RunState): void {
    if (id === null) return;
    const { isLost, start, state } = this.#statements;
    // Of many starts within a moment one is enough: a row more is a page more to write.
    const now = Date.now();
    const passed = now - (this.#startedAt.get(id) ?? -Infinity);
    if (passed >= 0 && passed < interval / 10) return;
    if ((isLost.get(id) as { lost: number } | undefined)?.lost === 1) {
      if ((state.get(task) as { state: string }).state === 'lost') return;
      this.#returned.add(id);
    }
    start.run({ id, interval, time: now * 1000, ...bootColumns(startWritten(id)) });
    if (this.#startedAt.size >= MOST_STARTED) this.#startedAt.clear();
    this.#startedAt.set(id, now);
  }

  /** Runs the tasks again that were lost with a worker which has started another one. */
  runAgain(): void {
    for (const id of this.#returned) this.#runAgain(id);
    this.#returned.clear();
  }

  /** What was begun in a transaction that failed has not been written. */
  rolledBack(): void {
    this.#startedAt.clear();
    this.#returned.clear();
  }
}

function bootColumns(written: BootTime | undefined): { boot: string | null; bootMs: number | null } {
  return written === undefined ? { boot: null, bootMs: null } : { boot: written.boot, bootMs: Math.floor(written.ms) };
}

/** Of how many tasks at once. */
const MOST_TASKS = 10;
/** How many rows of a task's log are read for the last notifications of its open scopes. */
const MOST_ROWS = 100;

interface LostRow {
  id: number;
  uuid: string;
  name: string;
  attempt: string;
  attempts: string;
  updated: number;
  lost_heard: number;
}

/** The tasks that are lost for good and have spans that are to be ended: those with `trace_open`. */
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
      resource: database.prepare('SELECT json FROM worker JOIN resource ON hash = worker.resource WHERE id = ?'),
      row: database.prepare('SELECT text, entries FROM journal WHERE task_id = ? AND offset = ?'),
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

  #traceOf(row: LostRow): LostTrace {
    const { id, uuid: taskUuid, name: taskName, attempt: key, attempts, updated, lost_heard: heard } = row;
    const scopes = this.#scopes.open(id, attemptsOfJson(attempts));
    const attempt = scopes.filter(isAttempt).find(({ traceId, spanId }) => spanKey(traceId, spanId) === key);
    if (attempt === undefined) return { taskUuid, resource: {}, spans: [] };
    const { json } = (this.#statements.resource.get(attempt.workerId) ?? { json: '{}' }) as { json: string };
    const task = { taskUuid, taskName, attempt, heard, updated, resource: JSON.parse(json) as Attributes };
    return lostTrace(task, scopes, this.#messages(row, scopes));
  }

  /** The last notifications of the open scopes, by their numbers. */
  #messages({ id }: LostRow, open: readonly ScopeState[]): ReadonlyMap<number, NotificationRecord[]> {
    const recent = new RecentNotifications();
    for (const offset of recentOffsets(open).slice(-MOST_ROWS)) {
      const row = this.#statements.row.get(id, offset) as { text: string; entries: Uint8Array } | undefined;
      if (row !== undefined) recent.add({ text: row.text, entries: decodeEntries(row.entries) });
    }
    return recent.close();
  }
}
