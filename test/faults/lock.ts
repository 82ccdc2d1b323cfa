import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

const AGAIN_MS = 5;
const SQLITE_BUSY = 5;

/** Locks a SQLite file for so long, from the moment on at which nobody else has it locked. */
export async function holdLock(path: string, forMs: number): Promise<void> {
  // It must not wait by standing still: a process that this one has stopped may hold the lock.
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    while (!isLocked(database)) await pause(AGAIN_MS);
    await pause(forMs);
  } finally {
    database.close();
  }
}

function isLocked(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
    return false;
  }
}
