import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { sqliteStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { SqliteTaskStore } from '../../../collector/store/task-store.ts';

/** The path of a file that is not there yet, in a folder that is gone after the test. */
export function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'taskspan-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'tasks.sqlite');
}

/** A store in a file, closed after the test if it is still open. */
export function storeIn(path: string): SqliteTaskStore {
  const store = sqliteStore(path);
  onTestFinished(() => store.close().catch(() => undefined));
  return store;
}
