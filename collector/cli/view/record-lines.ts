import type { AttemptRecord, TaskRecord } from '../../record/task-record.ts';
import { counted, humanBytes } from '../human-text.ts';
import { lastLines } from '../tail/log-position.ts';
import type { ListScreen } from './list-lines.ts';
import { LogLines } from './log-lines.ts';
import { WIDEST } from './screen.ts';
import { taskLines } from './task-view.ts';
import { harmless, padded } from './terminal-text.ts';

const LOG_LINES = 20;
const MOST_SCOPES = 200;

/** A task for `show`: as `tail` shows it, then what else its record has, then the end of its log. */
export function recordLines(record: TaskRecord, attempts: readonly AttemptRecord[], screen: ListScreen): string[] {
  const { columns, now, paint } = screen;
  const view = taskLines({ record, attempts }, { columns: Math.min(columns ?? WIDEST, WIDEST), rows: MOST_SCOPES, now, paint });
  // Never cut, so that a UUID can be copied whole: a narrow terminal breaks the line.
  const fields = fieldsOf(record).map(([name, value]) => `  ${paint('dim', padded(name, 10))} ${harmless(value)}`);
  const logLines = new LogLines();
  const log = logLines.push(lastLines(record.log, LOG_LINES)) + logLines.end();
  const isCut = record.log_offset > 0 || record.log.length > lastLines(record.log, LOG_LINES).length;
  const size = `${humanBytes(record.log_bytes)}${isCut ? `, the last ${counted(LOG_LINES, 'line')}` : ''}`;
  return [
    ...view,
    '',
    ...fields,
    ...(log === '' ? [] : ['', `  ${paint('dim', `log, ${size}`)}`, ...log.trimEnd().split('\n')]),
  ];
}

function fieldsOf(record: TaskRecord): [string, string][] {
  const fields: [string, string | null][] = [
    ['uuid', record.task_uuid],
    ['parent', record.parent_task_uuid],
    ['started', record.start],
    ['ended', record.end],
    ['updated', record.updated],
    ['heard', record.heard],
    ['trace', record.trace_id],
    ['attributes', Object.keys(record.attributes).length === 0 ? null : JSON.stringify(record.attributes)],
    ['result', record.result === null ? null : JSON.stringify(record.result)],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== null);
}
