import { fixedPath } from './sqlite/open-file.ts';
import { sqliteStore } from './sqlite/sqlite-store.ts';
import { TaskStoreError, STORE_METHODS } from './task-store.ts';
import type { SqliteTaskStore, TaskStore } from './task-store.ts';

const URL_OF_STORE = /^[a-z][a-z0-9+.-]+:\/\//i;

/** The store at a path or URL. Today that is the path of a SQLite file: each call of another store rejects. */
export function storeAt(location: string): TaskStore | SqliteTaskStore {
  if (!URL_OF_STORE.test(location)) return sqliteStore(location);
  return unavailableStore(`${redacted(location)}: expected the path of a SQLite file; no other store is known yet`);
}

/** The path or URL of a store, so that `process.chdir()` does not make it that of another one. */
export function fixedLocation(location: string): string {
  return URL_OF_STORE.test(location) ? location : fixedPath(location);
}

/** A location for messages: of a URL without user, password and parameters, also where it is no valid one. */
export function redacted(location: string): string {
  if (!URL_OF_STORE.test(location)) return location;
  const start = location.indexOf('://') + '://'.length;
  const rest = location.slice(Math.max(start, location.lastIndexOf('@') + 1));
  return location.slice(0, start) + rest.replace(/[?#].*$/s, '');
}

/** Stands for a store that can't be had in this process: each call rejects with the reason. */
export function unavailableStore(reason: string): TaskStore {
  const reject = (): Promise<never> => Promise.reject(new TaskStoreError('UNAVAILABLE', reason));
  const methods = Object.fromEntries(STORE_METHODS.map((method) => [method, reject]));
  return { ...(methods as unknown as TaskStore), watch: () => () => undefined, close: () => Promise.resolve() };
}
