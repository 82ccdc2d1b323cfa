/** What the demo has to do with the terminal: its lines, its signals, and the warnings that must not stand before them. */
import { once } from 'node:events';
import { styleText } from 'node:util';
import { diag, DiagLogLevel } from '@opentelemetry/api';

export function print(line = ''): void {
  process.stdout.write(`${line}\n`);
}

export function strong(text: string): string {
  return styleText('bold', text);
}

/** Prints the error in one line, and gives the exit code. */
export function fail(error: unknown, exitCode: number): number {
  process.stderr.write(`taskspan: ${messageOf(error).replaceAll(/\s*\n\s*/g, ' ')}\n`);
  return exitCode;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** taskspan's warnings while they are held back. */
export interface HeldWarnings {
  /** Prints what was held, and from now on each warning at once. */
  release(): void;
  /** Forgets what was held. */
  drop(): void;
}

/** Holds taskspan's warnings back until the tasks begin: a demo that can't run reports why itself, in one line. */
export function holdWarnings(): HeldWarnings {
  let held: string[] | undefined = [];
  const write = (line: string): void => {
    if (held === undefined) process.stderr.write(`${line}\n`);
    else held.push(line);
  };
  const ignore = (): void => undefined;
  diag.setLogger({ error: write, warn: write, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.WARN);
  return {
    release() {
      const lines = held ?? [];
      held = undefined;
      for (const line of lines) write(line);
    },
    drop() {
      held = [];
    },
  };
}

/** A second signal this soon is the same Ctrl-C: npm passes on what the terminal has sent already. */
const SAME_PRESS_MS = 500;

/** Aborted by the first SIGINT or SIGTERM, and when standard output can't be written any more. A second signal ends the process. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  let stopped = 0;
  const stop = (): void => {
    stopped = performance.now();
    controller.abort();
  };
  for (const [name, exitCode] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    process.on(name, () => {
      if (!controller.signal.aborted) stop();
      else if (performance.now() - stopped > SAME_PRESS_MS) process.exit(exitCode);
    });
  }
  process.stdout.on('error', () => {
    if (!controller.signal.aborted) stop();
  });
  return controller.signal;
}

/** Resolves when the signal is aborted. The timer keeps the process alive until then: the collector's thread does not. */
export async function aborted(signal: AbortSignal): Promise<void> {
  const hold = setInterval(() => {}, 2 ** 30);
  if (!signal.aborted) await once(signal, 'abort');
  clearInterval(hold);
}
