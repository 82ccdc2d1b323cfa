import { sep } from 'node:path';
import { humanCount } from '../human-text.ts';
import type { FoundFile } from './folder-walk.ts';

/** Files that one scope reads, one after the other. */
export interface FolderPart {
  readonly name: string;
  readonly files: readonly FoundFile[];
  /** Estimated work: the more, the longer it takes. */
  readonly work: number;
}

/** Beyond these, small parts are put together, so that a log stays a page. */
const MOST_PARTS = 16;
/** What opening and closing a file costs, in bytes that could be read meanwhile. */
const OPEN_BYTES = 64 * 1024;

/** Estimated work of reading one file. */
export function workOf(file: FoundFile): number {
  return file.bytes + OPEN_BYTES;
}

/** The first folder of a path, `''` for a file that stands in none. */
export function topOf(path: string): string {
  const end = path.indexOf(sep);
  return end < 0 ? '' : path.slice(0, end);
}

/** Parts from the files by their first folder. */
export function partsOf(byTop: ReadonlyMap<string, FoundFile[]>): FolderPart[] {
  const parts = [...byTop].map(([top, files]) => partOf(top === '' ? 'Read the top folder' : `Read ${top}${sep}`, files));
  if (parts.length <= MOST_PARTS) return parts;
  const ranked = parts.toSorted((one, other) => other.work - one.work);
  const rest = ranked.slice(MOST_PARTS - 1);
  return [
    ...ranked.slice(0, MOST_PARTS - 1),
    partOf(`Read ${humanCount(rest.length)} smaller folders`, rest.flatMap((part) => part.files)),
  ];
}

function partOf(name: string, files: readonly FoundFile[]): FolderPart {
  return { name, files, work: files.reduce((work, file) => work + workOf(file), 0) };
}
