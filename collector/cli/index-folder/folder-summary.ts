import type { Scope } from '../../../src/scope.ts';
import { counted, humanBytes, humanCount, onOneLine, table } from '../human-text.ts';
import type { FolderIndex } from './folder-index.ts';

/** Rows of a table in the log; the result has more. */
const MOST_ROWS = 10;
const MOST_PATHS = 2;

/** Says what stands in the folder more than once. */
export function tellDuplicates(scope: Scope<false>, { duplicates, wasted }: Pick<FolderIndex, 'duplicates' | 'wasted'>): void {
  if (duplicates.length === 0) {
    scope.notify('No file stands there twice');
    return;
  }
  const rows = duplicates.slice(0, MOST_ROWS).map((duplicate) => [humanBytes(duplicate.wasted), pathsOf(duplicate.paths)]);
  scope.notify(`${humanBytes(wasted)} could be saved:\n${table(rows)}`);
}

/** Says what the folder consists of. */
export function tellSummary(scope: Scope<false>, index: FolderIndex): void {
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
