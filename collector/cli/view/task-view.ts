import type { AttemptRecord, TaskSummary } from '../../record/task-record.ts';
import { counted, humanCount, humanDuration } from '../human-text.ts';
import { bar } from './bar.ts';
import { knownEnd } from './known-end.ts';
import { mark, stateName } from './marks.ts';
import { scopeLines } from './scope-lines.ts';
import type { Screen } from './screen.ts';
import { apart, fit, harmless, widthOf } from './terminal-text.ts';

/** The task's own bar takes what is left of its line, up to this. */
const WIDEST_BAR = 40;
const PERCENT_COLUMNS = 8;

/** What is known of a task. */
export interface TaskView {
  readonly record: TaskSummary;
  /** Not there until they were read. */
  readonly attempts: readonly AttemptRecord[] | undefined;
  /** What hinders us from knowing more. */
  readonly trouble?: string | undefined;
}

/**
 * A task in lines no wider than the screen and no more than fit: its name and state, how far it is,
 * what is wrong, and its scopes.
 */
export function taskLines({ record, attempts, trouble }: TaskView, screen: Screen): string[] {
  const head = [titleLine(record, screen), ...progressLines(record, screen), ...noteLines(record, trouble, screen)];
  const lines = head.slice(0, Math.max(1, screen.rows));
  const latest = attempts?.at(-1);
  return latest === undefined ? lines : [...lines, ...scopeLines(latest, record, screen, screen.rows - lines.length)];
}

function titleLine(record: TaskSummary, { columns, now, paint, frame }: Screen): string {
  const { task_name: name, state, start } = record;
  const time = start === null ? '' : humanDuration(knownEnd(record, now) - Date.parse(start));
  const left = `${mark(state, paint, frame)} ${paint('bold', harmless(name))}`;
  return apart(left, `${stateName(state, paint)} ${time.padStart(6)}`, columns);
}

function progressLines({ progress, jobs, attempt, finished }: TaskSummary, { columns, paint }: Screen): string[] {
  const parts: string[] = [];
  if (jobs.total > 0) parts.push(`${humanCount(jobs.finished)} of ${counted(jobs.total, 'job')}`);
  if (jobs.failed > 0) parts.push(paint('red', `${humanCount(jobs.failed)} failed`));
  if (attempt > 1) parts.push(`attempt ${attempt}`);
  if (progress !== null && !(finished && progress === 1)) {
    const room = columns - widthOf(['', ...parts].join('  ')) - PERCENT_COLUMNS;
    parts.unshift(bar(progress, Math.max(0, Math.min(room, WIDEST_BAR)), paint));
  }
  return parts.length === 0 ? [] : [fit(`  ${parts.join('  ')}`, columns)];
}

function noteLines(record: TaskSummary, trouble: string | undefined, { columns, now, paint }: Screen): string[] {
  const notes: string[] = [];
  const since = (time: string): string => humanDuration(now - Date.parse(time));
  if (record.status === 0 && record.exception !== '') notes.push(paint('red', harmless(record.exception)));
  if (record.state === 'lost' && !record.finished && record.heard !== null) {
    notes.push(paint('magenta', `its worker was last heard ${since(record.heard)} ago`));
  }
  if (record.busy_since !== null) notes.push(paint('yellow', `its worker is blocked for ${since(record.busy_since)}`));
  if (trouble !== undefined) notes.push(paint('yellow', harmless(trouble)));
  return notes.map((note) => fit(`  ${note}`, columns));
}
