import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTaskspan } from '../collector/index.ts';
import type { Taskspan, TaskspanOptions } from '../collector/index.ts';

/** A folder that is gone afterwards. */
export async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'taskspan-bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** As an application has it: provider, processor, collector thread and a new SQLite file. */
export function withTaskspan<T>(use: (taskspan: Taskspan) => Promise<T>, options: TaskspanOptions = {}): Promise<T> {
  return inFolder(async (folder) => {
    await using taskspan = await startTaskspan({ store: join(folder, 'taskspan.sqlite'), ...options });
    const [failure] = taskspan.failures;
    if (failure !== undefined) throw failure;
    return await use(taskspan);
  });
}
