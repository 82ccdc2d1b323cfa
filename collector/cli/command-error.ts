import { EXIT_FAILED, EXIT_UNKNOWN_TASK, EXIT_USAGE } from './exit-codes.ts';

/** Why a command can't run, in one line for the person who called it: no stack. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
  readonly code = 'TASKSPAN_COMMAND';
  /** What the command exits with. */
  readonly exitCode: number = EXIT_FAILED;
}

/** There is no task of that UUID. */
export class UnknownTaskError extends CommandError {
  override readonly name = 'UnknownTaskError';
  override readonly exitCode: number = EXIT_UNKNOWN_TASK;
}

/** An option or a variable of the environment is invalid. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
  override readonly exitCode: number = EXIT_USAGE;
}

/** The store or the server does not answer just now; it may later. */
export class UnavailableError extends CommandError {
  override readonly name = 'UnavailableError';
}
