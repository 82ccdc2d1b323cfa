import { visible } from '../../src/log-line.ts';
import { redactedText } from '../options/kinds.ts';
import { CommandError, EXIT_OK } from './exit-codes.ts';
import type { SourceName, TaskArgument } from './options.ts';
import { withTask } from './open-source.ts';

/** A task to delete, with the source that has it. */
interface NamedTask {
  readonly task: TaskArgument;
  readonly source: SourceName;
}

/**
 * Deletes tasks that have ended, and resolves to the exit code. One that can't be deleted is reported, and the others are
 * deleted all the same: the exit code is that of the first failure.
 */
export async function deleteTasks(tasks: readonly NamedTask[], { json = false }: { readonly json?: boolean }): Promise<number> {
  let exitCode = EXIT_OK;
  for (const { task, source: name } of tasks) {
    try {
      const deleted = await withTask(name, task, async (source, uuid) => {
        await source.delete(uuid);
        return uuid;
      });
      process.stdout.write(json ? `${JSON.stringify({ task_uuid: deleted, deleted: true })}\n` : `deleted ${deleted}\n`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      process.stderr.write(`taskspan: ${visible(redactedText(error.message))}\n`);
      exitCode ||= error.exitCode;
    }
  }
  return exitCode;
}
