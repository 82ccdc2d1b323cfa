import type { Scope } from 'taskspan';
import type { FolderIndex } from './folder-index.ts';

/** The lines that the index of a folder writes into the log, and their wording. */

/** Rows of a table in the log; the result has more. */
const MOST_ROWS = 10;
const MOST_PATHS = 2;

/** Lists the files that the folder has more than once. */
export function notifyDuplicates(scope: Scope<false>, { duplicates, wasted }: Pick<FolderIndex, 'duplicates' | 'wasted'>): void {
  if (duplicates.length === 0) {
    scope.notify('No file stands there twice');
    return;
  }
  const rows = duplicates.slice(0, MOST_ROWS).map((duplicate) => [humanBytes(duplicate.wasted), pathsOf(duplicate.paths)]);
  scope.notify(`${humanBytes(wasted)} could be saved:\n${table(rows)}`);
}

/** Lists the largest files and the kinds of files, and adds them up. */
export function notifySummary(scope: Scope<false>, index: FolderIndex): void {
  if (index.files > 0) {
    const largest = index.largest.map(({ path, bytes }) => [humanBytes(bytes), onOneLine(path)]);
    scope.notify(`Largest files:\n${table(largest)}`);
    const kinds = index.kinds
      .slice(0, MOST_ROWS)
      .map(({ kind, files, bytes, lines }) => [
        humanBytes(bytes),
        counted(lines, 'line'),
        counted(files, 'file'),
        kind === '' ? 'no extension' : kind,
      ]);
    scope.notify(`Bytes and lines by kind:\n${table(kinds)}`);
  }
  scope.notify(`In all ${counted(index.files, 'file')}, ${humanBytes(index.bytes)}, ${counted(index.lines, 'line')}`);
  if (index.unreadable > 0) scope.notify(`${humanCount(index.unreadable)} could not be read`);
}

function pathsOf(paths: readonly string[]): string {
  const more = paths.length - MOST_PATHS;
  return paths.slice(0, MOST_PATHS).map(onOneLine).join(' = ') + (more > 0 ? ` and ${humanCount(more)} more` : '');
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `512 B`, `1.2 MiB`, `340 GiB`: three digits and a binary unit. */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 'B';
  for (const next of UNITS) {
    if (Math.round(value) < 1000) break;
    value /= 1024;
    unit = next;
  }
  return `${unit === 'B' || value >= 99.95 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}

/** `1,234`. */
export function humanCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** `1 file`, `1,234 files`. */
export function counted(count: number, one: string): string {
  return `${humanCount(count)} ${count === 1 ? one : `${one}s`}`;
}

/** Rows with their columns aligned: all to the right but the last. One text, a line a row. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows
    .map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padStart(widths[at] ?? 0))).join('  '))
    .join('\n');
}

/** A file's name on one line, also where it has line breaks. */
export function onOneLine(name: string): string {
  return name.replaceAll(/[\n\v\f\r\u{85}\u{2028}\u{2029}]/gu, '\u{240a}');
}
