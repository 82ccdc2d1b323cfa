import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { newDisk } from './disk.ts';
import { holdLock } from './lock.ts';

test('a lock is waited for until the disk has room for it', async ({ skip }) => {
  const disk = newDisk();
  onTestFinished(() => disk.remove());
  skip(!disk.isFileSystem, 'a file system can not be mounted here');
  const path = join(disk.folder, 'tasks.sqlite');
  // A closed database has no file of shared memory: the first process that opens it writes one.
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE task (uuid)');
  database.close();

  disk.beFull([]);
  const lock = holdLock(path, 0);
  disk.free([]);

  await expect(lock).resolves.toBeUndefined();
});
