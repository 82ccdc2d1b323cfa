import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The disk of a round, which can be full. */
export interface Disk {
  readonly folder: string;
  /** Whether it is full for all processes, else only for those that are passed in. */
  readonly isFileSystem: boolean;
  /** From now on nothing more can be written by these processes. */
  beFull(pids: readonly number[]): void;
  free(pids: readonly number[]): void;
  remove(): void;
}

/**
 * Makes a small file system, where one can be mounted: it is full for all processes, and
 * writes fail by `ENOSPC`. Elsewhere it makes a folder, and limits the size of the files of each process.
 */
export function newDisk(): Disk {
  const folder = mkdtempSync(join(tmpdir(), 'taskspan-faults-'));
  return mounts() ? mountedDisk(folder) : limitedDisk(folder);
}

let canMount: boolean | undefined;

function mounts(): boolean {
  return (canMount ??= tryMount());
}

function tryMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'taskspan-faults-'));
  try {
    mount(folder);
    execFileSync('umount', [folder]);
    return true;
  } catch {
    // This user may not mount, or the container forbids it.
    return false;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function mount(folder: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'taskspan-faults', folder], { stdio: 'ignore' });
}

function mountedDisk(folder: string): Disk {
  mount(folder);
  const ballast = join(folder, 'ballast');
  return {
    folder,
    isFileSystem: true,
    beFull: () => writeUntilFull(ballast),
    free: () => truncateSync(ballast),
    remove() {
      execFileSync('umount', [folder]);
      rmSync(folder, { recursive: true });
    },
  };
}

function writeUntilFull(path: string): void {
  const file = openSync(path, 'a');
  try {
    for (const bytes of [1024 * 1024, 4096]) {
      try {
        for (;;) writeSync(file, Buffer.alloc(bytes));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(file);
  }
}

function limitedDisk(folder: string): Disk {
  const limit = (pids: readonly number[], bytes: number | 'unlimited'): void => {
    for (const pid of pids) {
      try {
        // The soft limit alone: a soft limit can be raised again.
        execFileSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`], { stdio: 'ignore' });
      } catch (error) {
        // A process that has ended meanwhile has no limits.
        if ((error as { status?: number }).status !== 1) throw error;
      }
    }
  };
  return {
    folder,
    isFileSystem: false,
    beFull: (pids) => limit(pids, 4096),
    free: (pids) => limit(pids, 'unlimited'),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
