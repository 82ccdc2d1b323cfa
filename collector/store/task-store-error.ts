/** Why a store can't be used, or used for this. */
export type TaskStoreErrorCode =
  /** It can't be opened, read or written: a missing folder, no permission, no server. */
  | 'UNAVAILABLE'
  /** It is a database of something else, or no database at all. It was not touched. */
  | 'FOREIGN'
  /** The database is damaged. It is not written any more. */
  | 'CORRUPT'
  /** Its file was deleted or replaced while it was open: it has to be opened anew. */
  | 'GONE'
  /** It can't take these very facts, now or ever; others it may. */
  | 'REFUSED'
  /** A later version of taskspan has written it. It was not touched. */
  | 'NEWER_SCHEMA';

/** What a store can't do; `message` is one line. */
export class TaskStoreError extends Error {
  override readonly name = 'TaskStoreError';
  readonly code: TaskStoreErrorCode;

  constructor(code: TaskStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Whether it is a {@link TaskStoreError} of this code. Its class may be that of another copy of this package. */
export function isTaskStoreError(error: unknown, code: TaskStoreErrorCode): error is TaskStoreError {
  const { name, code: found } = (error ?? {}) as Partial<TaskStoreError>;
  return name === 'TaskStoreError' && found === code;
}
