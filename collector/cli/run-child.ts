import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import { report } from '../../src/report.ts';
import { PassedOutput } from './process.ts';

/** One of a program's two outputs, by OpenTelemetry's name. */
type Iostream = 'stdout' | 'stderr';

interface RunChildOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Variables that the program has besides those of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** The outputs that get the program's output as it is. Default: none. */
  readonly passTo?: Readonly<Record<Iostream, NodeJS.WriteStream>> | undefined;
  /** Called with each line. No more is read until its result resolves: backpressure for the program. */
  readonly onLine: (line: string, from: Iostream) => Promise<void> | undefined;
  /** Called with each signal that was passed on to the program. */
  readonly onSignal: (signal: NodeJS.Signals) => void;
  /** Aborted when the program shall end: it gets SIGTERM. */
  readonly cancelled: AbortSignal;
}

/** How a program ended. */
export interface ChildEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Whether the signal `cancelled` was aborted before. */
  readonly cancelled: boolean;
}

const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
/** Signals that a terminal sends to all of its processes, so that the program has them already. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
/** The quiet time after which output that another process still holds open is closed, in milliseconds. */
const LATE_OUTPUT_MS = 1000;

/**
 * Runs a program to its end and reads all of its output. The program has the standard input of this process and gets its
 * signals. Without a terminal it has a process group of its own, so that its child processes get the signals too. With a
 * terminal it stays in the group of this process, which is the one that the terminal knows. Rejects where the program
 * can't be started.
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
    // A later error is that of a signal that could not be sent, since the program had just ended.
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
    const quietTime = new QuietTime();
    const read = (from: Iostream): Promise<void> => readOutput(child[from], passTo?.[from], (line) => onLine(line, from), quietTime);
    const outputs = Promise.all([read('stdout'), read('stderr')]);
    // An error of reading is thrown when the program has ended.
    outputs.catch(() => undefined);
    const end = await ended;
    quietTime.restart();
    // A process that the program has left behind may hold its output open without end.
    const late = setInterval(() => {
      if (quietTime.ms < LATE_OUTPUT_MS) return;
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
    // All of the group may have ended just then.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') report(`${signal} could not be sent to the program`, error);
  }
}

async function readOutput(
  output: Readable,
  passTo: NodeJS.WriteStream | undefined,
  onLine: (line: string) => Promise<void> | undefined,
  quietTime: QuietTime,
): Promise<void> {
  const passed = passTo && new PassedOutput(passTo);
  let wait: Promise<void> | undefined;
  const lines = new OutputLines((line) => {
    wait = onLine(line) ?? wait;
  });
  try {
    for await (const bytes of output as AsyncIterable<Buffer>) {
      quietTime.interrupt();
      lines.push(bytes);
      await passed?.write(bytes);
      await wait;
      wait = undefined;
      quietTime.goOn();
    }
  } catch (error) {
    // Closed above: all of the program's output has been read.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error;
  } finally {
    lines.end();
  }
}

/** Measures for how long there was nothing to read. Output that is being passed on counts as output. */
class QuietTime {
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

/** The longest line in one piece, in characters. A longer one comes in several pieces. */
export const LONGEST_LINE: number = 64 * 1024;

/**
 * Makes lines of text of a program's output, which comes in any pieces. Bytes that are not UTF-8 become U+FFFD, colours are
 * left out, and a line that was drawn over by carriage returns has its last form.
 */
export class OutputLines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #line: (line: string) => void;
  #rest = '';

  /** @param line Called with each line, without its end. */
  constructor(line: (line: string) => void) {
    this.#line = line;
  }

  push(bytes: Buffer): void {
    this.#take(this.#decoder.write(bytes));
  }

  /** Gives the last line, where it has no end of line. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== '') this.#give(this.#rest);
    this.#rest = '';
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#give(line);
    while (this.#rest.length > LONGEST_LINE) {
      const piece = firstPiece(this.#rest);
      this.#give(piece);
      this.#rest = this.#rest.slice(piece.length);
    }
  }

  #give(line: string): void {
    let rest = lastForm(stripVTControlCharacters(line));
    while (rest.length > LONGEST_LINE) {
      const piece = firstPiece(rest);
      this.#line(piece);
      rest = rest.slice(piece.length);
    }
    this.#line(rest);
  }
}

/** The piece ends at the end of a character. */
function firstPiece(text: string): string {
  const last = text.charCodeAt(LONGEST_LINE - 1);
  const isHalf = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, isHalf ? LONGEST_LINE - 1 : LONGEST_LINE);
}

function lastForm(line: string): string {
  const drawn = line.endsWith('\r') ? line.slice(0, -1) : line;
  return drawn.slice(drawn.lastIndexOf('\r') + 1);
}
