import type { TaskState } from '../../src/task-record.ts';

/** Exit codes of the command, and the errors that end it. `docs/command.md` has the codes of each subcommand. */
export const EXIT_OK = 0;
/** The task has failed, or the command could not do its work: then standard error has one line about it. */
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
const EXIT_UNKNOWN_TASK = 3;
const EXIT_CANCELLED = 4;
const EXIT_LOST = 5;
const EXIT_GAVE_UP = 6;
/** As in shells: `run` got a file that is not a program. */
export const EXIT_NOT_EXECUTABLE = 126;
export const EXIT_NOT_FOUND = 127;
/** As in shells: this and a signal's number. */
export const EXIT_BY_SIGNAL = 128;

export const EXIT_CODES_HELP: string = `
Exit codes: 0 all went well, or the task has completed; 1 the task has failed, or what was asked
could not be done; 2 wrong usage; 3 no such task; 4 the task was cancelled; 5 it is lost;
6 the server was unreachable for too long.
\`run\` ends as its program does: 126 and 127 where there is none, 128 and more by a signal.`;

/** The exit code of a command that has followed a task to its end. */
export function exitCodeOf(state: TaskState): number {
  switch (state) {
    case 'completed':
      return EXIT_OK;
    case 'cancelled':
      return EXIT_CANCELLED;
    case 'lost':
      return EXIT_LOST;
    default:
      return EXIT_FAILED;
  }
}

/** The command can't run. Standard error has the message as one line, without a stack. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
  readonly code = 'TASKSPAN_COMMAND';
  readonly exitCode: number = EXIT_FAILED;
}

/** There is no task with that UUID. */
export class UnknownTaskError extends CommandError {
  override readonly name = 'UnknownTaskError';
  override readonly exitCode: number = EXIT_UNKNOWN_TASK;
}

/** An option or an environment variable is invalid. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
  override readonly exitCode: number = EXIT_USAGE;
}

/** The store or the server is unreachable now. A retry may succeed. */
export class UnavailableError extends CommandError {
  override readonly name: string = 'UnavailableError';
}

/** The server has been unreachable for so long that the command stopped trying. */
export class GaveUpError extends UnavailableError {
  override readonly name = 'GaveUpError';
  override readonly exitCode: number = EXIT_GAVE_UP;
}
