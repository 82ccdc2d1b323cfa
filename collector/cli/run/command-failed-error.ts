/** How a program ended that has failed. */
export class CommandFailedError extends Error {
  override readonly name = 'CommandFailedError';
  readonly code = 'TASKSPAN_COMMAND_FAILED';
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;

  constructor(exitCode: number | null, signal: NodeJS.Signals | null) {
    super(signal === null ? `exit code ${exitCode}` : `ended by signal ${signal}`);
    this.exitCode = exitCode;
    this.signal = signal;
  }
}
