import { Command } from 'commander';
import { addSourceOptions, jsonOption, sourceOf, taskArgument } from './options.ts';
import type { TaskArgument } from './options.ts';
import { withSource } from './with-source.ts';

/** `taskspan cancel UUID`: asks a task to stop. */
export function cancelCommand(): Command {
  const command = new Command('cancel')
    .summary('ask a task to stop')
    .description('Asks the worker of a task to cancel it. It does not wait for that: `taskspan tail` does.')
    .addArgument(taskArgument())
    .addOption(jsonOption('print { "task_uuid", "cancel": "requested" }'));
  return addSourceOptions(command).action(async (task: TaskArgument, { json }: { readonly json?: boolean }) => {
    const { uuid } = task;
    await withSource(sourceOf(command, task), (source) => source.cancel(uuid));
    process.stdout.write(json === true ? `${JSON.stringify({ task_uuid: uuid, cancel: 'requested' })}\n` : `asked to cancel ${uuid}\n`);
  });
}
