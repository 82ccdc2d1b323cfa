/** How a task was left open. */
export type UnfinishedErrorCode =
  /** Nobody had its updater any more. */
  | 'TASKSPAN_ABANDONED'
  /** Its process ended. */
  | 'TASKSPAN_PROCESS_ENDED';

/** Why a task failed that nobody has ended. */
export class UnfinishedError extends Error {
  override readonly name = 'UnfinishedError';
  readonly code: UnfinishedErrorCode;

  constructor(code: UnfinishedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
