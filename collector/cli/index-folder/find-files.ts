import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Scope } from '../../../src/scope.ts';
import { counted, humanBytes, humanCount, onOneLine } from '../human-text.ts';
import { failedRead } from './failed-read.ts';
import { partsOf, topOf, type FolderPart } from './folder-part.ts';
import { walkFolder, type FoundFile } from './folder-walk.ts';
import { LEFT_OUT_NAMES, type IndexFolderOptions } from './index-folder-options.ts';

/** The files of a folder, before any of them has been read. */
export interface FoundFiles {
  readonly root: string;
  readonly parts: readonly FolderPart[];
  readonly folders: number;
  /** How many folders and files could not be looked at. */
  readonly unreadable: number;
  /** Sizes that more than one file has. */
  readonly sharedSizes: ReadonlySet<number>;
}

/** A folder with very many files says so now and then. */
const NEWS_EVERY = 25_000;

/** Walks the folder. What it can't look at is a failed job. */
export async function findFiles(
  scope: Scope<false>,
  folder: string,
  options: IndexFolderOptions = {},
): Promise<FoundFiles> {
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
        const part = byTop.get(top);
        if (part === undefined) byTop.set(top, [file]);
        else part.push(file);
        scope.progress(files);
        if (files % NEWS_EVERY === 0) scope.notify(`${humanCount(files)} files so far`);
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
    const told = [...leftOut].map(([what, count]) => `${onOneLine(what)}${count === 1 ? '' : ` (${humanCount(count)})`}`);
    scope.notify(`Left out: ${told.join(', ')}`);
  }
  return { root, parts: partsOf(byTop), folders, unreadable, sharedSizes };
}
