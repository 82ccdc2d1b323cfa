import { sqliteStore } from './sqlite-store.ts';
import { TaskStoreError } from './task-store-error.ts';
import type { TaskStore } from './task-store.ts';

/** A store by its path or URL. Today that is the path of a SQLite file. */
export function openStore(location: string): TaskStore {
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(location)) {
    throw new TaskStoreError('UNAVAILABLE', `${location}: expected the path of a SQLite file; no other store is known yet`);
  }
  return sqliteStore(location);
}
