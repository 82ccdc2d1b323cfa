import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../house/run.ts';
import type { Ended } from '../house/run.ts';

/** How long one attempt may take. */
const LIMIT_MS = 300_000;

const QUIETLY = ['--no-audit', '--no-fund', '--no-package-lock', '--no-update-notifier', '--loglevel=error'] as const;

/**
 * npm fails by one download that breaks off: the second attempt has what the first has downloaded. It also fails by a version that
 * its cached list of versions lacks, without asking the registry: the last attempt asks.
 */
const ATTEMPTS = ['--prefer-offline', '--prefer-offline', '--prefer-online'] as const;

/** Installs what the folder's package.json names, and these packages. A registry that fails for a moment fails no test. */
export async function npmInstall(folder: string, packages: readonly string[] = []): Promise<void> {
  const failures: string[] = [];
  for (const source of ATTEMPTS) {
    const { code, stdout, stderr }: Ended = await run('npm', ['install', ...QUIETLY, source, ...packages], { cwd: folder, limitMs: LIMIT_MS });
    if (code === 0) return;
    failures.push(`npm install ${source} ended with ${code}:\n${stdout}\n${stderr}`);
    await rm(join(folder, 'node_modules'), { recursive: true, force: true, maxRetries: 10 });
  }
  throw new Error(failures.join('\n'));
}
