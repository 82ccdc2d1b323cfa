import type { Attributes } from '@opentelemetry/api';
import type { TaskFilter } from '../../src/task-filter.ts';
import type { AttemptRecord, ScopeLine, ScopeNode, TaskState, TaskSummary } from '../../src/task-record.ts';
import type { LogEntryKind } from '../../src/task-stream.ts';
import type { CancelRequest } from '../record/cancel-request.ts';
import type { Liveness } from '../record/liveness.ts';

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

/** Which entries of a log are read. */
export interface EntryRange {
  /** Byte of the log, from 0: the first entry is the one that has it. */
  from: number;
  /** All entries but the first begin within so many bytes after `from`. */
  limit: number;
}

/** Which part of a log is read. */
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

/** The lines of one fact in a log. */
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

/** Which text is searched in a log, and where. */
export interface FindQuery {
  /** 1 to 200 characters of one line. */
  text: string;
  /** Only matches that begin at this byte of the log or later. Default 0. */
  after?: number;
  /** How many matches at the most, from 1. Default 100. */
  limit?: number;
}

/** Where one call has found a text in a log. */
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

/** A part of a log. */
export interface StoredLog {
  /** Where `text` begins: `from`, moved forward to the beginning of a line if `from` was negative. */
  offset: number;
  text: string;
  /** Version of the task to which the text belongs. */
  version: number;
  /** Length of the whole log in bytes. */
  logBytes: number;
}

/** The attempts of a task with all of their scopes. */
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

/** A page of scopes as lines. */
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

/** The lines of scopes that have changed after a version. */
export interface ScopeChanges {
  /** Version of the task to which they belong. */
  version: number;
  /** In no order. */
  scopes: ScopeLine[];
  /** Present if more lines have changed than one answer has. */
  isCut?: boolean;
}

/** Which tasks are read as a list. */
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

/** A page of a list of tasks. */
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

/** The most tasks of a state that are counted for a filter: this number means as many or more. */
export const MOST_COUNTED = 1001;

/** How many tasks are in each state. */
export interface TaskCounts {
  counts: Partial<Record<TaskState, number>>;
  /** States of which there may be more than were counted. */
  capped: TaskState[];
}

/** Which changes are read. */
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

/** The tasks that were committed after a position. */
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
