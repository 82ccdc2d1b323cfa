/** Python and its peers: what the tests need of both, and how to get it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describeWith } from './describe-with.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A suite that needs a program (see {@link describeWith}). */
export function describeWithProgram(program: string, how: string, name: string, suite: () => void): void {
  describeWith(answers(program), how, name, suite);
}

function answers(program: string): boolean {
  try {
    execFileSync(program, [program.endsWith('go') ? 'version' : '--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A suite that needs OpenTelemetry's packages and Celery for Python. */
export function describeWithPythonPeers(name: string, suite: () => void): void {
  const isWhole = existsSync(join(pythonPeers(), 'whole'));
  describeWith(isWhole, 'the Python peers, which this installs: sh test/peers/python/build.sh', name, suite);
}

let directoryOfPeers: string | undefined;

/** The virtual environment. The build script knows where it is. */
export function pythonPeers(): string {
  const script = join(root, 'test/peers/python/build.sh');
  directoryOfPeers ??= execFileSync('sh', [script, '--where'], { encoding: 'utf8' }).trim();
  return directoryOfPeers;
}
