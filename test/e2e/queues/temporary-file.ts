import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The path of a file in a folder of its own, for a suite that removes it in the end. */
export async function temporaryFile(name: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'taskspan-'));
  return { path: join(folder, name), remove: () => rm(folder, { recursive: true, force: true }) };
}
