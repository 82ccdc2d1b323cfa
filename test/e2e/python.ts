/** Python and its peers: what the tests need of both, and who says how to get it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A suite that needs a program. Where it is missing it throws in CI, else it is skipped and one line says why. */
export function describeWithProgram(program: string, how: string, name: string, suite: () => void): void {
  try {
    execFileSync(program, [program.endsWith('go') ? 'version' : '--version'], { stdio: 'ignore' });
  } catch {
    skip(name, how);
    return;
  }
  describe(name, suite);
}

/** One that needs OpenTelemetry's packages and Celery for Python. */
export function describeWithPythonPeers(name: string, suite: () => void): void {
  if (existsSync(join(pythonPeers(), 'whole'))) describe(name, suite);
  else skip(name, 'the Python peers, which this installs: sh test/peers/python/build.sh');
}

function skip(name: string, needs: string): void {
  const how = `"${name}" needs ${needs}`;
  if (process.env['CI']) throw new Error(how);
  process.stderr.write(`skipped: ${how}\n`);
  describe.skip(name);
}

let directoryOfPeers: string | undefined;

/** The virtual environment. The build script knows where it is. */
export function pythonPeers(): string {
  const script = join(root, 'test/peers/python/build.sh');
  directoryOfPeers ??= execFileSync('sh', [script, '--where'], { encoding: 'utf8' }).trim();
  return directoryOfPeers;
}
