import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const ENTRY: string = fileURLToPath(new URL('../../collector/cli/main.ts', import.meta.url));

/** How a process ended, with all that it printed. */
export interface EndedProcess {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A real process that a test started. It never outlives the test. */
export interface TestProcess {
  readonly pid: number;
  /** Resolves once standard output holds the pattern; rejects if the process ends before. */
  printed(pattern: RegExp): Promise<RegExpMatchArray>;
  /** The same for standard error. */
  printedError(pattern: RegExp): Promise<RegExpMatchArray>;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<EndedProcess>;
}

export interface TestProcessOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from standard input; without it there is none. */
  readonly stdin?: string;
}

/** Starts the `taskspan` command from its source. */
export function startCommand(args: readonly string[], options: TestProcessOptions): TestProcess {
  return startNode(['--disable-warning=ExperimentalWarning', ENTRY, ...args], options);
}

/** Starts the Node.js that runs the test. */
export function startNode(args: readonly string[], options: TestProcessOptions): TestProcess {
  return startProgram(process.execPath, args, options);
}

/** Starts any program. */
export function startProgram(program: string, args: readonly string[], { cwd, env, stdin }: TestProcessOptions): TestProcess {
  const child = spawn(program, args, { cwd, env: { ...cleanEnv(), ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  // A process may end without having read all of it.
  child.stdin.on('error', () => undefined).end(stdin);
  let stdout = '';
  let stderr = '';
  const checks = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    for (const check of checks) check();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    for (const check of checks) check();
  });
  const ended = new Promise<EndedProcess>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const found = (pattern: RegExp, output: () => string): Promise<RegExpMatchArray> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const match = output().match(pattern);
        if (match === null) return;
        checks.delete(check);
        resolve(match);
      };
      checks.add(check);
      check();
      ended.then(
        () => reject(new Error(`the process ended without printing ${pattern}:\n${stdout}\n${stderr}`)),
        reject,
      );
    });
  return {
    // 0 where it could not be started: then `ended` rejects.
    pid: child.pid ?? 0,
    ended,
    kill: (signal) => child.kill(signal),
    printed: (pattern) => found(pattern, () => stdout),
    printedError: (pattern) => found(pattern, () => stderr),
  };
}

/** A folder of the test's own, gone after it. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'taskspan-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  return folder;
}

/** The environment without what would change what a process does or prints; what a process compiles is kept for the next one. */
export function cleanEnv(): NodeJS.ProcessEnv {
  const names = Object.keys(process.env).filter((name) => !/^(?:TASKSPAN_|OTEL_|NODE_OPTIONS$|NODE_ENV$|FORCE_COLOR$|NO_COLOR$|VITEST)/.test(name));
  const folder = process.env['TASKSPAN_TEST_FOLDER'];
  return {
    ...Object.fromEntries(names.map((name) => [name, process.env[name]])),
    ...(folder !== undefined && { NODE_COMPILE_CACHE: join(folder, 'compiled') }),
  };
}
