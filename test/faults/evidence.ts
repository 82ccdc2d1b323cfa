import type { AttemptRecord, TaskRecord, TaskSummary } from '../../collector/index.ts';
import type { WorkerLine } from './worker-lines.ts';
import type { Schedule } from './schedule.ts';

/** All that is known of a round at its end: what was reported, what is stored, and what was answered and streamed. */
export interface Evidence {
  readonly schedule: Schedule;
  readonly workers: readonly WorkerEvidence[];
  /** By the task's uuid. */
  readonly stored: ReadonlyMap<string, StoredTaskEvidence>;
  /** In the order in which they were asked for. */
  readonly answers: readonly Answer[];
  readonly streams: readonly StreamEvidence[];
  /** The stream of all tasks. */
  readonly list: readonly StreamEvent[];
  /** When the store may have been unwritable: also while a process is stopped, since it may hold the store's lock. */
  readonly storeFaults: readonly Span[];
  /** The longest time that this machine kept the suite's event loop waiting, in milliseconds. */
  readonly stallMs: number;
  /** What was waited for in vain. */
  readonly unsettled: readonly string[];
}

/** A time span, in milliseconds since the epoch. */
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
  /** How long after its death an answer showed each of its tasks as lost, in milliseconds. */
  readonly lostAfterMs: readonly number[];
}

export interface StoredTaskEvidence {
  readonly record: TaskRecord;
  readonly attempts: readonly AttemptRecord[];
}

/** An answer of `GET /tasks/:uuid`, or one task of an answer of `GET /tasks`. */
export interface Answer {
  /** The task's UUID; empty for a list that failed. */
  readonly task: string;
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly status: number;
  /** Of a 200 only. In a list it has no log. */
  readonly record: (TaskSummary & { readonly log?: string }) | undefined;
}

export interface StreamEvidence {
  readonly task: string;
  readonly events: readonly StreamEvent[];
}

export interface StreamEvent {
  readonly event: string;
  readonly id: string;
  readonly data: string;
  readonly receivedAt: number;
  /** Which connection of the watcher it came by. */
  readonly connection: number;
}
