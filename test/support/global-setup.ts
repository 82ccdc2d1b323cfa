import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cleanEnv } from './node-process.ts';

const COLLECTOR = new URL('../../collector/index.ts', import.meta.url).href;

/**
 * Prepares a run of the tests: the processes that tests start share what one of them has compiled, and property tests have
 * one seed. The workers of vitest inherit this environment.
 */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  // Vitest calls once for each project.
  if (process.env['TASKSPAN_TEST_FOLDER'] !== undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'taskspan-tests-'));
  process.env['TASKSPAN_TEST_FOLDER'] = folder;
  process.env['TASKSPAN_TEST_SEED'] ??= process.env['CI'] === undefined ? String(Date.now() % 1_000_000) : '1';
  console.log(`Property tests run with TASKSPAN_TEST_SEED=${process.env['TASKSPAN_TEST_SEED']}`);
  await compile(folder);
  return () => rm(folder, { recursive: true, force: true, maxRetries: 10 });
}

/** Fills the compile cache. A process writes its share when it ends: the first processes of a run would each compile everything. */
async function compile(folder: string): Promise<void> {
  const program = `
    const { startTaskspan } = await import('${COLLECTOR}');
    const taskspan = await startTaskspan({ store: 'compiled.sqlite', serve: { port: 0 } });
    await taskspan.close();
  `;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
  await promisify(execFile)(process.execPath, args, { cwd: folder, env: cleanEnv() });
}
