import { isoTime } from './iso-time.ts';
import { lostException } from './liveness.ts';
import type { Liveness } from './liveness.ts';
import type { TaskState, TaskSummary } from './task-record.ts';

/**
 * The JSON text of a record, made from the stored text without parsing it.
 *
 * A store keeps the part that only facts change (`summary`, a JSON object that ends with
 * `cancellable`). The log, liveness and the version are added when it is read.
 */

/** What a reader adds to a stored summary. */
export interface RecordParts {
  summary: string;
  version: number;
  logBytes: number;
  /** `lost` stands above the state that the facts tell; any other is theirs. */
  state?: TaskState;
  /** Absent where no sign of life is expected. */
  liveness?: Liveness;
}

/** Longest log inside a record, in bytes; of a longer one the record has the tail. */
export const RECORD_LOG_BYTES: number = 1024 * 1024;

// These keys can't stand inside a JSON string: there their quotes would be escaped. Before them
// stand strings only, and after them the user's own JSON, which may have keys like them.
const AFTER_LOG = ',"exception":';
const AFTER_EXCEPTION = ',"finished":';
const AFTER_STATE = ',"attempt":';
// The last key of all.
const CANCELLABLE = ',"cancellable":';

/** The whole record, or without `log` the entry of a list. */
export function recordJson(parts: RecordParts, log?: { text: string; offset: number }): string {
  const summary = parts.state === 'lost' ? lostSummary(parts) : parts.summary;
  const { heard, busySince } = timesOf(parts);
  const end =
    `,"heard":${timeJson(heard)},"busy_since":${timeJson(busySince)}` +
    `,"version":${parts.version},"log_offset":${log?.offset ?? 0},"log_bytes":${parts.logBytes}}`;
  if (log === undefined) return summary.slice(0, -1) + end;
  const at = summary.indexOf(AFTER_LOG);
  return `${summary.slice(0, at)},"log":${JSON.stringify(log.text)}${summary.slice(at, -1)}${end}`;
}

/** The record without its log, parsed. */
export function parsedRecord(parts: RecordParts): TaskSummary {
  return JSON.parse(recordJson(parts)) as TaskSummary;
}

/** The summary of a task whose worker has fallen silent: not finished, until that is for good. */
function lostSummary({ summary, liveness }: RecordParts): string {
  const exception = summary.indexOf(AFTER_LOG);
  const finished = summary.indexOf(AFTER_EXCEPTION, exception);
  const rest = summary.indexOf(AFTER_STATE, finished);
  const final = liveness?.final === true;
  const told = final
    ? `${AFTER_LOG}${JSON.stringify(lostException(liveness.heard))}`
    : summary.slice(exception, finished);
  return (
    `${summary.slice(0, exception)}${told},"finished":${final},"status":${final ? 0 : 2},"state":"lost"` +
    summary.slice(rest, summary.lastIndexOf(CANCELLABLE)) +
    `${CANCELLABLE}false}`
  );
}

/** A lost worker is silent: what it said last of its event loop is of no use any more. */
function timesOf({ state, liveness }: RecordParts): { heard: number | null; busySince: number | null } {
  if (liveness === undefined) return { heard: null, busySince: null };
  return { heard: liveness.heard, busySince: state === 'lost' ? null : liveness.busySince };
}

function timeJson(micros: number | null): string {
  return micros === null ? 'null' : `"${isoTime(micros)}"`;
}
