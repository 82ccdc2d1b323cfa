import type { TaskRecord, TaskSummary } from './task-record.ts';

/**
 * What has changed in a task since the message before, as `GET /tasks/:uuid/events` sends it: the
 * fields of the record that are others now, and the text that the log gained.
 */
export interface TaskChange extends Partial<Omit<TaskSummary, 'log_offset'>> {
  log?: LogGain;
}

/** Text that a log gained, and the byte at which it stands in the whole log. */
export interface LogGain {
  offset: number;
  text: string;
}

/**
 * The record after a change. Its log is all that was gained since the record was sent whole: it
 * keeps its `log_offset` where `GET` would cut a log longer than 1 MiB to its tail.
 */
export function applyChange(record: TaskRecord, { log, ...fields }: TaskChange): TaskRecord {
  return { ...record, ...fields, log: log === undefined ? record.log : record.log + log.text };
}

/** The top-level fields of a record, each as JSON text, without those that a change never has. */
export type RecordFields = ReadonlyMap<string, string>;

/** @param json A record without its log, as lists have it. */
export function recordFields(json: string): RecordFields {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(JSON.parse(json) as object)) {
    if (name !== 'log_offset') fields.set(name, JSON.stringify(value));
  }
  return fields;
}

/**
 * JSON text of a {@link TaskChange}: the fields that differ, all of them where there are none
 * before, and always `version`. `undefined` if nothing differs and the log gained nothing.
 */
export function changeJson(before: RecordFields | undefined, now: RecordFields, log?: LogGain): string | undefined {
  const parts: string[] = [];
  for (const [name, value] of now) {
    if (name !== 'version' && before?.get(name) !== value) parts.push(`"${name}":${value}`);
  }
  if (parts.length === 0 && log === undefined && before?.get('version') === now.get('version')) return undefined;
  parts.push(`"version":${now.get('version')}`);
  if (log !== undefined) parts.push(logJson(log));
  return `{${parts.join(',')}}`;
}

/** JSON text of a {@link TaskChange} that has nothing but text. */
export function gainJson(log: LogGain): string {
  return `{${logJson(log)}}`;
}

function logJson({ offset, text }: LogGain): string {
  return `"log":{"offset":${offset},"text":${JSON.stringify(text)}}`;
}
