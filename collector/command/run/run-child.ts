import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { PassedOutput } from '../passed-output.ts';
import { OutputLines } from './output-lines.ts';

/** Which of a program's two outputs, by OpenTelemetry's name. */
export type Iostream = 'stdout' | 'stderr';

export interface RunChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Where what it writes is passed on, as it is; absent: nowhere. */
  readonly passTo?: Readonly<Record<Iostream, NodeJS.WriteStream>> | undefined;
  /** Told each line. What it gives is waited for before more is read, so that nobody is overrun. */
  readonly onLine: (line: string, from: Iostream) => Promise<void> | undefined;
  /** Told each signal that was passed on to it. */
  readonly onSignal: (signal: NodeJS.Signals) => void;
  /** Aborted when the program is to end: it gets SIGTERM. */
  readonly cancelled: AbortSignal;
}

/** How a program ended. */
export interface ChildEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** These a terminal sends to all who run in it, so that the program has them already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
/** How long after its end it is waited for output that others still hold open, in milliseconds of silence. */
const LATE_OUTPUT_MS = 1000;

/**
 * Runs a program to its end and reads all that it wrote. It has our standard input, and gets the
 * signals that we get. Rejects where it can't be started.
 */
export async function runChild(options: RunChildOptions): Promise<ChildEnd> {
  const { command, args, passTo, onLine, onSignal, cancelled } = options;
  const child = spawn(command, args, { stdio: ['inherit', 'pipe', 'pipe'] });
  const started = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const pass = (signal: NodeJS.Signals): void => {
    onSignal(signal);
    if (!FROM_TERMINAL.includes(signal) || !hasTerminal()) child.kill(signal);
  };
  const cancel = (): void => void child.kill('SIGTERM');
  for (const signal of PASSED_ON) process.on(signal, pass);
  cancelled.addEventListener('abort', cancel);
  try {
    await started;
    let lastRead = 0;
    const read = (from: Iostream): Promise<void> =>
      readOutput(child[from], passTo?.[from], (line) => onLine(line, from), () => (lastRead = performance.now()));
    const outputs = Promise.all([read('stdout'), read('stderr')]);
    // Where reading fails while the program runs, that is told once it has ended.
    outputs.catch(() => undefined);
    const end = await ended;
    lastRead = performance.now();
    // A program that it left behind may hold its output open for ever.
    const late = setInterval(() => {
      if (performance.now() - lastRead < LATE_OUTPUT_MS) return;
      child.stdout.destroy();
      child.stderr.destroy();
    }, LATE_OUTPUT_MS / 10);
    await outputs.finally(() => clearInterval(late));
    return end;
  } finally {
    for (const signal of PASSED_ON) process.off(signal, pass);
    cancelled.removeEventListener('abort', cancel);
  }
}

async function readOutput(
  output: Readable,
  passTo: NodeJS.WriteStream | undefined,
  onLine: (line: string) => Promise<void> | undefined,
  onRead: () => void,
): Promise<void> {
  const passed = passTo && new PassedOutput(passTo);
  let wait: Promise<void> | undefined;
  const lines = new OutputLines((line) => {
    wait = onLine(line) ?? wait;
  });
  try {
    for await (const bytes of output as AsyncIterable<Buffer>) {
      onRead();
      lines.push(bytes);
      await passed?.write(bytes);
      await wait;
      wait = undefined;
      onRead();
    }
  } catch (error) {
    // Destroyed by us: what it had to say is read.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  } finally {
    lines.end();
  }
}

function hasTerminal(): boolean {
  return [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
}
