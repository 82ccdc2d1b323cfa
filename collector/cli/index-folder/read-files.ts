import { join } from 'node:path';
import type { Scope } from '../../../src/scope.ts';
import { counted, humanBytes } from '../human-text.ts';
import { failedRead } from './failed-read.ts';
import { readContent } from './file-content.ts';
import type { FoundFiles } from './find-files.ts';
import { FolderTotals } from './folder-index.ts';
import { workOf, type FolderPart } from './folder-part.ts';
import type { IndexFolderOptions } from './index-folder-options.ts';

const PARTS_AT_ONCE = 4;
const BUFFER_BYTES = 256 * 1024;

/** Reads what was found, several parts at once. What it can't read is a failed job. */
export async function readFiles(
  scope: Scope<false>,
  found: FoundFiles,
  options: IndexFolderOptions = {},
): Promise<{ totals: FolderTotals; unreadable: number }> {
  const totals = new FolderTotals();
  let unreadable = 0;
  const waiting = found.parts.values();
  if (found.parts.length > 0) scope.plan(Object.fromEntries(found.parts.map((part) => [part.name, part.work])));

  const readPart = async (inner: Scope<false>, part: FolderPart, buffer: Buffer): Promise<void> => {
    let done = 0;
    let bytes = 0;
    let lines = 0;
    let files = 0;
    for (const file of part.files) {
      options.signal?.throwIfAborted();
      try {
        const content = await readContent(join(found.root, file.path), {
          buffer,
          hash: found.sharedSizes.has(file.bytes),
          onRead: (read) => inner.progress(done + Math.min(read, file.bytes), part.work),
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
      done += workOf(file);
      inner.progress(done, part.work);
    }
    inner.notify(`${counted(files, 'file')}, ${humanBytes(bytes)}, ${counted(lines, 'line')}`);
  };

  const readers = Array.from({ length: Math.min(PARTS_AT_ONCE, found.parts.length) }, async () => {
    const buffer = Buffer.allocUnsafe(BUFFER_BYTES);
    for (const part of waiting) await scope.scope(part.name, (inner) => readPart(inner, part, buffer));
  });
  // All of them, so that none goes on behind the back of a caller who was told of an error.
  for (const reader of await Promise.allSettled(readers)) if (reader.status === 'rejected') throw reader.reason;
  return { totals, unreadable };
}
