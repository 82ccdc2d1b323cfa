/** Why a store can't be used. */
export type TaskStoreErrorCode =
  /** It can't be opened, read or written: a missing folder, no permission, no server. */
  | 'UNAVAILABLE'
  /** It is a database of something else, or no database at all. It was not touched. */
  | 'FOREIGN'
  /** A later version of taskspan has written it. It was not touched. */
  | 'NEWER_SCHEMA';

/** A store that can't be used; `message` is one line that names it. */
export class TaskStoreError extends Error {
  override readonly name = 'TaskStoreError';
  readonly code: TaskStoreErrorCode;

  constructor(code: TaskStoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
