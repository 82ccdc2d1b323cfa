/** The process that runs the command: the signals that stop it, and output at the speed of its reader. */

/** Waits until a person or the system stops the command. */
interface StopSignal {
  /** Aborted by the first SIGINT or SIGTERM, or when the reader of standard output is gone. */
  readonly signal: AbortSignal;
  /** Resolves with it. Does not hold the event loop. */
  readonly stopped: Promise<void>;
  /** The exit code of a command that was stopped before its work was done, as shells have it. */
  readonly exitCode: number;
  /** Gives the signals back to Node.js. */
  release(): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** The exit code of SIGPIPE, by which other programs end when the reader of their output is gone. */
const EXIT_UNREAD = 141;
const SIGNALS = Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[];

/** A second signal this soon is the same Ctrl-C: npm passes on what the terminal has sent already. */
const SAME_PRESS_MS = 500;

/**
 * Listens to SIGINT and SIGTERM: the first one stops the command, a second one ends the process at once.
 *
 * @param stopsUnread Whether the command stops too when standard output can't be written any more.
 */
export function listenForStop(stopsUnread = true): StopSignal {
  const controller = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let stopTime = 0;
  let exitCode = 0;
  const stop = (reason: string, code: number): void => {
    stopTime = performance.now();
    exitCode = code;
    controller.abort(new Error(reason));
    resolve();
  };
  const onSignal = (name: NodeJS.Signals): void => {
    const code = EXIT_CODES[name as keyof typeof EXIT_CODES];
    if (!controller.signal.aborted) stop(`stopped by ${name}`, code);
    else if (performance.now() - stopTime > SAME_PRESS_MS) process.exit(code);
  };
  const onOutputError = (): void => {
    if (!controller.signal.aborted) stop('stopped: nobody reads the output', EXIT_UNREAD);
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  if (stopsUnread) process.stdout.on('error', onOutputError);
  return {
    signal: controller.signal,
    stopped,
    get exitCode() {
      return exitCode;
    },
    release() {
      for (const name of SIGNALS) process.off(name, onSignal);
      process.stdout.off('error', onOutputError);
    },
  };
}

/** Holds the event loop until a promise has settled. Neither the collector's thread nor a store that is watched holds it. */
export async function held<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, 2 ** 30);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}

/** Writes output no faster than its reader reads. Discards it once it can't be written any more. */
export class PassedOutput {
  readonly #target: NodeJS.WritableStream & { readonly destroyed?: boolean };
  #isClosed = false;
  /** Whether the reader of the output is gone. */
  isUnread = false;

  constructor(target: NodeJS.WriteStream) {
    this.#target = target;
    const close = (): void => void (this.#isClosed = true);
    target.once('error', (error: NodeJS.ErrnoException) => {
      this.isUnread = error.code === 'EPIPE';
      close();
    });
    target.once('close', close);
  }

  /** Resolves when more may be written. */
  async write(bytes: Buffer | string): Promise<void> {
    if (this.#isClosed || this.#target.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const events = ['drain', 'close', 'error'] as const;
      const go = (): void => {
        for (const event of events) this.#target.off(event, go);
        resolve();
      };
      for (const event of events) this.#target.on(event, go);
    });
  }
}
