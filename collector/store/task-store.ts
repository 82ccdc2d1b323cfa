import type { Fact } from '../../src/fact.ts';
import type { CancelAnswer, CancelOptions } from '../record/cancel-request.ts';
import type { RefusedFact } from '../record/commit.ts';
import type { BootTime, HeardWorker, Silence } from '../record/liveness.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import type { RetentionRule } from './retention.ts';
import type { TaskReads } from './task-reads.ts';

/** What reads are asked and what they answer is a part of the interface. */
export * from './task-reads.ts';

/**
 * Keeps records and logs. The tests that run over each backend (`PLACES` in `test/collector/store/stored-task.ts`) hold it
 * to this: first of all `test/collector/store/task-store-contract.ts`, and those of liveness, retention and lost traces.
 *
 * A store connects at its first call, and again after it was cut off, so each call may reject with a `TaskStoreError`:
 * `UNAVAILABLE`, `FOREIGN`, `NEWER_SCHEMA` and so on. A read sees whole commits only. Bytes are those of UTF-8.
 */
export interface TaskStore extends FactStore, TaskReads, WorkerStore, StoreMaintenance {}

/** Takes facts. */
export interface FactStore {
  /**
   * Stores facts, of any tasks and in any order. It is idempotent: a fact that the store has seen before changes
   * nothing, and a task to which nothing new came gets no new version. So it may be repeated at any time.
   *
   * Resolves when all facts are durable, but for those that a task has no room for, with which it resolves. It may commit
   * them in batches: a rejection does not show which batches are stored. It rejects with a `TaskStoreError` of code
   * `REFUSED` where another try can't succeed because of one of these facts. Without facts it finds out whether the store
   * can be written: after a write that failed, by a write of some length.
   */
  append(facts: readonly Fact[]): Promise<readonly RefusedFact[] | void>;
}

/** What workers, and those that watch over them, keep in a store. */
export interface WorkerStore {
  /**
   * Stores heartbeats, of many workers in one call. They are no commits; tasks that were lost with such a worker, but
   * not for good, run again.
   */
  beat(beats: readonly Beat[]): Promise<void>;

  /** The workers that have live tasks: begun, not ended and not lost for good, with heartbeats to come. */
  workers(): Promise<HeardWorker[]>;

  /**
   * Stores what a listener has found about silent workers. Their tasks become lost where it has found that, but not
   * those of a worker whose heartbeat came meanwhile.
   */
  silence(silences: readonly Silence[]): Promise<void>;

  /**
   * Takes a duty, such as deleting old tasks, or keeps it: at any time one holder has it. Resolves to whether it is
   * this holder's for so long; another holder can take it afterwards.
   *
   * @param duty Name of the duty.
   * @param holder A text that no other holder uses.
   * @param forMs Milliseconds from now; 0 gives the duty up.
   */
  lease(duty: string, holder: string, forMs: number): Promise<boolean>;

  /**
   * Requests that a task is cancelled; `undefined` for an unknown one. The request goes to the worker of each open attempt
   * and of its parts in other processes, and stays with the task, for those that begin later. A queued task ends. Child
   * tasks are asked too. It is no commit: the task's version stays, though `changes` has the task. The first request for
   * a task counts: asked again, it reaches those that it has not reached yet.
   */
  cancel(uuid: string, options?: CancelOptions): Promise<CancelAnswer | undefined>;

  /**
   * The cancellations asked of a worker, oldest first.
   *
   * @param after `number` of the last one known, 0 for all.
   */
  cancellations(workerId: string, after: number): Promise<Cancellation[]>;

  /** Stores that code of the task has received a cancellation, by the number that its worker has. */
  cancellationHeard(workerId: string, number: number): Promise<void>;
}

/** Keeps the store itself in order. */
export interface StoreMaintenance {
  /** Connects now; rejects with why that is not possible. */
  open(): Promise<void>;

  /** Closes what the store holds open. Each later call rejects. */
  close(): Promise<void>;

  /**
   * Deletes a little of what the rules let go, in one short transaction or a few, so that no writer waits for long.
   * Only ended tasks are deleted, the ones with the oldest latest facts first; each is there as a whole until it is
   * gone as a whole. The caller holds a {@link WorkerStore.lease}.
   *
   * @returns Whether there is `more` to do.
   */
  sweep(rules: readonly RetentionRule[]): Promise<SweepStep>;

  /**
   * Some queued tasks whose time was over before `now`: that of their announcement, or `queuedFinalMs` after it; 0 is
   * never. Times are microseconds.
   */
  overdue(now: number, queuedFinalMs: number): Promise<OverdueTask[]>;

  /**
   * Stores some tasks as lost for good that promise no heartbeats, and had their latest commit before a time of the store's
   * own clock, in microseconds. A new fact makes such a task run again.
   *
   * @returns Whether there are `more`.
   */
  loseQuiet(before: number): Promise<SweepStep>;

  /** When the store has committed last, in microseconds by its own clock; `undefined` for an empty one. */
  lastCommit(): Promise<number | undefined>;

  /**
   * Deletes a task that has ended, with all that belongs to it. For a day facts of it do not bring it back, unless it is
   * announced or begins again after the deletion; the changes have it as one that is not there.
   *
   * @returns What became of it; `undefined` for an unknown task.
   */
  delete(uuid: string): Promise<DeleteAnswer | undefined>;

  /** The open spans of some tasks that are lost for good, each task until {@link tracesEnded} names it. */
  lostTraces(): Promise<LostTrace[]>;

  /** Stores that these tasks' open spans have been ended where traces are kept. */
  tracesEnded(taskUuids: readonly string[]): Promise<void>;
}

/** What a store in SQLite does besides: it needs no turn of the event loop to write. */
export interface SqliteTaskStore extends TaskStore {
  /** Whether it has no file, so that no other thread or process can open it. */
  readonly isInMemory: boolean;

  /** Stores facts before it returns, as at the exit of a process; throws what {@link FactStore.append} rejects with. */
  appendNow(facts: readonly Fact[]): readonly RefusedFact[] | void;

  /** What its checkpoints have cost so far. */
  readonly checkpoints: Checkpoints;

  /**
   * Calls the listener each time that the store's file was replaced, or deleted and made again: facts that were
   * stored before may be missing. The returned function ends it.
   */
  onReplaced(listener: () => void): () => void;
}

/** Commits with which SQLite has written its write-ahead log into the database. */
export interface Checkpoints {
  readonly count: number;
  /** Time of all of them and of the longest one, and their CPU time, in milliseconds. */
  readonly ms: number;
  readonly longestMs: number;
  readonly cpuMs: number;
}

/** The names of all methods of a {@link TaskStore}. */
export const STORE_METHODS: readonly (keyof TaskStore)[] = [
  'append', 'stored', 'storedMany', 'task', 'tasks', 'log', 'logEntries', 'find', 'scopes', 'scopesOf', 'scopeChanges', 'changes', 'counts', 'watch', 'beat', 'workers', 'silence',
  'lease', 'cancel', 'cancellations', 'cancellationHeard', 'open', 'close', 'sweep', 'overdue', 'loseQuiet', 'lastCommit', 'delete', 'lostTraces',
  'tracesEnded',
];

/** Whether a value has what a {@link TaskStore} has. */
export function isTaskStore(value: unknown): value is TaskStore {
  const store = value as Partial<TaskStore> | null | undefined;
  return typeof store === 'object' && store !== null && STORE_METHODS.every((method) => typeof store[method] === 'function');
}

/** Whether a store is one in SQLite. */
export function isSqliteStore(store: object): store is SqliteTaskStore {
  return 'appendNow' in store;
}

/** What became of a request to delete a task: a task that has not ended is not deleted, and its state is the answer. */
export type DeleteAnswer = 'deleted' | 'queued' | 'running' | 'lost';

/** A queued task whose time is over, with the span of its announcement. */
export interface OverdueTask {
  readonly taskUuid: string;
  readonly traceId: string;
  readonly spanId: string;
  /** When it was over, in microseconds. */
  readonly time: number;
}

/** How a step of {@link StoreMaintenance.sweep} went. */
export type SweepStep = 'more' | 'done';

/** A request to cancel one attempt, or what a worker has of its parts. */
export interface Cancellation {
  /** Grows from one to the next, also where another file has replaced the store's. */
  number: number;
  taskUuid: string;
  /** Span id of the attempt's task span. */
  spanId: string;
  /** Name of the requester and the reason, as far as the request has them. */
  by?: string;
  reason?: string;
}

/** A worker's heartbeat. */
export interface Beat {
  /** A UUID, one for each process. */
  workerId: string;
  host: string;
  pid: number;
  /** Milliseconds until the next one. */
  intervalMs: number;
  /** Microseconds since the epoch. */
  time: number;
  /** Since when the event loop of its tasks has been blocked, in the same; `null` if it is not. */
  busySince: number | null;
  /** The relay by which it came, where it came by one that serves many workers: the address of a Collector. */
  via?: string;
  /** The attributes of the worker's resource as JSON, by `resourceJson`. */
  resource?: string;
  /** The instant on this machine's clock; only from the worker's own process, where the system has such a clock. */
  written?: BootTime;
}

/** Why a store can't be used, or used for this. */
export type TaskStoreErrorCode =
  /** It can't be opened, read or written: a missing folder, no permission, no server. */
  | 'UNAVAILABLE'
  /** It is a database of something else, or no database at all. It was not touched. */
  | 'FOREIGN'
  /** The database is damaged. It is not written any more. */
  | 'CORRUPT'
  /** Its file was deleted or replaced while it was open. The store opens it again a second later. */
  | 'GONE'
  /** It can never take these very facts; other facts it may take. */
  | 'REFUSED'
  /** A later version of taskspan has written it. It was not touched. */
  | 'NEWER_SCHEMA';

/** What a store can't do; `message` is one line. */
export class TaskStoreError extends Error {
  override readonly name = 'TaskStoreError';
  readonly code: TaskStoreErrorCode;

  constructor(code: TaskStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether it is a {@link TaskStoreError} of this code. Its class may be that of another copy of this package. */
export function isTaskStoreError(error: unknown, code: TaskStoreErrorCode): error is TaskStoreError {
  const { name, code: found } = (error ?? {}) as Partial<TaskStoreError>;
  return name === 'TaskStoreError' && found === code;
}
