import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { report } from '../../../src/report.ts';
import { PassedOutput } from '../passed-output.ts';
import { OutputLines } from './output-lines.ts';

/** Which of a program's two outputs, by OpenTelemetry's name. */
export type Iostream = 'stdout' | 'stderr';

export interface RunChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** What its environment has beside ours. */
  readonly env?: NodeJS.ProcessEnv;
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
  /** Whether it had been cancelled by then. */
  readonly cancelled: boolean;
}

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** These a terminal sends to all who run in it, so that the program has them already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
/** How long after its end it is waited for output that others still hold open, in milliseconds of silence. */
const LATE_OUTPUT_MS = 1000;

/**
 * Runs a program to its end and reads all that it wrote. It has our standard input, and gets the
 * signals that we get: without a terminal with all that it has started, by a process group of its
 * own. With one it stays in ours, which is the one that a terminal knows. Rejects where it can't be
 * started.
 */
export async function runChild(options: RunChildOptions): Promise<ChildEnd> {
  const { command, args, env, passTo, onLine, onSignal, cancelled } = options;
  const isGroup = !hasTerminal();
  const child = spawn(command, args, {
    stdio: ['inherit', 'pipe', 'pipe'],
    detached: isGroup,
    env: { ...process.env, ...env },
  });
  const started = new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    // Later ones are of signals that could not be sent: it may have ended just then.
    child.on('error', reject);
  });
  const ended = new Promise<ChildEnd>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal, cancelled: cancelled.aborted }));
  });
  const send = (signal: NodeJS.Signals): void => {
    if (isGroup && child.pid !== undefined) signalGroup(child.pid, signal);
    else child.kill(signal);
  };
  const pass = (signal: NodeJS.Signals): void => {
    onSignal(signal);
    if (isGroup || !FROM_TERMINAL.includes(signal)) send(signal);
  };
  const cancel = (): void => send('SIGTERM');
  for (const signal of PASSED_ON) process.on(signal, pass);
  cancelled.addEventListener('abort', cancel);
  try {
    await started;
    const silence = new Silence();
    const read = (from: Iostream): Promise<void> => readOutput(child[from], passTo?.[from], (line) => onLine(line, from), silence);
    const outputs = Promise.all([read('stdout'), read('stderr')]);
    // Where reading fails while the program runs, that is told once it has ended.
    outputs.catch(() => undefined);
    const end = await ended;
    silence.restart();
    // A program that it left behind may hold its output open for ever.
    const late = setInterval(() => {
      if (silence.ms < LATE_OUTPUT_MS) return;
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

function signalGroup(id: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-id, signal);
  } catch (error) {
    // All of them may have ended just then.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') report(`${signal} could not be sent to the program`, error);
  }
}

async function readOutput(
  output: Readable,
  passTo: NodeJS.WriteStream | undefined,
  onLine: (line: string) => Promise<void> | undefined,
  silence: Silence,
): Promise<void> {
  const passed = passTo && new PassedOutput(passTo);
  let wait: Promise<void> | undefined;
  const lines = new OutputLines((line) => {
    wait = onLine(line) ?? wait;
  });
  try {
    for await (const bytes of output as AsyncIterable<Buffer>) {
      silence.interrupt();
      lines.push(bytes);
      await passed?.write(bytes);
      await wait;
      wait = undefined;
      silence.goOn();
    }
  } catch (error) {
    // Destroyed by us: what it had to say is read.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  } finally {
    lines.end();
  }
}

/** How long nothing was there to read. What was read and is still being passed on interrupts it. */
class Silence {
  #busy = 0;
  #since = performance.now();

  get ms(): number {
    return this.#busy > 0 ? 0 : performance.now() - this.#since;
  }

  interrupt(): void {
    this.#busy++;
  }

  goOn(): void {
    this.#busy--;
    this.restart();
  }

  restart(): void {
    this.#since = performance.now();
  }
}

function hasTerminal(): boolean {
  return [process.stdin, process.stdout, process.stderr].some((stream) => stream.isTTY);
}
