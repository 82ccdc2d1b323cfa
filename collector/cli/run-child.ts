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
  /** Called with each signal that was passed on to the program: also with SIGPIPE, when the reader of its output is gone. */
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
    const read = (from: Iostream): Promise<void> => readOutput(child[from], passTo?.[from], (line) => onLine(line, from), () => onSignal('SIGPIPE'), quietTime);
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
  onUnread: () => void,
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
      // As in a pipeline: the next write of a program whose reader is gone fails.
      if (passed?.isUnread === true) {
        onUnread();
        break;
      }
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

/** While a line is drawn again and again by carriage returns, its form at the time is given once in so many milliseconds. */
const REDRAWN_MS = 1000;

/**
 * Makes lines of text of a program's output, which comes in any pieces. Bytes that are not UTF-8 become U+FFFD, colours are
 * left out, and a line that was drawn over by carriage returns has its last form, and before that one form a second.
 */
export class OutputLines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #line: (line: string) => void;
  readonly #now: () => number;
  #rest = '';
  /** Since when no form of the line that is being drawn was given; `undefined` for a line without a carriage return. */
  #unseenSince: number | undefined;
  /** The form of that line that was given last. */
  #seen: string | undefined;

  /**
   * @param line Called with each line, without its end.
   * @param now Milliseconds of a monotonic clock.
   */
  constructor(line: (line: string) => void, now: () => number = () => performance.now()) {
    this.#line = line;
    this.#now = now;
  }

  push(bytes: Buffer): void {
    this.#take(this.#decoder.write(bytes));
  }

  /** Gives the last line, where it has no end of line. */
  end(): void {
    this.#take(this.#decoder.end());
    if (this.#rest !== '') this.#giveLast(this.#rest);
    this.#rest = '';
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) this.#giveLast(line);
    if (this.#rest.includes('\r')) this.#redrawn();
    while (this.#rest.length > LONGEST_LINE) {
      const piece = firstPiece(this.#rest);
      this.#give(piece);
      this.#rest = this.#rest.slice(piece.length);
    }
  }

  /** Forgets what was drawn over, and gives the latest whole form where none was given for a while. */
  #redrawn(): void {
    const end = this.#rest.lastIndexOf('\r');
    // The latest form stays: what follows may be colours alone, or the end of the line.
    const form = lastForm(stripVTControlCharacters(this.#rest.slice(0, end)));
    this.#rest = `${form}${this.#rest.slice(end)}`;
    const now = this.#now();
    this.#unseenSince ??= now;
    if (now - this.#unseenSince < REDRAWN_MS || form === this.#seen || form.trim() === '') return;
    this.#unseenSince = now;
    this.#seen = form;
    this.#give(form);
  }

  /** Gives a line that has ended, unless it looks as when it was given last. */
  #giveLast(line: string): void {
    const isSeen = this.#seen !== undefined && this.#seen === lastForm(stripVTControlCharacters(line));
    this.#unseenSince = undefined;
    this.#seen = undefined;
    if (!isSeen) this.#give(line);
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

/** What a terminal shows of a line. At its end there may be several carriage returns: terminals make CR CR LF of CR LF. */
function lastForm(line: string): string {
  const drawn = line.replace(/\r+$/, '');
  return drawn.slice(drawn.lastIndexOf('\r') + 1);
}
