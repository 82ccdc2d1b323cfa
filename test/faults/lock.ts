import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';

const RETRY_MS = 5;
const GIVE_UP_MS = 20_000;
/** SQLite's primary result codes: https://www.sqlite.org/rescode.html */
const RESULT = { busy: 5, ioError: 10, full: 13, cannotOpen: 14 } as const;
/** The first process that opens a file writes a file of shared memory beside it, for which a full disk has no room. */
const LOCKED_OR_FULL: ReadonlySet<number> = new Set(Object.values(RESULT));

/** Locks a SQLite file for so long, as soon as no other process has it locked and its disk has room. */
export async function holdLock(path: string, forMs: number): Promise<void> {
  // It must not block: a process that the suite has stopped may hold the lock.
  const database = new DatabaseSync(path, { timeout: 0 });
  const until = performance.now() + GIVE_UP_MS;
  try {
    while (!isLocked(database, performance.now() > until)) await pause(RETRY_MS);
    await pause(forMs);
  } finally {
    database.close();
  }
}

function isLocked(database: DatabaseSync, isLate: boolean): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    const code = (error as { errcode?: number }).errcode;
    if (isLate || code === undefined || !LOCKED_OR_FULL.has(code & 0xff)) throw error;
    return false;
  }
}
