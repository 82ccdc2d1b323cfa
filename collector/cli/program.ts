import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { describeFailure, failureText } from '../../src/failure.ts';
import { cancelCommand } from './cancel-command.ts';
import { variableText } from '../options/read.ts';
import { CommandError } from './command-error.ts';
import { EXIT_CODES_HELP, EXIT_FAILED, EXIT_OK, EXIT_USAGE } from './exit-codes.ts';
import type { ExitWith } from './exit-codes.ts';
import { listCommand } from './list-command.ts';
import { runCommand } from './run-command.ts';
import { serveCommand } from './serve-command.ts';
import { showCommand } from './show-command.ts';
import { tailCommand } from './tail-command.ts';

/**
 * Runs the `taskspan` command and resolves to its exit code, one of `exit-codes.ts` or that of a
 * program which it ran. Where it could not run, one line on standard error says why.
 *
 * @param args The arguments after the command's name.
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode = EXIT_OK;
  deleteEmptyVariables(process.env);
  try {
    await createProgram((code) => (exitCode = code)).parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    const [line = ''] = failureText(describeFailure(error)).split('\n');
    process.stderr.write(`taskspan: ${line}\n`);
    return error instanceof CommandError ? error.exitCode : EXIT_FAILED;
  }
}

function createProgram(exitWith: ExitWith): Command {
  const program = new Command('taskspan')
    .description('One instrumentation for background tasks: live log and status record, and a trace.')
    .version(packageVersion(), '-V, --version')
    .addHelpText('after', EXIT_CODES_HELP)
    // So that the options of a program that is run are its own.
    .enablePositionalOptions()
    .exitOverride();
  const commands = [
    listCommand(),
    showCommand(),
    tailCommand(exitWith),
    cancelCommand(),
    runCommand(exitWith),
    serveCommand(),
  ];
  // Made by `command()` or added, each subcommand must throw rather than exit.
  for (const command of commands) program.addCommand(command.copyInheritedSettings(program));
  return program;
}

/** Deletes the variables of taskspan that are unset in our sense: for commander an empty one is a value. */
function deleteEmptyVariables(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    if (name.startsWith('TASKSPAN_') && variableText(env, name) === undefined) delete env[name];
  }
}

/** The package finds itself by name, in the repository and where it is installed. */
function packageVersion(): string {
  const { version } = createRequire(import.meta.url)('taskspan/package.json') as { version: string };
  return version;
}
