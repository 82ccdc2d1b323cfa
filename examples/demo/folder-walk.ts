import { lstat, readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';

/** A regular file, as the walk found it. */
export interface FoundFile {
  /** Relative to the folder that is walked. */
  readonly path: string;
  readonly bytes: number;
  /** The same for all names of one file; absent where the file has one name only. */
  readonly link?: string;
}

/** Gets what a walk finds. */
export interface FolderVisitor {
  file(file: FoundFile): void;
  /** A folder that is going to be read; `''` for the first one. */
  folder(path: string): void;
  /** A folder or file that is not read, and why. */
  leftOut(path: string, reason: LeftOut): void;
  /** A folder or file that can't be read; a folder's path ends with a separator. The walk goes on. */
  unreadable(path: string, error: unknown): void;
}

export type LeftOut = 'by name' | 'link' | 'other file system' | 'special file';

export interface FolderWalkOptions {
  /** Names of files and folders that are left out in each folder. */
  readonly leaveOut: ReadonlySet<string>;
  /** Stops the walk: it then rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

const STATS_AT_ONCE = 32;

/**
 * Walks all files under a folder, in the order of their names.
 *
 * Links are not followed, and no other file system is entered: under `/` that leaves out `/proc`
 * and its endless files. Rejects where the first folder itself can't be read.
 */
export async function walkFolder(root: string, visitor: FolderVisitor, options: FolderWalkOptions): Promise<void> {
  const device = (await stat(root, '.')).dev;
  const folders = [''];
  for (let path = folders.pop(); path !== undefined; path = folders.pop()) {
    options.signal?.throwIfAborted();
    let entries;
    try {
      if (path !== '' && (await stat(root, path)).dev !== device) {
        visitor.leftOut(path, 'other file system');
        continue;
      }
      entries = await readdir(join(root, path), { withFileTypes: true });
    } catch (error) {
      if (path === '') throw error;
      visitor.unreadable(path + sep, error);
      continue;
    }
    visitor.folder(path);
    entries.sort((one, other) => (one.name < other.name ? -1 : 1));
    const inner: string[] = [];
    const files: string[] = [];
    for (const entry of entries) {
      const entryPath = join(path, entry.name);
      if (options.leaveOut.has(entry.name)) visitor.leftOut(entryPath, 'by name');
      else if (entry.isDirectory()) inner.push(entryPath);
      else if (entry.isFile()) files.push(entryPath);
      else visitor.leftOut(entryPath, entry.isSymbolicLink() ? 'link' : 'special file');
    }
    await visitFiles(root, files, visitor);
    for (const entryPath of inner.toReversed()) folders.push(entryPath);
  }
}

async function visitFiles(root: string, paths: readonly string[], visitor: FolderVisitor): Promise<void> {
  for (let at = 0; at < paths.length; at += STATS_AT_ONCE) {
    const some = paths.slice(at, at + STATS_AT_ONCE);
    const found = await Promise.allSettled(some.map((path) => stat(root, path)));
    for (const [index, result] of found.entries()) {
      const path = some[index] ?? '';
      if (result.status === 'rejected') visitor.unreadable(path, result.reason);
      else if (!result.value.isFile()) visitor.leftOut(path, 'special file');
      else visitor.file(foundFile(path, result.value));
    }
  }
}

type FileStats = Awaited<ReturnType<typeof stat>>;

function stat(root: string, path: string) {
  // Node numbers on Windows and on some file systems exceed what a number holds exactly.
  return lstat(join(root, path), { bigint: true });
}

function foundFile(path: string, stats: FileStats): FoundFile {
  const bytes = Number(stats.size);
  return stats.nlink > 1n ? { path, bytes, link: `${stats.dev}:${stats.ino}` } : { path, bytes };
}
