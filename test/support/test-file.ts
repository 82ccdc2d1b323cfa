import { AsyncLocalStorage } from 'node:async_hooks';

/**
 * The test file whose work runs. Timers, streams and threads belong to the file that has begun them, also while a later
 * file of the process runs.
 */
export const testFile: AsyncLocalStorage<string> = ((globalThis as Record<symbol, unknown>)[Symbol.for('taskspan.test-file')] ??=
  new AsyncLocalStorage()) as AsyncLocalStorage<string>;
