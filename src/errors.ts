
/**
 * Why a task stops that was cancelled: the reason of `updater.signal`, and what `scope` and `each`
 * throw.
 *
 * Its `name` is `AbortError`, as the web's and Node's own are called, so that code which knows
 * how to be aborted (retries, pools) knows it too; its `code` tells it from theirs.
 */
export class TaskCancelledError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'TASKSPAN_CANCELLED';
  /** UUID of the task. */
  readonly taskUuid: string;

  constructor(taskUuid: string) {
    super(`task ${taskUuid} was cancelled`);
    this.taskUuid = taskUuid;
  }
}

/** Whether a thrown value is what an aborted call throws, by the name that all of them have. */
export function isAbortError(thrown: unknown): boolean {
  if (typeof thrown !== 'object' || thrown === null) return false;
  try {
    return (thrown as { name?: unknown }).name === 'AbortError';
  } catch {
    return false;
  }
}

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
