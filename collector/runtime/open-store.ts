import { fixedPath } from '../store/sqlite-file.ts';
import { sqliteStore } from '../store/sqlite-store.ts';
import { TaskStoreError } from '../store/task-store-error.ts';
import type { TaskStore } from '../store/task-store.ts';

const URL_OF_STORE = /^[a-z][a-z0-9+.-]+:\/\//i;

/** A store by its path or URL. Today that is the path of a SQLite file. */
export function openStore(location: string): TaskStore {
  if (URL_OF_STORE.test(location)) {
    throw new TaskStoreError('UNAVAILABLE', `${location}: expected the path of a SQLite file; no other store is known yet`);
  }
  return sqliteStore(location);
}

/** The path or URL of a store, so that `process.chdir()` does not make it that of another one. */
export function fixedLocation(location: string): string {
  return URL_OF_STORE.test(location) ? location : fixedPath(location);
}
