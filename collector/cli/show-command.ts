import { Command } from 'commander';
import { addSourceOptions, jsonOption, sourceOf, taskArgument } from './options.ts';
import type { TaskArgument } from './options.ts';
import { PassedOutput } from './passed-output.ts';
import { withSource } from './with-source.ts';

interface ShowOptions {
  readonly log?: boolean;
  readonly json?: boolean;
}

/** `taskspan show UUID`: a task as it is now. */
export function showCommand(): Command {
  const command = new Command('show')
    .summary('show a task as it is now')
    .description('Shows a task as it is now: its record, its scopes and the end of its log.')
    .addArgument(taskArgument())
    .option('--log', 'print the whole log and nothing else')
    .addOption(jsonOption('print the record as JSON').conflicts('log'));
  return addSourceOptions(command).action(async (task: TaskArgument, { log, json }: ShowOptions) => {
    await withSource(sourceOf(command, task), async (source) => {
      const { harmlessLines, paint } = await import('./view/terminal-text.ts');
      const { uuid } = task;
      if (log === true) {
        const output = new PassedOutput(process.stdout);
        for await (const text of source.log(uuid)) await output.write(harmlessLines(text));
        return;
      }
      const record = await source.task(uuid);
      if (json === true) {
        process.stdout.write(`${JSON.stringify(record)}\n`);
        return;
      }
      const [attempts, { recordLines }] = await Promise.all([source.scopes(uuid), import('./view/record-lines.ts')]);
      const lines = recordLines(record, attempts, { columns: process.stdout.columns || undefined, now: Date.now(), paint });
      process.stdout.write(lines.map((line) => `${line}\n`).join(''));
    });
  });
}
