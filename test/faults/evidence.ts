import type { AttemptRecord, TaskRecord, TaskSummary } from '../../collector/index.ts';
import type { WorkerLine } from './said.ts';
import type { Schedule } from './schedule.ts';

/** All that is known of a round when it is over: what was said, what is stored and what was told meanwhile. */
export interface Evidence {
  readonly schedule: Schedule;
  readonly workers: readonly WorkerEvidence[];
  /** By the task's uuid. */
  readonly stored: ReadonlyMap<string, StoredTaskEvidence>;
  /** In the order in which they were asked for. */
  readonly answers: readonly Answer[];
  readonly streams: readonly StreamEvidence[];
  /** The stream of all tasks. */
  readonly list: readonly ToldEvent[];
  /** When the store could not be written, or perhaps not: a process that is stopped may hold its lock. */
  readonly storeFaults: readonly Span[];
  /** For how long this machine kept the suite's own event loop waiting at the most, in milliseconds. */
  readonly stallMs: number;
  /** What was waited for in vain. */
  readonly unsettled: readonly string[];
}

/** From when to when, in milliseconds since the epoch. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

export interface WorkerEvidence {
  readonly tasks: readonly string[];
  readonly lines: readonly WorkerLine[];
  /** Taken just before the signal was sent. */
  readonly killedAt: number | undefined;
  /** Its exit code; `null` where a signal ended it. */
  readonly code: number | null;
  readonly stderr: string;
  /** When it was stopped. */
  readonly stops: readonly Span[];
  /** How long after its death each of its tasks was told lost, in milliseconds. */
  readonly lostAfterMs: readonly number[];
}

export interface StoredTaskEvidence {
  readonly record: TaskRecord;
  readonly attempts: readonly AttemptRecord[];
}

/** What `GET /tasks/:uuid` answered, or `GET /tasks` of one of them. */
export interface Answer {
  /** Empty where a list was not to be had. */
  readonly task: string;
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly status: number;
  /** Of a 200 only. In a list it has no log. */
  readonly record: (TaskSummary & { readonly log?: string }) | undefined;
}

export interface StreamEvidence {
  readonly task: string;
  readonly events: readonly ToldEvent[];
}

export interface ToldEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
  readonly receivedAt: number;
  /** Which connection of the watcher it came by. */
  readonly connection: number;
}
