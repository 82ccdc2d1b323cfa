import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { describeFailure, failureText } from '../../src/failure.ts';
import { demoCommand } from './demo-command.ts';

/** Exit codes of the command. */
export const EXIT_OK = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;

/**
 * Runs the `taskspan` command and resolves to its exit code: 0 if all went well, 1 if it could
 * not run (one line on standard error says why), 2 if it was called wrongly.
 *
 * @param args The arguments after the command's name.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(args, { from: 'user' });
    return EXIT_OK;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const [line = ''] = failureText(describeFailure(error)).split('\n');
    process.stderr.write(`taskspan: ${line}\n`);
    return EXIT_FAILED;
  }
}

function createProgram(): Command {
  const program = new Command('taskspan')
    .description('One instrumentation for background tasks: live log and status record, and a trace.')
    .version(packageVersion(), '-V, --version')
    .exitOverride();
  // Made by `command()` or added, each subcommand must throw rather than exit.
  for (const command of [demoCommand()]) program.addCommand(command.copyInheritedSettings(program));
  return program;
}

/** The package finds itself by name, in the repository and where it is installed. */
function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('taskspan/package.json') as { version: string };
  return version;
}
