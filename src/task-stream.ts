import type { Attributes } from '@opentelemetry/api';
import { scopeTree } from './client/scope-tree.ts';
import type { ScopeLine, ScopeNode, TaskState, TaskSummary } from './task-record.ts';

/** What `GET /tasks/:uuid/events` sends. `docs/streams.md` describes it. */

/** How the log comes in a stream, by `?log=`: as text, as entries, or not at all. */
export const LOG_VIEWS = ['text', 'entries', '0'] as const;
export type LogView = (typeof LOG_VIEWS)[number];

/** What the lines of an entry of a log are. */
export type LogEntryKind = 'attempt' | 'scope' | 'message' | 'outcome' | 'end' | 'missing';

/** The lines of one fact in a log, as `application/x-ndjson` and streams have them. */
export interface LogEntryJson {
  /** Byte of the whole log at which its text begins. */
  offset: number;
  /** Time of the fact. */
  time: string;
  /** Span id of the scope or attempt that it is about. */
  span_id: string;
  kind: LogEntryKind;
  /** Its lines, each with its line feed. */
  text: string;
  /** Attributes of a notification. */
  attributes: Attributes;
}

/**
 * The first event of a stream, `record`: the task as it is. What it has of the log is the end, of at most 64 KiB, from a
 * beginning of a line on: as text with `log=text`, as entries with `log=entries`, and not at all with `log=0`.
 */
export interface StreamRecord extends TaskSummary {
  log?: string;
  entries?: LogEntryJson[];
  /** Byte of the whole log at which `log` or `entries` begin. Absent with `log=0`. */
  log_from?: number;
  /** With `scopes=1`: the attempts with the scopes inside them, failed and running ones first, some hundred in all. */
  attempts?: ScopeNode[];
}

/** What has changed in a task since the event before: the fields of the record that have other values now. */
export interface TaskChange extends Partial<Omit<TaskSummary, 'log_offset'>> {
  /** What the log gained, with `log=text`. */
  log?: LogGain;
  /** The same with `log=entries`. */
  entries?: LogEntryJson[];
  /** With `scopes=1`: the scopes whose lines have changed, each after the scope around it. */
  scopes?: ScopeLine[];
  /** Instead of `scopes`, where very many have changed: the attempts anew, as `record` has them. */
  attempts?: ScopeNode[];
}

/** Text that a log gained, and the byte at which it stands in the whole log. */
export interface LogGain {
  offset: number;
  text: string;
}

/** The last event, `end`. */
export interface StreamEnd {
  version: number;
  state: TaskState;
}

/**
 * The record after a change; the one before stays as it is. Its log is all that came since the first event: it keeps its
 * `log_offset` and `log_from`.
 */
export function applyChange<Followed extends StreamRecord>(record: Followed, change: TaskChange): Followed {
  const { log, entries, scopes, ...fields } = change;
  const before: StreamRecord = record;
  return {
    ...record,
    ...fields,
    ...(log !== undefined && { log: (before.log ?? '') + log.text }),
    ...(entries !== undefined && { entries: [...(before.entries ?? []), ...entries] }),
    ...(scopes !== undefined && { attempts: [...scopeTree()(fields.attempts ?? before.attempts ?? [], scopes)] }),
  };
}
