import { Command, Option } from 'commander';
import { TASK_STATES } from '../record/task-record.ts';
import type { TaskState } from '../record/task-record.ts';
import { addSourceOptions, jsonOption, parseCount, sourceOf } from './options.ts';
import { withSource } from './with-source.ts';

interface ListOptions {
  readonly limit: number;
  readonly state?: TaskState;
  readonly json?: boolean;
}

/** `taskspan list`: the tasks, newest first. */
export function listCommand(): Command {
  const command = new Command('list')
    .summary('list the tasks, newest first')
    .description('Lists the tasks, newest first: state, progress, age, duration, name and UUID.')
    .addOption(new Option('-n, --limit <number>', 'how many at the most').default(20).argParser(parseCount(1)))
    .addOption(new Option('--state <state>', 'only tasks in this state').choices(TASK_STATES))
    .addOption(jsonOption('print their records, without logs, as a JSON array'));
  return addSourceOptions(command).action(async ({ limit, state, json }: ListOptions) => {
    const tasks = await withSource(sourceOf(command), (source) => source.tasks({ limit, ...(state && { state }) }));
    if (json === true) {
      process.stdout.write(`${JSON.stringify(tasks)}\n`);
      return;
    }
    const [{ listLines }, { paint }] = await Promise.all([import('./view/list-lines.ts'), import('./view/terminal-text.ts')]);
    const lines = listLines(tasks, { columns: process.stdout.columns || undefined, now: Date.now(), paint });
    process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    if (tasks.length === 0) process.stderr.write('no tasks\n');
  });
}
