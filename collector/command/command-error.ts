/** Why a command can't run, in one line for the person who called it: exit code 1, no stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code = 'TASKSPAN_COMMAND';
}
