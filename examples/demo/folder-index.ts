import { extname } from 'node:path';
import type { FileContent } from './file-content.ts';
import type { FoundFile } from './folder-walk.ts';

/** What a folder consists of. Paths are relative to it; sizes are bytes. */
export interface FolderIndex {
  readonly folder: string;
  /** How many files were read. */
  readonly files: number;
  readonly folders: number;
  readonly bytes: number;
  /** Lines of the files that are not binary. */
  readonly lines: number;
  /** How many files and folders could not be read. */
  readonly unreadable: number;
  /** The ten largest files, the largest first. */
  readonly largest: readonly FileSize[];
  /** By extension, those with most bytes first; at most 50. */
  readonly kinds: readonly FileKind[];
  /** Files that the folder has more than once, those that waste most first; at most 50. */
  readonly duplicates: readonly Duplicate[];
  /** Bytes that would be free without the duplicates, all of them. */
  readonly wasted: number;
}

export interface FileSize {
  readonly path: string;
  readonly bytes: number;
}

export interface FileKind {
  /** The extension in lower case, as in `.ts`; `''` for none. */
  readonly kind: string;
  readonly files: number;
  readonly bytes: number;
  readonly lines: number;
}

export interface Duplicate {
  /** Size of one copy. */
  readonly bytes: number;
  /** Size of all copies but one. */
  readonly wasted: number;
  readonly paths: readonly string[];
}

/** A file that was hashed, since another one has its size. */
export interface HashedFile extends FoundFile {
  readonly hash: string;
}

const MOST_LARGEST = 10;
const MOST_KINDS = 50;
const MOST_DUPLICATES = 50;

/** Adds up files as they are read. What it holds does not grow with their content. */
export class FolderTotals {
  readonly hashed: HashedFile[] = [];
  files = 0;
  bytes = 0;
  lines = 0;
  #largest: FileSize[] = [];
  readonly #kinds = new Map<string, { files: number; bytes: number; lines: number }>();

  add(file: FoundFile, content: FileContent): void {
    const { bytes, lines = 0, hash } = content;
    this.files += 1;
    this.bytes += bytes;
    this.lines += lines;
    if (hash !== undefined) this.hashed.push({ ...file, bytes, hash });
    this.#addKind(kindOf(file.path), bytes, lines);
    this.#addSize({ path: file.path, bytes });
  }

  get largest(): readonly FileSize[] {
    return this.#largest;
  }

  kinds(): FileKind[] {
    const kinds = [...this.#kinds].map(([kind, totals]) => ({ kind, ...totals }));
    return kinds.toSorted((one, other) => other.bytes - one.bytes || byText(one.kind, other.kind)).slice(0, MOST_KINDS);
  }

  #addKind(kind: string, bytes: number, lines: number): void {
    const totals = this.#kinds.get(kind) ?? { files: 0, bytes: 0, lines: 0 };
    totals.files += 1;
    totals.bytes += bytes;
    totals.lines += lines;
    this.#kinds.set(kind, totals);
  }

  #addSize(file: FileSize): void {
    const last = this.#largest.at(-1);
    if (this.#largest.length === MOST_LARGEST && last !== undefined && file.bytes <= last.bytes) return;
    this.#largest = [...this.#largest, file].toSorted(bySize).slice(0, MOST_LARGEST);
  }
}

/** Files of the same content. Empty files are not counted, and further names of one file waste nothing. */
export function findDuplicates(files: Iterable<HashedFile>): { duplicates: Duplicate[]; wasted: number } {
  const copies = new Map<string, HashedFile[]>();
  const links = new Set<string>();
  for (const file of files) {
    if (file.bytes === 0 || (file.link !== undefined && links.has(file.link))) continue;
    if (file.link !== undefined) links.add(file.link);
    const key = `${file.bytes} ${file.hash}`;
    const same = copies.get(key);
    if (same === undefined) copies.set(key, [file]);
    else same.push(file);
  }
  const duplicates: Duplicate[] = [];
  let wasted = 0;
  for (const same of copies.values()) {
    const [first] = same;
    if (first === undefined || same.length < 2) continue;
    const duplicate = {
      bytes: first.bytes,
      wasted: first.bytes * (same.length - 1),
      paths: same.map((file) => file.path).toSorted(byText),
    };
    wasted += duplicate.wasted;
    duplicates.push(duplicate);
  }
  duplicates.sort((one, other) => other.wasted - one.wasted || byText(one.paths[0] ?? '', other.paths[0] ?? ''));
  return { duplicates: duplicates.slice(0, MOST_DUPLICATES), wasted };
}

// What stands after the last dot of "Notes of 3.4. and later" is no kind of file.
const EXTENSION = /^\.[\p{L}\p{N}_+-]{1,16}$/u;

function kindOf(path: string): string {
  const extension = extname(path).toLowerCase();
  return EXTENSION.test(extension) ? extension : '';
}

function bySize(one: FileSize, other: FileSize): number {
  return other.bytes - one.bytes || byText(one.path, other.path);
}

function byText(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
