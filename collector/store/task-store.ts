import type { Fact } from '../../src/fact.ts';
import type { HeardWorker, Liveness, Silence } from '../record/liveness.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import type { AttemptRecord, TaskState, TaskSummary } from '../record/task-record.ts';
import type { RetentionRule } from './retention.ts';

/**
 * Keeps records and logs. One contract test (`test/collector/store/task-store-contract.ts`)
 * holds every backend to it.
 *
 * A read sees whole commits only. Bytes are those of UTF-8.
 */
export interface TaskStore {
  /**
   * Commits facts, of any tasks and in any order, in one transaction. What the store has seen
   * before changes nothing; a task to which nothing new came gets no new version.
   *
   * Resolves when the facts are durable, rejects when none of them is: with a `TaskStoreError` of
   * code `REFUSED` where another try can't succeed because of one of these facts. A backend that can do it
   * without waiting has done it before it returns. Without facts it says whether the store can be
   * written.
   */
  append(facts: readonly Fact[]): Promise<void>;

  /**
   * The record of a task, parsed, as `GET /tasks/:uuid` serves it, but without its log: {@link log} reads that.
   * Whether the worker is alive is in it. `undefined` for an unknown task.
   */
  task(uuid: string): Promise<TaskSummary | undefined>;

  /** The task as it is kept, so that it is served without being parsed; `undefined` for an unknown one. */
  stored(uuid: string): Promise<StoredTask | undefined>;

  /**
   * A number that is another one whenever a read may give something else than before, whoever wrote;
   * `undefined` where that can not be told at once. Throws where the store can't be read.
   */
  revision(look: RevisionLook): number | undefined;

  /** A part of the log; `undefined` for an unknown task. */
  log(uuid: string, range?: LogRange): Promise<StoredLog | undefined>;

  /** The attempts with their scopes, first to last; `undefined` for an unknown task. */
  scopes(uuid: string): Promise<StoredScopes | undefined>;

  /** Tasks, newest first by their first commit. */
  tasks(query: TaskQuery): Promise<TaskPage>;

  /** How many tasks are in each state; a state of none may be absent. */
  countByState(): Promise<Partial<Record<TaskState, number>>>;

  /**
   * Tasks that were committed after a change number, each once with its latest, in the order of those
   * numbers. Every commit of a task gives it a number greater than all before in this store.
   */
  changes(query: ChangeQuery): Promise<TaskChanges>;

  /**
   * Calls the listener soon after each commit, whichever process made it, until the function that
   * it gives is called. Several commits may be one call, and a call may come for nothing. The
   * listener does no work of its own and never throws. Holds no process.
   */
  watch(listener: () => void): () => void;

  /**
   * Asks the worker of each open attempt of a task to cancel it, and those of its parts in other processes, also of
   * parts that begin later; `undefined` for an unknown task. It is no commit: the task's version stays. Asked again,
   * it changes nothing.
   */
  cancel(uuid: string): Promise<CancelAnswer | undefined>;

  /**
   * The cancellations asked of a worker, oldest first.
   *
   * @param after `number` of the last one known, 0 for all.
   */
  cancellations(workerId: string, after: number): Promise<Cancellation[]>;

  /** Takes a worker's sign of life. It is no commit; tasks that were lost with the worker, but not for good, run again. */
  beat(beat: Beat): Promise<void>;

  /** The workers that have live tasks: begun, not ended and not lost for good, with beats to come. */
  workers(): Promise<HeardWorker[]>;

  /**
   * Takes what a listener says of silent workers. Their tasks are lost where it says so: those of
   * one that was heard meanwhile are not.
   */
  silence(silences: readonly Silence[]): Promise<void>;

  /**
   * The open spans of some tasks that are lost for good, each task until {@link tracesEnded} names it.
   * For half a minute they are the caller's alone: another one on the same store gets none.
   */
  lostTraces(): Promise<LostTrace[]>;

  /** Says that these tasks' open spans have been ended where traces are kept. */
  tracesEnded(taskUuids: readonly string[]): Promise<void>;

  /**
   * Deletes a little of what the rules let go, in one short transaction or a few, so that nobody
   * who writes waits for long. Only ended tasks are deleted, the ones with the oldest latest facts
   * first; each is there as a whole until it is gone as a whole.
   */
  sweep(rules: readonly RetentionRule[]): Promise<SweepStep>;

  /** Closes what the store holds open. No other call may follow. */
  close(): Promise<void>;
}

/** The names of all methods of a {@link TaskStore}. */
export const STORE_METHODS: readonly (keyof TaskStore)[] = [
  'append', 'task', 'stored', 'revision', 'log', 'scopes', 'tasks', 'changes', 'watch', 'cancel', 'cancellations', 'beat', 'workers', 'silence',
  'lostTraces', 'tracesEnded', 'countByState', 'sweep', 'close',
];

/** Whether a value has what a {@link TaskStore} has. */
export function isTaskStore(value: unknown): value is TaskStore {
  const store = value as Partial<TaskStore> | null | undefined;
  return typeof store === 'object' && store !== null && STORE_METHODS.every((method) => typeof store[method] === 'function');
}

/**
 * How up to date a {@link TaskStore.revision} is: of `now`, or of some moment of this `turn` of the
 * event loop, for those who were waiting when it began. What this store itself wrote it has in any case.
 */
export type RevisionLook = 'now' | 'turn';

/**
 * How a step of {@link TaskStore.sweep} went: there is `more` to do, all is `done`, or somebody
 * `elsewhere` (another process on the same store) is at it.
 */
export type SweepStep = 'more' | 'done' | 'elsewhere';

/** A task as a store keeps it. `summary` alone is not the record: what depends on the worker stands beside it. */
export interface StoredTask {
  uuid: string;
  /** JSON text of the record without `log` and all that follows `cancellable`. `recordJson` makes it whole. */
  summary: string;
  /** As its facts have it, or `lost` where they have it running and its worker has fallen silent. */
  state: TaskState;
  /** Absent where no sign of life is to come. */
  liveness?: Liveness;
  version: number;
  /** Length of the whole log in bytes. */
  logBytes: number;
}

/** What became of a request to cancel a task. */
export type CancelAnswer =
  /** Its worker will hear of it within a second, if its event loop runs. */
  | 'requested'
  /** No worker has taken it yet: there is nobody to ask. */
  | 'queued'
  /** It has ended, or is lost for good. */
  | 'ended'
  /** Its worker does not listen. */
  | 'not-cancellable'
  /** Its worker is lost: when it is heard again, it can be asked again. */
  | 'lost';

/** A request to cancel one attempt, or what a worker has of its parts. */
export interface Cancellation {
  /** Grows from one to the next. */
  number: number;
  taskUuid: string;
  /** Span id of the attempt's task span. */
  spanId: string;
}

/** A worker's sign of life. */
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
  /** By which way it came, where it came by one that can fail for many workers at once: a Collector's address. */
  path?: string;
}

export interface LogRange {
  /** First byte, from 0; a negative one counts from the end. Default 0. */
  from?: number;
  /** Instead of `from`: the byte at which the log of this version ended, so that what came after it is read. */
  afterVersion?: number;
  /** How many bytes at the most. Default: to the end. */
  limit?: number;
}

export interface StoredLog {
  /** Where `text` begins: `from`, moved forward to the beginning of a line if `from` was negative. */
  offset: number;
  text: string;
  /** Version of the task to which the text belongs. */
  version: number;
  /** Length of the whole log in bytes. */
  logBytes: number;
}

export interface StoredScopes {
  /** Version of the task to which they belong. */
  version: number;
  /** First to last. */
  attempts: AttemptRecord[];
}

export interface TaskQuery {
  /** How many at the most, from 1. */
  limit: number;
  /** `next` of the page before. */
  cursor?: string;
  /** Only tasks in this state. */
  state?: TaskState;
}

export interface TaskPage {
  tasks: StoredTask[];
  /** Cursor of the next page; absent on the last one. */
  next?: string;
}

export interface ChangeQuery {
  /** Change number after which to begin; absent: no tasks, only where the changes are now. */
  after?: number;
  /** How many tasks at the most, from 1. */
  limit: number;
}

export interface TaskChanges {
  changes: { change: number; task: StoredTask }[];
  /** The greatest change number of the store, 0 if it never had a task. */
  last: number;
}
