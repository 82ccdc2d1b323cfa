import type { TaskChange } from '../../record/record-json.ts';
import type { AttemptRecord, TaskRecord, TaskState, TaskSummary } from '../../record/task-record.ts';

/**
 * Where commands have tasks from: a store's file or a server. What it can't do it rejects by a
 * `CommandError`: `UnknownTaskError` where there is no such task, `UnavailableError` where it may
 * be tried again.
 */
export interface TaskSource {
  /** The file's path or the server's URL, for people. */
  readonly name: string;

  /** Tasks without their logs, newest first. */
  tasks(query: { limit: number; state?: TaskState }): Promise<TaskSummary[]>;

  task(uuid: string): Promise<TaskRecord>;

  /** The attempts with their scopes, first to last. */
  scopes(uuid: string): Promise<AttemptRecord[]>;

  /** The whole log in pieces. */
  log(uuid: string): AsyncIterable<string>;

  /** What happens to a task over one connection; it may break off before the `end`. */
  events(uuid: string, options?: EventsOptions): AsyncIterable<TaskEvent>;

  /** Asks the task's worker to cancel it. */
  cancel(uuid: string): Promise<void>;

  close(): Promise<void>;
}

export interface EventsOptions {
  /** The last id that came; what came after it follows. */
  after?: string;
  signal?: AbortSignal;
}

/** As `docs/streams.md` has them, and `open`: the connection stands. */
export type TaskEvent =
  | { readonly event: 'open' }
  | { readonly event: 'record'; readonly id: string; readonly data: TaskRecord }
  | { readonly event: 'change'; readonly id: string; readonly data: TaskChange }
  | { readonly event: 'end'; readonly data: EndData };

/** How a task has ended. */
export interface EndData {
  readonly version: number;
  readonly state: TaskState;
}
