/** Options of {@link indexFolder}. */
export interface IndexFolderOptions {
  /** Names of files and folders that are left out wherever they stand. Default: `.git`, `node_modules`. */
  leaveOut?: readonly string[];
  /** Stops the job: it then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** What an index leaves out unless told otherwise. */
export const LEFT_OUT_NAMES: readonly string[] = ['.git', 'node_modules'];
