import type { TaskUpdater } from '../../../src/task-updater.ts';
import { findFiles } from './find-files.ts';
import { findDuplicates, type FolderIndex } from './folder-index.ts';
import { tellDuplicates, tellSummary } from './folder-summary.ts';
import type { IndexFolderOptions } from './index-folder-options.ts';
import { readFiles } from './read-files.ts';

/**
 * Indexes a folder as a task: its largest files, bytes and lines by kind, and what stands in it
 * more than once. The index becomes the task's result.
 *
 * What can't be read is a failed job, and the task goes on. Rejects where the folder itself can't
 * be read.
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
    tellDuplicates(scope, duplicates);
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
    tellSummary(scope, index);
    updater.setResult(index);
    return index;
  });
}
