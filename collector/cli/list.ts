import { isEmptyFilter } from '../../src/task-filter.ts';
import type { TaskFilter } from '../../src/task-filter.ts';
import type { TaskSummary } from '../../src/task-record.ts';
import type { TaskOrder } from '../store/task-store.ts';
import type { SourceName } from './options.ts';
import { withSource } from './open-source.ts';
import { currentText, hasCurrent, knownEnd, mark, stateName } from './view/task-lines.ts';
import type { Screen } from './view/task-lines.ts';
import { apart, fit, harmless, harmlessJson, harmlessValue, humanDuration, padded, paint as paintOutput, widthOf } from './view/terminal-text.ts';

/** Options of `taskspan list`. */
export interface ListOptions {
  readonly limit: number;
  readonly filter: TaskFilter;
  readonly order?: TaskOrder;
  readonly json?: boolean;
}

/** Prints the tasks that fit a filter. */
export async function list(name: SourceName, { limit, filter, order, json }: ListOptions): Promise<void> {
  const tasks = await withSource(name, (source) => source.tasks({ limit, filter, ...(order !== undefined && { order }) }));
  if (json === true) {
    process.stdout.write(`${harmlessJson(tasks)}\n`);
    return;
  }
  const lines = listLines(harmlessValue(tasks), { columns: process.stdout.columns || undefined, now: Date.now(), paint: paintOutput });
  process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  if (tasks.length === 0) process.stderr.write(isEmptyFilter(filter) ? 'no tasks\n' : 'no task fits the filter\n');
}

/** The screen of a list. Off a terminal it has no columns, and no line is cut. */
export interface ListScreen extends Pick<Screen, 'now' | 'paint'> {
  readonly columns: number | undefined;
}

/** The columns that one line a task needs. On a narrower screen each task has two lines. */
const ONE_LINE_COLUMNS = 96;
const STATE_WIDTH = 'completed'.length;

/** Makes a table of the tasks. On a narrow screen each has two lines, so that its UUID can be copied whole. */
export function listLines(tasks: readonly TaskSummary[], screen: ListScreen): string[] {
  const { columns } = screen;
  if (columns !== undefined && columns < ONE_LINE_COLUMNS) return tasks.flatMap((task) => twoLines(task, columns, screen));
  const nameWidth = Math.max(0, ...tasks.map(({ task_name: name }) => widthOf(harmless(name))));
  return tasks.map((task) => {
    const { state, progress, time, age, name, current, uuid } = cells(task, screen);
    const before = `${state}  ${progress}  ${time}  ${age}  ${uuid}  `;
    return columns === undefined ? `${before}${padded(name, nameWidth)}${current}`.trimEnd() : fit(`${before}${name}${current}`, columns);
  });
}

function twoLines(task: TaskSummary, columns: number, screen: ListScreen): string[] {
  const { progress, time, name, current, uuid } = cells(task, screen);
  const { state } = task;
  const right = columns < 60 ? `${progress} ${time}` : `${padded(stateName(state, screen.paint), STATE_WIDTH)} ${progress} ${time}`;
  return [apart(`${mark(state, screen.paint)} ${name}${current}`, right, columns).trimEnd(), fit(`  ${uuid}`, columns)];
}

function cells(task: TaskSummary, { now, paint }: ListScreen) {
  const start = task.start === null ? undefined : Date.parse(task.start);
  return {
    state: padded(stateName(task.state, paint), STATE_WIDTH),
    progress: (task.progress === null ? '' : `${Math.floor(task.progress * 100)}%`).padStart(4),
    // How long it has run.
    time: (start === undefined ? '' : humanDuration(knownEnd(task, now) - start)).padStart(6),
    // How long ago it began.
    age: (start === undefined ? '' : `${humanDuration(now - start)} ago`).padStart(10),
    name: harmless(task.task_name),
    current: hasCurrent(task.current) ? paint('dim', `  ${currentText(task.current)}`) : '',
    uuid: paint('dim', harmless(task.task_uuid)),
  };
}
