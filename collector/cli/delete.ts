import { CommandError, EXIT_OK } from './exit-codes.ts';
import type { SourceName } from './options.ts';
import { withSource } from './source.ts';

/** A task to delete, with the source that has it. */
interface DeletedTask {
  readonly uuid: string;
  readonly source: SourceName;
}

/**
 * Deletes tasks that have ended, and resolves to the exit code. One that can't be deleted is reported, and the others go
 * on: the exit code is that of the first failure.
 */
export async function deleteTasks(tasks: readonly DeletedTask[], { json = false }: { readonly json?: boolean }): Promise<number> {
  let exitCode = EXIT_OK;
  for (const ofSource of Map.groupBy(tasks, ({ source }) => JSON.stringify(source)).values()) {
    await withSource(ofSource[0]!.source, async (source) => {
      for (const { uuid } of ofSource) {
        try {
          await source.delete(uuid);
          process.stdout.write(json ? `${JSON.stringify({ task_uuid: uuid, deleted: true })}\n` : `deleted ${uuid}\n`);
        } catch (error) {
          if (!(error instanceof CommandError)) throw error;
          process.stderr.write(`taskspan: ${error.message}\n`);
          exitCode ||= error.exitCode;
        }
      }
    });
  }
  return exitCode;
}
