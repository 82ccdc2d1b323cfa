import { spawn } from 'node:child_process';
import { cleanEnv } from '../support/node-process.ts';

/** How a program ended, with all that it printed. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** When it is killed at the latest. Default 100 s. */
  readonly limitMs?: number;
}

/** Runs the Node.js that runs the test. Its warnings of experiments are not the program's. */
export function runNode(args: readonly string[], options: RunOptions): Promise<Ended> {
  return run(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], options);
}

/** Runs a program to its end. */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  const { cwd, env, limitMs = 100_000 } = options;
  const child = spawn(program, args, {
    cwd,
    env: { ...cleanEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  });
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => (printed[name] += text));
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, ...printed };
}
