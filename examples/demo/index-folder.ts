/**
 * Indexes a folder as a task: its largest files, bytes and lines by kind, and the files that it has more than once.
 * Three things to look at: a plan with weights, scopes that run at the same time, and failed jobs that do not end the
 * task.
 */
import { realpath } from 'node:fs/promises';
import { basename, join, sep } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Scope, TaskUpdater } from 'taskspan';
import { readContent } from './file-content.ts';
import { findDuplicates, FolderTotals } from './folder-index.ts';
import type { FolderIndex } from './folder-index.ts';
import { walkFolder } from './folder-walk.ts';
import type { FoundFile } from './folder-walk.ts';
import { counted, humanBytes, humanCount, notifyDuplicates, notifySummary, onOneLine } from './index-report.ts';

export interface IndexFolderOptions {
  /** Names of files and folders that are left out in each folder. Default: `.git`, `node_modules`. */
  readonly leaveOut?: readonly string[];
  /** Stops the task, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long the reading takes at least, in milliseconds, so that a person can watch it. Default 0. */
  readonly readingMs?: number;
}

export const LEFT_OUT_NAMES: readonly string[] = ['.git', 'node_modules'];

/**
 * Indexes the folder. The index becomes the task's result.
 *
 * A file that can't be read is a failed job, and the task goes on. Rejects where the folder itself can't be read.
 */
export async function indexFolder(
  updater: TaskUpdater<false>,
  folder: string,
  options: IndexFolderOptions = {},
): Promise<FolderIndex> {
  updater.plan({ 'Find files': 1, 'Read files': 17, 'Find duplicates': 1, 'Write summary': 1 });
  const found = await updater.scope('Find files', (scope) => findFiles(scope, folder, options));
  const read = await updater.scope('Read files', (scope) => readFiles(scope, found, options));
  const same = updater.scope('Find duplicates', (scope) => {
    const duplicates = findDuplicates(scope.each(read.totals.hashed));
    notifyDuplicates(scope, duplicates);
    return duplicates;
  });
  return updater.scope('Write summary', (scope) => {
    const { totals } = read;
    const index: FolderIndex = {
      folder: found.root,
      files: totals.files,
      folders: found.folders,
      bytes: totals.bytes,
      lines: totals.lines,
      unreadable: found.unreadable + read.unreadable,
      largest: totals.largest,
      kinds: totals.kinds(),
      ...same,
    };
    notifySummary(scope, index);
    updater.setResult(index);
    return index;
  });
}

/** The files of a folder, before any of them has been read. */
interface FoundFiles {
  readonly root: string;
  readonly groups: readonly FileGroup[];
  readonly folders: number;
  /** How many folders and files could not be looked at. */
  readonly unreadable: number;
  /** Sizes that more than one file has. */
  readonly sharedSizes: ReadonlySet<number>;
}

/** A notification follows after each so many files. */
const NOTIFY_EVERY_FILES = 25_000;

/** Walks the folder. A folder or file that it can't look at is a failed job. */
export async function findFiles(scope: Scope<false>, folder: string, options: IndexFolderOptions = {}): Promise<FoundFiles> {
  const root = await realpath(folder);
  const leftOut = new Map<string, number>();
  const byTop = new Map<string, FoundFile[]>();
  const sizes = new Set<number>();
  const sharedSizes = new Set<number>();
  let files = 0;
  let bytes = 0;
  let folders = 0;
  let unreadable = 0;
  await walkFolder(
    root,
    {
      folder() {
        folders += 1;
      },
      file(file) {
        files += 1;
        bytes += file.bytes;
        (sizes.has(file.bytes) ? sharedSizes : sizes).add(file.bytes);
        const top = topOf(file.path);
        const group = byTop.get(top);
        if (group === undefined) byTop.set(top, [file]);
        else group.push(file);
        scope.progress(files);
        if (files % NOTIFY_EVERY_FILES === 0) scope.notify(`${humanCount(files)} files so far`);
      },
      leftOut(path, reason) {
        const what = reason === 'by name' ? basename(path) : `${reason}s`;
        leftOut.set(what, (leftOut.get(what) ?? 0) + 1);
      },
      unreadable(path, error) {
        unreadable += 1;
        failedRead(scope, path, error);
      },
    },
    { leaveOut: new Set(options.leaveOut ?? LEFT_OUT_NAMES), signal: options.signal },
  );
  scope.notify(`${counted(files, 'file')} in ${counted(folders, 'folder')}, ${humanBytes(bytes)}`);
  if (leftOut.size > 0) {
    const names = [...leftOut].map(([what, count]) => `${onOneLine(what)}${count === 1 ? '' : ` (${humanCount(count)})`}`);
    scope.notify(`Left out: ${names.join(', ')}`);
  }
  return { root, groups: groupsOf(byTop), folders, unreadable, sharedSizes };
}

const GROUPS_AT_ONCE = 4;
const BUFFER_BYTES = 256 * 1024;

/** Reads the files, several groups at the same time. A file that it can't read is a failed job. */
export async function readFiles(
  scope: Scope<false>,
  found: FoundFiles,
  options: IndexFolderOptions = {},
): Promise<{ totals: FolderTotals; unreadable: number }> {
  const totals = new FolderTotals();
  let unreadable = 0;
  const waiting = found.groups.values();
  const wait = pacer(found.groups, options);
  if (found.groups.length > 0) scope.plan(Object.fromEntries(found.groups.map((group) => [group.name, group.work])));

  const readGroup = async (inner: Scope<false>, group: FileGroup, buffer: Buffer): Promise<void> => {
    let done = 0;
    let bytes = 0;
    let lines = 0;
    let files = 0;
    for (const file of group.files) {
      options.signal?.throwIfAborted();
      try {
        const content = await readContent(join(found.root, file.path), {
          buffer,
          hash: found.sharedSizes.has(file.bytes),
          // A long file moves the bar too.
          onRead: (read) => inner.progress(done + Math.floor((10 * Math.min(read, file.bytes)) / file.bytes) / 10, group.files.length),
          signal: options.signal,
        });
        totals.add(file, content);
        files += 1;
        bytes += content.bytes;
        lines += content.lines ?? 0;
      } catch (error) {
        options.signal?.throwIfAborted();
        unreadable += 1;
        failedRead(inner, file.path, error);
      }
      done += 1;
      inner.progress(done, group.files.length);
      await wait(workOf(file));
    }
    inner.notify(`${counted(files, 'file')}, ${humanBytes(bytes)}, ${counted(lines, 'line')}`);
  };

  const readers = Array.from({ length: Math.min(GROUPS_AT_ONCE, found.groups.length) }, async () => {
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    for (const group of waiting) await scope.scope(group.name, (inner) => readGroup(inner, group, buffer));
  });
  // Waits for all readers, so that none still runs when the caller gets an error.
  for (const reader of await Promise.allSettled(readers)) if (reader.status === 'rejected') throw reader.reason;
  return { totals, unreadable };
}

/** Makes a function that waits after some work was done, so that all of it takes at least `readingMs`. */
function pacer(groups: readonly FileGroup[], { readingMs = 0, signal }: IndexFolderOptions): (work: number) => Promise<void> {
  const all = groups.reduce((work, group) => work + group.work, 0);
  const began = performance.now();
  let done = 0;
  return async (work) => {
    done += work;
    const aheadMs = began + (readingMs * done) / all - performance.now();
    // A timer for each of many small files would take longer than planned.
    if (aheadMs > 10) await setTimeout(aheadMs, undefined, { signal });
  };
}

/** A failed job for what could not be read: the error is the file system's own. */
function failedRead(scope: Scope<false>, path: string, error: unknown): void {
  scope.scope(`Read ${path}`).fail(error);
}

/** Files that one scope reads, one after the other. */
interface FileGroup {
  readonly name: string;
  readonly files: readonly FoundFile[];
  /** Estimated work: the more, the longer it takes. */
  readonly work: number;
}

/** With more groups the small groups become one, so that a log stays a page. */
const MOST_GROUPS = 16;
/** Opening and closing a file takes as long as reading this many bytes. */
const OPEN_BYTES = 64 * 1024;

function groupsOf(byTop: ReadonlyMap<string, FoundFile[]>): FileGroup[] {
  const groups = [...byTop].map(([top, files]) => groupOf(top === '' ? 'Read the top folder' : `Read ${top}${sep}`, files));
  if (groups.length <= MOST_GROUPS) return groups;
  const ranked = groups.toSorted((one, other) => other.work - one.work);
  const rest = ranked.slice(MOST_GROUPS - 1);
  return [
    ...ranked.slice(0, MOST_GROUPS - 1),
    groupOf(`Read ${humanCount(rest.length)} smaller folders`, rest.flatMap((group) => group.files)),
  ];
}

function groupOf(name: string, files: readonly FoundFile[]): FileGroup {
  return { name, files, work: files.reduce((work, file) => work + workOf(file), 0) };
}

/** Estimated work of reading one file. */
function workOf(file: FoundFile): number {
  return file.bytes + OPEN_BYTES;
}

/** The first folder of a path, `''` for a file that is in none. */
function topOf(path: string): string {
  const end = path.indexOf(sep);
  return end < 0 ? '' : path.slice(0, end);
}
