import type { Attributes } from '@opentelemetry/api';
import type { Fact } from '../../src/fact.ts';
import type { CancelAnswer, CancelOptions, CancelRequest } from '../record/cancel-request.ts';
import type { RefusedFact } from '../record/commit.ts';
import type { BootTime, HeardWorker, Liveness, Silence } from '../record/liveness.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import type { TaskFilter } from '../../src/task-filter.ts';
import type { AttemptRecord, ScopeLine, ScopeNode, TaskState, TaskSummary } from '../../src/task-record.ts';
import type { LogEntryKind } from '../../src/task-stream.ts';
import type { RetentionRule } from './retention.ts';

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

/** Reads tasks. */
export interface TaskReads {
  /** The task as it is kept, so that it is served without being parsed; `undefined` for an unknown one. */
  stored(uuid: string): Promise<StoredTask | undefined>;

  /**
   * The same for many tasks in one read: an entry for each UUID, in their order. Where the entries together would be
   * longer than {@link PAGE_BYTES}, only those of the first UUIDs, at least one.
   */
  storedMany(uuids: readonly string[], form?: TaskForm): Promise<(StoredTask | undefined)[]>;

  /**
   * The record of a task, parsed, as `GET /tasks/:uuid` serves it, but without its log: {@link log} reads that.
   * Whether the worker is alive is in it. `undefined` for an unknown task.
   */
  task(uuid: string): Promise<TaskSummary | undefined>;

  /**
   * Tasks in the form of a list, newest first by their first commit. A page ends with its `limit` of tasks, or before it
   * would be longer than {@link PAGE_BYTES}, or where the store has looked at as many tasks as it looks at for one page:
   * such a page may have no task, and has `next` and `searchedTo`. Rejects with a `RangeError` for a cursor that no page
   * gave.
   */
  tasks(query: TaskQuery): Promise<TaskPage>;

  /** A part of the log; `undefined` for an unknown task. */
  log(uuid: string, range?: LogRange): Promise<StoredLog | undefined>;

  /**
   * The entries of a part of the log, each whole, and at least one unless the log ends before `from`; `undefined` for an
   * unknown task.
   */
  logEntries(uuid: string, range: EntryRange): Promise<StoredEntries | undefined>;

  /**
   * Where a text stands in the log, literally and without regard to case; `undefined` for an unknown task. One call looks
   * through a bounded part of the log: the next one goes on `after` its `lookedTo`. Rejects with a `RangeError` for a
   * text that is empty, too long or of more than one line.
   */
  find(uuid: string, query: FindQuery): Promise<FoundLines | undefined>;

  /** The attempts with their scopes, first to last; `undefined` for an unknown task. */
  scopes(uuid: string): Promise<StoredScopes | undefined>;

  /**
   * Scopes as lines, as many as asked for, whatever the task has: those inside a scope or attempt, or without `of` the
   * attempts, each with some of what is inside it. Failed and running ones come first; a scope that is left out is
   * counted in the `steps`, `failed` and `running` of those around it. `undefined` for an unknown task. Rejects with a
   * `RangeError` for a span that the task does not have, and for a cursor that no page gave.
   */
  scopesOf(uuid: string, query: ScopeQuery): Promise<ScopePage | undefined>;

  /**
   * The lines of the scopes and attempts that have changed after a version of the task, those around them whose counts have
   * changed included: a few may be as they were. Where they are many, none: {@link scopesOf} has them anew. `undefined`
   * for an unknown task.
   */
  scopeChanges(uuid: string, afterVersion: number): Promise<ScopeChanges | undefined>;

  /**
   * Which tasks were committed after a position, each once, in the order of their latest commits. A loss of a worker and
   * its return count as commits of its tasks, and so does a request to cancel, and for a day the deletion of a task:
   * {@link stored} has none of it then.
   */
  changes(query: ChangeQuery): Promise<TaskChanges>;

  /**
   * How many tasks are in each state; a state of none may be absent. Without a filter, or with states alone, the numbers
   * are exact. Else the store counts up to {@link MOST_COUNTED} tasks of a state, and no longer than for a moment.
   */
  counts(filter?: TaskFilter): Promise<TaskCounts>;

  /**
   * Calls the listener soon after each commit, whichever process made it, until the returned function is called.
   * Several commits may be one call, and a call may come without a commit. The listener must not throw. `watch` never
   * throws, and keeps no process alive: a store that is unreachable is watched as soon as it can be read.
   */
  watch(listener: () => void): () => void;
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

/**
 * `whole`: all of the record. `list`: as lists have it, where a result above 4 KiB is `null` and attributes above 8 KiB
 * are `{}`; `cut` of the record names them.
 */
export type TaskForm = 'whole' | 'list';

/** The most bytes of tasks that are read at once. One task may be longer. */
export const PAGE_BYTES: number = 1024 * 1024;

/** A task as a store keeps it. `summary` alone is not the record: what depends on the worker stands beside it. */
export interface StoredTask {
  uuid: string;
  /** JSON text of the record without `log` and all that follows `cancellable`. `recordJson` makes it whole. */
  summary: string;
  /** As its facts have it, or `lost` where they have it running and its worker has fallen silent. */
  state: TaskState;
  /** Absent where no heartbeats are to come. */
  liveness?: Liveness;
  /** Absent where nobody has asked to cancel it. */
  cancel?: CancelRequest;
  version: number;
  /** Length of the whole log in bytes. */
  logBytes: number;
  /** How many lines it has. */
  logLines: number;
}

/** A request to cancel one attempt, or what a worker has of its parts. */
export interface Cancellation {
  /** Grows from one to the next, also where another file has replaced the store's. */
  number: number;
  taskUuid: string;
  /** Span id of the attempt's task span. */
  spanId: string;
  /** Who has asked, and why, if that is known. */
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

export interface EntryRange {
  /** Byte of the log, from 0: the first entry is the one that has it. */
  from: number;
  /** No entry begins so many bytes after `from` or later, but the first. */
  limit: number;
}

export interface LogRange {
  /** First byte, from 0; a negative one counts from the end. Default 0. */
  from?: number;
  /** Instead of `from`: the byte at which the log of this version ended, so that what came after it is read. */
  afterVersion?: number;
  /** How many bytes at the most. Default: to the end. */
  limit?: number;
}

/** Entries of a log: the lines of one fact each. */
export interface StoredEntries {
  /** In the order of the log. The first may begin before the range, and the last may end after it. */
  entries: LogEntry[];
  /** Version of the task to which they belong. */
  version: number;
  /** Length of the whole log in bytes. */
  logBytes: number;
}

export interface LogEntry {
  /** Byte of the whole log at which its text begins. */
  offset: number;
  /** Time of the fact, in microseconds since the epoch. */
  time: number;
  /** Span id of the scope or attempt that it is about. */
  spanId: string;
  kind: LogEntryKind;
  /** Its lines, each with its line feed. */
  text: string;
  /** Attributes of a notification. */
  attributes?: Attributes;
}

export interface FindQuery {
  /** 1 to 200 characters of one line. */
  text: string;
  /** Only matches that begin at this byte of the log or later. Default 0. */
  after?: number;
  /** How many matches at the most, from 1. Default 100. */
  limit?: number;
}

export interface FoundLines {
  /** In the order of the log. They do not overlap. */
  matches: LogMatch[];
  /** All matches that begin before this byte of the log are known. */
  lookedTo: number;
  /** Whether there is more of the log after that. */
  more: boolean;
  /** Version of the task to which they belong. */
  version: number;
  /** Length of the whole log in bytes. */
  logBytes: number;
}

/** Where a text stands in a log. */
export interface LogMatch {
  /** Byte of the whole log at which it begins. */
  offset: number;
  /** Its length in the log. */
  bytes: number;
  /** Byte of the whole log at which `text` begins: that of the line, or of a long line a place before the match. */
  line: number;
  /** The line in which it stands, without the line feed; of a longer line 1,000 characters. */
  text: string;
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
  /** Present for a task that is lost for good: what is open in it is lost, without a new version. */
  isLostForGood?: boolean;
}

/** Which scopes of a task are read as lines. */
export interface ScopeQuery {
  /** Span id of the scope or attempt around them. Default: the attempts. */
  of?: string;
  /** How many at the most, at all depths together, from 1. */
  limit: number;
  /** `next` of the page before. */
  cursor?: string;
}

export interface ScopePage {
  /** Version of the task to which they belong. */
  version: number;
  /** With those inside them, as far as there was room. A node with all that is inside it has as many as `steps` says. */
  scopes: ScopeNode[];
  /** Cursor of the next page; absent on the last one. */
  next?: string;
  /** As of {@link StoredScopes}. */
  isLostForGood?: boolean;
}

export interface ScopeChanges {
  /** Version of the task to which they belong. */
  version: number;
  /** In no order. */
  scopes: ScopeLine[];
  /** Present where more have changed than are given one by one. */
  isCut?: boolean;
}

export interface TaskQuery {
  /** Only tasks that fit it. Default: all. */
  filter?: TaskFilter;
  /** How many at the most, from 1. */
  limit: number;
  /** `next` of the page before, of the same order. */
  cursor?: string;
  /** By first commit. Default `newest`. */
  order?: TaskOrder;
}

/** Which tasks of a list come first, by their first commits. */
export const TASK_ORDERS = ['newest', 'oldest'] as const;
export type TaskOrder = (typeof TASK_ORDERS)[number];

export interface TaskPage {
  tasks: StoredTask[];
  /** Cursor of the next page; absent on the last one. */
  next?: string;
  /**
   * Present where the page ended before it was full, since the search took long: how far the store has looked. It is when
   * the task that it has looked at last was created, in microseconds.
   */
  searchedTo?: number;
}

/** The most tasks of a state that are counted for a filter; so many stand for as many or more. */
export const MOST_COUNTED = 1001;

export interface TaskCounts {
  counts: Partial<Record<TaskState, number>>;
  /** States of which there may be more than were counted. */
  capped: TaskState[];
}

export interface ChangeQuery {
  /**
   * Position after which to begin, as another answer gave it; `'0'` is the one before all changes. Absent: no tasks,
   * only the present position.
   */
  after?: string;
  /** Position up to which to read; only with `after`. Default: to the present. */
  until?: string;
  /** How many tasks at the most, from 1. */
  limit: number;
}

export interface TaskChanges {
  /** In the order of their commits, each once. */
  uuids: string[];
  /** An opaque text: where the next reading goes on. */
  position: string;
  /** Whether there are more, up to `until`. */
  more: boolean;
  /**
   * Set where `after` is no position of this store: it was given by another store, or by a file that has been replaced.
   * Then the reading has begun with the first change of all.
   */
  fromStart?: true;
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
