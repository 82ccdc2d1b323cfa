import { redacted } from '../options/kinds.ts';
import { fixedPath } from './sqlite/open-file.ts';
import { sqliteStore } from './sqlite/sqlite-store.ts';
import { TaskStoreError, STORE_METHODS } from './task-store.ts';
import type { SqliteTaskStore, TaskStore } from './task-store.ts';

const URL_OF_STORE = /^[a-z][a-z0-9+.-]+:\/\//i;

/** The store at a path or URL. Only the path of a SQLite file is known so far: with a URL each call of the store rejects. */
export function storeAt(location: string): TaskStore | SqliteTaskStore {
  if (!URL_OF_STORE.test(location)) return sqliteStore(location);
  return unavailableStore(`${redacted(location)}: expected the path of a SQLite file; no other store is known yet`);
}

/** The path or URL of a store, which stays that of the same store after `process.chdir()`. */
export function fixedLocation(location: string): string {
  return URL_OF_STORE.test(location) ? location : fixedPath(location);
}

/** A store that this process does not have: each read and write rejects with the reason; `watch` and `close` do nothing. */
export function unavailableStore(reason: string): TaskStore {
  const reject = (): Promise<never> => Promise.reject(new TaskStoreError('UNAVAILABLE', reason));
  const methods = Object.fromEntries(STORE_METHODS.map((method) => [method, reject]));
  return { ...(methods as unknown as TaskStore), watch: () => () => undefined, close: () => Promise.resolve() };
}
