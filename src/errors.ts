/** The errors that taskspan makes. Each has a `code` to know it by. */

/**
 * Why a cancelled task stops: the reason of `updater.signal`, and what `scope` and `each` throw.
 *
 * Its `name` is `AbortError`, as that of the web's and of Node's own errors, so that code which can be aborted (retries,
 * pools) recognizes it. Its `code` distinguishes it from theirs.
 */
export class TaskCancelledError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'TASKSPAN_CANCELLED';
  /** UUID of the task. */
  readonly taskUuid: string;
  /** Name of the requester and the reason, as far as the request has them. */
  readonly by: string | undefined;
  readonly reason: string | undefined;

  constructor(taskUuid: string, { by, reason }: CancelReason = {}) {
    super(`task ${taskUuid} was cancelled${reasonText({ by, reason })}`);
    this.taskUuid = taskUuid;
    this.by = by;
    this.reason = reason;
  }
}

/** Who requests that a task is cancelled, and why. */
export interface CancelReason {
  readonly by?: string | undefined;
  readonly reason?: string | undefined;
}

/** ` by NAME: REASON`, as far as they are known. */
export function reasonText({ by, reason }: CancelReason): string {
  return (by === undefined ? '' : ` by ${by}`) + (reason === undefined ? '' : `: ${reason}`);
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

/** Why a scope or task failed that was disposed of without `complete()`. */
export class IncompleteError extends Error {
  override readonly name = 'IncompleteError';
  readonly code = 'TASKSPAN_INCOMPLETE';

  constructor(name: string) {
    super(`"${name}" was disposed of without complete()`);
  }
}

/** How a task was left open. */
export type UnfinishedErrorCode =
  /** Its updater was garbage collected. */
  | 'TASKSPAN_ABANDONED'
  /** Its process ended. */
  | 'TASKSPAN_PROCESS_ENDED';

/** Why a task failed that its code has not ended. */
export class UnfinishedError extends Error {
  override readonly name = 'UnfinishedError';
  readonly code: UnfinishedErrorCode;

  constructor(code: UnfinishedErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
