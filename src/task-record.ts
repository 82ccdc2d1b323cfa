import type { Attributes } from '@opentelemetry/api';
import type { AnnouncementOutcome, LOST, Outcome } from './conventions.ts';
import type { ErrorCause } from './fact.ts';

/** What a task can be doing. `queued` and `lost` are never final by themselves. */
export const TASK_STATES = ['queued', 'running', 'completed', 'failed', 'cancelled', 'expired', 'lost'] as const;
export type TaskState = (typeof TASK_STATES)[number];

/** Whether a value is one of {@link TASK_STATES}. */
export function isTaskState(value: unknown): value is TaskState {
  return TASK_STATES.includes(value as TaskState);
}

/** 0 failed, cancelled, expired or lost for good, 1 completed, 2 pending: the seed's three numbers. */
export type TaskStatus = 0 | 1 | 2;

/**
 * The JSON status of a task, as `GET /tasks/:uuid` serves it.
 *
 * Times are ISO 8601 in UTC with microseconds. What depends on the attempt (`start`, `end`,
 * `exception`, `jobs`, `progress`, `trace_id`, …) is the latest attempt's.
 */
export interface TaskRecord extends TaskSummary {
  /** The textual log; beyond 1 MiB its tail, see {@link TaskSummary.log_offset}. */
  log: string;
}

/** A {@link TaskRecord} without its log, as lists serve it. */
export interface TaskSummary {
  task_name: string;
  task_uuid: string;
  /** `null` until it has started. */
  start: string | null;
  /** `null` until it has ended. */
  end: string | null;
  /**
   * Message of the latest error, its name where the message is empty, `""` if there is none. After the end it is what
   * the task's own run knew: an error of a part by which nothing of the task itself failed is in it only until then.
   */
  exception: string;
  finished: boolean;
  status: TaskStatus;
  state: TaskState;
  /** Number of the latest attempt, from 1; 0 while none is known. */
  attempt: number;
  jobs: TaskJobs;
  /** 0 to 1; `null` while it is not known. */
  progress: number | null;
  /** What it is doing; `null` while no scope is open, and after the end. */
  current: CurrentScope | null;
  /** What `setResult()` gave; `null` if nothing. */
  result: unknown;
  /** How it has ended, more exactly than `state`; `null` until then. A later version may bring others. */
  outcome: TaskOutcome | null;
  /** The error that `exception` names; `null` where it names none that was reported. */
  error: TaskError | null;
  /** The errors inside it, each as `NAME: MESSAGE`, depth first, at most 8. */
  exception_causes: string[];
  /** Those of the latest attempt, and of the announcement those that the attempt does not have. */
  attributes: Attributes;
  /** Name of the service that runs it, or else that has announced it; `null` where it is not known. */
  service_name: string | null;
  parent_task_uuid: string | null;
  trace_id: string | null;
  /** Whether the trace is sampled, so that a tracing backend has it. */
  trace_sampled: boolean;
  /** How many facts of the attempt are known not to have arrived; the log shows where. */
  facts_missing: number;
  /** Time of the earliest announcement or start; `null` while neither has arrived. */
  created: string | null;
  /** Time of the latest fact. */
  updated: string;
  /** The request to cancel it; `null` if there is none. */
  cancel: CancelRecord | null;
  /** Whether it can be cancelled: it is queued, or it runs and its worker receives requests to cancel. */
  cancellable: boolean;
  /** When the worker's last heartbeat came; `null` where none is expected. */
  heard: string | null;
  /** Since when the worker's event loop has been blocked; `null` if it is not. */
  busy_since: string | null;
  /** Grows with every commit of the task: how many there were, and those of a task with this UUID that was deleted lately. */
  version: number;
  /** Byte offset in the whole log at which the record's `log` begins. */
  log_offset: number;
  /** Length of the whole log in bytes. */
  log_bytes: number;
  /** How many lines the whole log has. */
  log_lines: number;
  /** In lists alone, and there only where something was too long: the fields that are left out, `null` or `{}` here. */
  cut?: ('result' | 'attributes')[];
}

/** How a task has ended: one that timed out has failed, one that was skipped was cancelled. */
export type TaskOutcome = Outcome | AnnouncementOutcome | typeof LOST;

/** An error of a task, and where it happened. */
export interface TaskError extends ErrorCause {
  /** The errors inside it, depth first, at most 8. Lists leave them out. */
  causes?: ErrorCause[];
  /** Names of the scopes in which it happened, outermost first; empty for an error of the task itself. */
  path: string[];
  /** Span id of the scope, or of the task span. */
  span_id: string;
  /** Byte of the whole log at which the lines begin that show it; `null` while there are none. */
  log_offset: number | null;
}

/** A request to cancel a task. */
export interface CancelRecord {
  requested: string;
  /** Name of the requester; `null` if the request has none. */
  by: string | null;
  reason: string | null;
  /** When code of the task has received it; `null` until then. */
  heard: string | null;
}

/** Jobs, counted from scopes: `total` = `finished` + `failed` + `running`. */
export interface TaskJobs {
  total: number;
  finished: number;
  failed: number;
  running: number;
}

/** One scope of a task with the scopes inside it, as `GET /tasks/:uuid/scopes` serves it. */
export interface ScopeRecord {
  span_id: string;
  trace_id: string;
  name: string;
  /** `null` while its fact has not arrived. */
  start: string | null;
  end: string | null;
  /** `running` until it has ended, `lost` where it was open when the task had finished. */
  outcome: 'running' | Outcome | typeof LOST;
  /** Whether it encloses other scopes: then it is no job. */
  heading: boolean;
  progress: number | null;
  /** Steps done and to do, as `progress()` reported them last. */
  done: number | null;
  total: number | null;
  /** `ErrorName: message` of the error it reported, `null` if none. */
  error: string | null;
  /** What code has set on its span, known at its end, at most 64; of an attempt the task's attributes in it. */
  attributes: Attributes;
  /** The last 100 notifications, oldest first. */
  notifications: NotificationRecord[];
  /** How many there were in all. */
  notification_count: number;
  /** How many facts of the scope itself are known not to have arrived. */
  facts_missing: number;
  scopes: ScopeRecord[];
}

/** One attempt of a task: its task span. */
export interface AttemptRecord extends ScopeRecord {
  attempt: number;
}

/** What a task is doing: the scope that has reported progress or begun last. */
export interface CurrentScope {
  name: string;
  span_id: string;
  /** Steps done and to do, as `progress()` reported them last; `null` where it has not. */
  done: number | null;
  total: number | null;
  /** `done / total`, 0 to 1; `null` where these are not known. */
  share: number | null;
}

/** One scope as streams and `GET /tasks/:uuid/scopes?of=` have it. Its texts are cut at 1,000 characters. */
export interface ScopeLine {
  span_id: string;
  /** Span id of the scope around it; `null` for an attempt. */
  parent: string | null;
  /** Number of the attempt; of attempts alone. */
  attempt?: number;
  name: string;
  start: string | null;
  end: string | null;
  outcome: ScopeRecord['outcome'];
  /** How far it is, by what has been reported in it: 0 to 1; `null` while that is not known. */
  progress: number | null;
  /** Steps done and to do, as `progress()` reported them last. */
  done: number | null;
  total: number | null;
  /** `ErrorName: message` of the error it reported, `null` if none. */
  error: string | null;
  /** The last notification; `null` if there was none. */
  last: NotificationRecord | null;
  /** How many scopes are inside it, at any depth; how many of these have failed, and how many run. */
  steps: number;
  failed: number;
  running: number;
}

/**
 * A {@link ScopeLine} with some of the scopes inside it, in the order of their starts. Where there is no room for all,
 * failed and running ones were chosen first.
 */
export interface ScopeNode extends ScopeLine {
  scopes: ScopeNode[];
}

export interface NotificationRecord {
  time: string;
  message: string;
  attributes?: Attributes;
}

/** The second that was asked for last, and its text: times of a task lie close together. */
let [lastSecond, lastText] = [0, '1970-01-01T00:00:00'];

/** Microseconds since the epoch as ISO 8601 in UTC, with microseconds. */
export function isoTime(micros: number): string {
  const second = Math.floor(micros / 1_000_000);
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toISOString().slice(0, -'.000Z'.length);
    lastSecond = second;
  }
  return `${lastText}.${String(micros - second * 1_000_000).padStart(6, '0')}Z`;
}

/** Microseconds since the epoch of a time that {@link isoTime} has written. */
export function microsOfIso(time: string): number {
  return Date.parse(time.slice(0, 19) + 'Z') * 1000 + Number(time.slice(20, 26));
}
