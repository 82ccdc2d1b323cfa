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
  /** ISO 8601, or `null` where no sign of life is expected. */
  heard?: string | null;
  busySince?: string | null;
}

/** Longest log inside a record, in bytes; of a longer one the record has the tail. */
export const RECORD_LOG_BYTES: number = 1024 * 1024;

// The key can't stand inside a JSON string: there its quotes would be escaped.
const AFTER_LOG = ',"exception":';

/** The whole record, or without `log` the entry of a list. */
export function recordJson(parts: RecordParts, log?: { text: string; offset: number }): string {
  const { summary } = parts;
  const end =
    `,"heard":${jsonOrNull(parts.heard)},"busy_since":${jsonOrNull(parts.busySince)}` +
    `,"version":${parts.version},"log_offset":${log?.offset ?? 0},"log_bytes":${parts.logBytes}}`;
  if (log === undefined) return summary.slice(0, -1) + end;
  const at = summary.indexOf(AFTER_LOG);
  return `${summary.slice(0, at)},"log":${JSON.stringify(log.text)}${summary.slice(at, -1)}${end}`;
}

function jsonOrNull(value: string | null | undefined): string {
  return value === null || value === undefined ? 'null' : JSON.stringify(value);
}
