/** Waits for the person, or the system, who wants a command to stop. */
export interface StopSignal {
  /** Aborted by the first SIGINT or SIGTERM, or when nobody reads standard output any more. */
  readonly signal: AbortSignal;
  /** Resolves with it. Does not hold the event loop. */
  readonly stopped: Promise<void>;
  /** Exit code of a command that was stopped before its work was done, as shells have it. */
  readonly exitCode: number;
  /** Gives the signals back to Node.js. */
  release(): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
/** That of SIGPIPE, by which other programs end there. */
const NOBODY_READS = 141;
const SIGNALS = Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[];

// Under `npm start` one Ctrl-C comes twice: from the terminal, and passed on by npm.
const SAME_PRESS_MS = 500;

/**
 * Takes SIGINT and SIGTERM: the first one asks to stop, a second one ends the process at once.
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
    if (!controller.signal.aborted) stop('stopped: nobody reads the output', NOBODY_READS);
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

/** Holds the event loop until a promise is settled: neither the collector's own thread nor a store that is watched does. */
export async function held<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => {}, 2 ** 30);
  try {
    return await promise;
  } finally {
    clearInterval(hold);
  }
}
