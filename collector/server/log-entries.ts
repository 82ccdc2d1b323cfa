import { linesWithTime } from '../../src/log-line.ts';
import { isoTime } from '../../src/task-record.ts';
import type { LogEntryJson } from '../../src/task-stream.ts';
import type { LogEntry } from '../store/task-store.ts';

/** How a log is written: `text` as it is, `times` with the time before each line, `ndjson` as one JSON object an entry. */
export type LogForm = 'text' | 'times' | 'ndjson';

export const LOG_TYPES: Readonly<Record<LogForm, string>> = {
  text: 'text/plain; charset=utf-8',
  times: 'text/plain; charset=utf-8',
  ndjson: 'application/x-ndjson',
};

/** A form that needs entries. */
type EntryForm = Exclude<LogForm, 'text'>;

/** Entries as they are written, from a byte of the log on. */
export function entriesText(entries: readonly LogEntry[], form: EntryForm, from: number = 0): string {
  return entries.map((entry) => entryText(entry, from, form)).join('');
}

/** An entry as it is written, from a byte of the log on. One that begins before has no object: it was sent before. */
function entryText(entry: LogEntry, from: number, form: EntryForm): string {
  const { offset, time, text } = entry;
  if (form === 'times') return linesWithTime(offset < from ? Buffer.from(text).subarray(from - offset).toString() : text, time);
  return offset < from ? '' : `${entryJson(entry)}\n`;
}

/** An entry as JSON text. */
export function entryJson({ offset, time, spanId, kind, text, attributes = {} }: LogEntry): string {
  return JSON.stringify({ offset, time: isoTime(time), span_id: spanId, kind, text, attributes } satisfies LogEntryJson);
}

/** The byte of the log at which an entry ends. */
export function entryEnd({ offset, text }: Pick<LogEntry, 'offset' | 'text'>): number {
  return offset + Buffer.byteLength(text);
}
