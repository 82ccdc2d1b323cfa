import type { TaskRecord } from '../../src/task-record.ts';
import type { ListScreen } from './list.ts';
import type { SourceName, TaskArgument } from './options.ts';
import { PassedOutput } from './process.ts';
import { withTask } from './open-source.ts';
import { lastLines } from './tail.ts';
import { WIDEST, taskLines } from './view/task-lines.ts';
import type { ShownScope } from './view/task-lines.ts';
import { counted, harmless, harmlessJson, harmlessLines, harmlessValue, humanBytes, LogLines, padded, paint as paintOutput } from './view/terminal-text.ts';

/** Options of `taskspan show`. */
export interface ShowOptions {
  readonly log?: boolean;
  readonly json?: boolean;
}

/** Prints a task as it is now. */
export async function show(name: SourceName, task: TaskArgument, { log, json }: ShowOptions): Promise<void> {
  await withTask(name, task, async (source, uuid) => {
    if (log === true) {
      const output = new PassedOutput(process.stdout);
      for await (const text of source.log(uuid)) await output.write(harmlessLines(text));
      return;
    }
    const record = await source.task(uuid);
    if (json === true) {
      process.stdout.write(`${harmlessJson(record)}\n`);
      return;
    }
    const attempts = await source.scopes(uuid, MOST_SCOPES);
    const lines = recordLines(harmlessValue(record), harmlessValue(attempts), { columns: process.stdout.columns || undefined, now: Date.now(), paint: paintOutput });
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
  });
}

const LOG_LINES = 20;
const MOST_SCOPES = 200;

/** Makes the lines of a task: as `tail` shows it, then the other fields of its record, then the end of its log. */
export function recordLines(record: TaskRecord, attempts: readonly ShownScope[], screen: ListScreen): string[] {
  const { columns, now, paint } = screen;
  const view = taskLines({ record, attempts }, { columns: Math.min(columns ?? WIDEST, WIDEST), rows: MOST_SCOPES, now, paint });
  // The fields are never cut, so that a UUID can be copied whole. A narrow terminal breaks the line.
  const fields = fieldsOf(record).map(([name, value]) => `  ${paint('dim', padded(name, 10))} ${harmless(value)}`);
  const logLines = new LogLines();
  const log = logLines.push(lastLines(record.log, LOG_LINES)) + logLines.end();
  const isCut = record.log_offset > 0 || record.log.length > lastLines(record.log, LOG_LINES).length;
  const size = `${sizeOf(record)}${isCut ? `, the last ${counted(LOG_LINES, 'line')}` : ''}`;
  return [
    ...view,
    '',
    ...fields,
    ...(log === '' ? [] : ['', `  ${paint('dim', `log, ${size}`)}`, ...log.trimEnd().split('\n')]),
  ];
}

/** `1,204 lines, 46.8 kB`. A server of another version may leave out how many lines. */
function sizeOf({ log_bytes: bytes, log_lines: lines }: Omit<TaskRecord, 'log_lines'> & { log_lines?: number }): string {
  return `${lines === undefined ? '' : `${counted(lines, 'line')}, `}${humanBytes(bytes)}`;
}

function fieldsOf(record: TaskRecord): [string, string][] {
  const fields: [string, string | null][] = [
    ['uuid', record.task_uuid],
    ['parent', record.parent_task_uuid],
    ['service', record.service_name],
    ['announced', record.start === null ? record.created : null],
    ['started', record.start],
    ['ended', record.end],
    ['updated', record.updated],
    ['heard', record.heard],
    ['trace', record.trace_id === null || record.trace_sampled ? record.trace_id : `${record.trace_id} (not sampled: no tracing backend has it)`],
    ['attributes', Object.keys(record.attributes).length === 0 ? null : JSON.stringify(record.attributes)],
    ['result', record.result === null ? null : JSON.stringify(record.result)],
  ];
  // A server of another version may leave one out.
  return fields.filter((field): field is [string, string] => typeof field[1] === 'string');
}
