import type { Fact } from '../../src/fact.ts';
import { childSharesOf, CommitBatch } from '../record/commit.ts';
import type { ChildShare, TaskCommit } from '../record/commit.ts';
import type { HeardWorker, Silence } from '../record/liveness.ts';
import { lostTrace } from '../record/lost-trace.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import { startedParts } from '../record/needed-spans.ts';
import { parsedRecord } from '../record/record-json.ts';
import { scopeTree } from '../record/scope-tree.ts';
import type { SpanIds } from '../record/span-map.ts';
import { latestAttempt, TaskFold } from '../record/task-fold.ts';
import { taskName, cancelTargets, workersOf, workersOfParts } from '../record/task-life.ts';
import type { CancelTarget } from '../record/task-life.ts';
import type { TaskState, TaskSummary } from '../record/task-record.ts';
import { byTask } from './by-task.ts';
import { CommitWatch } from './commit-watch.ts';
import { cutLog } from './log-range.ts';
import type { LogPiece } from './log-range.ts';
import { MemoryWorkers } from './memory-workers.ts';
import type { LivingTask } from './memory-workers.ts';
import { RecentNotifications } from './recent-notifications.ts';
import type { JournalRow } from './recent-notifications.ts';
import { takesUnstarted } from './retention.ts';
import type { RetentionRule } from './retention.ts';
import { cursorOf, placeOf } from './task-cursor.ts';
import type {
  Beat,
  CancelAnswer,
  Cancellation,
  ChangeQuery,
  LogRange,
  StoredLog,
  StoredScopes,
  StoredTask,
  SweepStep,
  TaskChanges,
  TaskPage,
  TaskQuery,
  TaskStore,
} from './task-store.ts';

/** A store in memory, for tests: it keeps all, and only as long as the process lives. */
export function memoryStore(): TaskStore {
  return new MemoryStore();
}

interface MemoryTask extends LivingTask {
  /** Its number in the order of first commits. */
  readonly place: number;
  fold: TaskFold;
  stored: Omit<StoredTask, 'state' | 'liveness'>;
  journal: (JournalRow & LogPiece & { version: number })[];
  change: number;
}

class MemoryStore implements TaskStore {
  /** In the order of their first commits. */
  readonly #tasks = new Map<string, MemoryTask>();
  readonly #watch = new CommitWatch();
  #lastChange = 0;
  #revision = 0;
  #cancellations: (Cancellation & { workerId: string })[] = [];
  #lastCancellation = 0;
  readonly #workers = new MemoryWorkers<MemoryTask>(
    () => this.#tasks.values(),
    (task) => {
      task.change = ++this.#lastChange;
      this.#watch.committed();
    },
  );
  #places = 0;

  append(facts: readonly Fact[]): Promise<void> {
    this.#revision++;
    const batch = new CommitBatch();
    const folds = new Map<string, TaskFold>();
    for (const [uuid, own] of byTask(facts)) {
      const fold = this.#tasks.get(uuid)?.fold ?? new TaskFold(uuid);
      folds.set(uuid, fold);
      batch.fold(fold, own, this.#sharesOfChildren(uuid, startedParts(own)));
    }
    for (let shares = batch.takeGrownShares(); shares.size > 0; shares = batch.takeGrownShares()) {
      for (const [uuid, own] of shares) {
        const fold = folds.get(uuid) ?? this.#tasks.get(uuid)?.fold;
        if (fold !== undefined) batch.foldChildShares(fold, own);
      }
    }
    const commits = batch.commits();
    batch.keep();
    for (const commit of commits) this.#keep(commit.task.uuid, this.#tasks.get(commit.task.uuid), commit);
    this.#watch.committed();
    return Promise.resolve();
  }

  task(uuid: string): Promise<TaskSummary | undefined> {
    const task = this.#found(uuid);
    return Promise.resolve(task && parsedRecord(task));
  }

  stored(uuid: string): Promise<StoredTask | undefined> {
    return Promise.resolve(this.#found(uuid));
  }

  revision(): number {
    return this.#revision;
  }

  log(uuid: string, range?: LogRange): Promise<StoredLog | undefined> {
    const task = this.#tasks.get(uuid);
    if (task === undefined) return Promise.resolve(undefined);
    const { version, logBytes } = task.stored;
    const { afterVersion } = range ?? {};
    const later = afterVersion !== undefined && task.journal.find((row) => row.version > afterVersion);
    const from = later === false ? range?.from : (later?.offset ?? logBytes);
    const resolved = from === undefined ? range : { ...range, from };
    return Promise.resolve({ ...cutLog(task.journal, resolved, logBytes), version, logBytes });
  }

  scopes(uuid: string): Promise<StoredScopes | undefined> {
    const task = this.#tasks.get(uuid);
    if (task === undefined) return Promise.resolve(undefined);
    const recent = new RecentNotifications();
    for (const row of task.journal) recent.add(row);
    return Promise.resolve({
      version: task.stored.version,
      attempts: scopeTree(task.fold.scopes, recent.close()),
    });
  }

  tasks({ limit, cursor, state }: TaskQuery): Promise<TaskPage> {
    let before: number;
    try {
      before = cursor === undefined ? Infinity : placeOf(cursor);
    } catch (error) {
      return Promise.reject(error);
    }
    const found = [...this.#tasks.values()]
      .filter((task) => task.place < before && (state === undefined || task.state === state))
      .toReversed();
    const page = found.slice(0, limit);
    return Promise.resolve({
      tasks: page.map((task) => this.#stored(task)),
      ...(found.length > page.length && { next: cursorOf(page.at(-1)!.place) }),
    });
  }

  changes({ after = Infinity, limit }: ChangeQuery): Promise<TaskChanges> {
    const later = [...this.#tasks.values()].filter(({ change }) => change > after);
    return Promise.resolve({
      changes: later
        .toSorted((one, other) => one.change - other.change)
        .slice(0, limit)
        .map((task) => ({ change: task.change, task: this.#stored(task) })),
      last: this.#lastChange,
    });
  }

  watch(listener: () => void): () => void {
    return this.#watch.add(listener);
  }

  cancel(uuid: string): Promise<CancelAnswer | undefined> {
    const task = this.#tasks.get(uuid);
    if (task === undefined) return Promise.resolve(undefined);
    const attempts = cancelTargets(task.fold.attempts, { state: task.state, final: task.lostHeard !== null });
    if (typeof attempts === 'string') return Promise.resolve(attempts);
    for (const target of [...workersOf(attempts), ...workersOfParts(attempts, task.fold.scopes)]) {
      if (!this.#cancellations.some((known) => isFor(known, uuid, target))) this.#ask(uuid, target);
    }
    return Promise.resolve('requested');
  }

  cancellations(worker: string, after: number): Promise<Cancellation[]> {
    const found = this.#cancellations.filter(({ workerId, number }) => workerId === worker && number > after);
    return Promise.resolve(found.map(({ number, taskUuid, spanId }) => ({ number, taskUuid, spanId })));
  }

  beat(beat: Beat): Promise<void> {
    this.#revision++;
    return Promise.resolve(this.#workers.beat(beat));
  }

  workers(): Promise<HeardWorker[]> {
    return Promise.resolve(this.#workers.live());
  }

  silence(silences: readonly Silence[]): Promise<void> {
    this.#revision++;
    return Promise.resolve(this.#workers.silence(silences));
  }

  lostTraces(): Promise<LostTrace[]> {
    const traces: LostTrace[] = [];
    for (const { fold, traceOpen, lostHeard: heard } of this.#tasks.values()) {
      const attempt = latestAttempt(fold);
      if (!traceOpen || heard === null || attempt === undefined) continue;
      traces.push(lostTrace({ taskUuid: fold.uuid, taskName: taskName(fold), attempt, heard, updated: fold.updated }, fold.scopes));
    }
    return Promise.resolve(traces);
  }

  tracesEnded(taskUuids: readonly string[]): Promise<void> {
    for (const uuid of taskUuids) {
      const task = this.#tasks.get(uuid);
      if (task !== undefined) task.traceOpen = false;
    }
    return Promise.resolve();
  }

  countByState(): Promise<Partial<Record<TaskState, number>>> {
    const counts: Partial<Record<TaskState, number>> = {};
    for (const task of this.#tasks.values()) {
      const { state } = this.#stored(task);
      counts[state] = (counts[state] ?? 0) + 1;
    }
    return Promise.resolve(counts);
  }

  /** All of it in one step. */
  sweep(rules: readonly RetentionRule[]): Promise<SweepStep> {
    this.#revision++;
    for (const { states, before, keep } of rules) {
      const ended = [...this.#tasks.values()]
        .filter((task) => states.some((state) => state === task.state) && (task.state !== 'lost' || task.lostAt !== null))
        .toSorted((one, other) => endedAt(one) - endedAt(other) || one.place - other.place);
      const due = ended.slice(0, keep === 0 ? ended.length : Math.max(0, ended.length - keep));
      if (takesUnstarted({ states, keep })) due.push(...[...this.#tasks.values()].filter(isUnstarted));
      for (const task of due) {
        if (endedAt(task) >= before) continue;
        const { uuid } = task.fold;
        this.#tasks.delete(uuid);
        this.#cancellations = this.#cancellations.filter(({ taskUuid }) => taskUuid !== uuid);
      }
    }
    return Promise.resolve('done');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #keep(uuid: string, known: MemoryTask | undefined, commit: TaskCommit): void {
    const { version, rows, begunParts, summary, life, task: { of: fold } } = commit;
    const stored = { uuid, summary, version, logBytes: fold.logBytes };
    const task: MemoryTask =
      known ?? { place: this.#places++, fold, stored, journal: [], change: 0, state: 'running', attempt: null, workerId: null, lostHeard: null, lostAt: null, traceOpen: false };
    task.stored = stored;
    task.change = ++this.#lastChange;
    for (const { partWorkerId: workerId, taskSpanId: spanId } of begunParts) {
      if (this.#cancellations.some((asked) => asked.spanId === spanId && asked.taskUuid === uuid)) this.#ask(uuid, { workerId, spanId });
    }
    task.journal.push(...rows.map((row) => ({ ...row, version })));
    if (known === undefined) this.#tasks.set(uuid, task);
    if (life !== undefined) this.#workers.keep(task, life);
  }

  /** With a new number, whether it was asked before or not. */
  #ask(taskUuid: string, target: CancelTarget): void {
    this.#cancellations = this.#cancellations.filter((known) => !isFor(known, taskUuid, target));
    this.#cancellations.push({ number: ++this.#lastCancellation, taskUuid, ...target });
  }

  #sharesOfChildren(uuid: string, scopes: readonly SpanIds[]): ChildShare[] {
    const shares = [...this.#tasks.values()].flatMap(({ fold }) => childSharesOf(fold));
    return shares.filter((share) => share.parentTaskUuid === uuid && scopes.some(({ traceId, spanId }) => share.traceId === traceId && share.spanId === spanId));
  }

  #found(uuid: string): StoredTask | undefined {
    const task = this.#tasks.get(uuid);
    return task && this.#stored(task);
  }

  #stored(task: MemoryTask): StoredTask {
    const liveness = this.#workers.livenessOf(task);
    return { ...task.stored, state: task.state, ...(liveness !== undefined && { liveness }) };
  }
}

/** Whether facts of an attempt have come, but no start of any. */
function isUnstarted({ state, fold }: MemoryTask): boolean {
  return state === 'running' && fold.attempts.every(({ start }) => start === null);
}

function isFor(known: Cancellation & { workerId: string }, taskUuid: string, { workerId, spanId }: CancelTarget): boolean {
  return known.taskUuid === taskUuid && known.spanId === spanId && known.workerId === workerId;
}

function endedAt({ lostAt, fold }: MemoryTask): number {
  return lostAt ?? fold.updated;
}
