/** Waits for the person, or the system, who wants a command to stop. */
export interface StopSignal {
  /** Aborted by the first SIGINT or SIGTERM, or when nobody reads standard output any more. */
  readonly signal: AbortSignal;
  /** Resolves with it. Does not hold the event loop. */
  readonly stopped: Promise<void>;
  /** Gives the signals back to Node.js. */
  release(): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
const SIGNALS = Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[];

// Under `npm start` one Ctrl-C comes twice: from the terminal, and passed on by npm.
const SAME_PRESS_MS = 500;

/** Takes SIGINT and SIGTERM: the first one asks to stop, a second one ends the process at once. */
export function listenForStop(): StopSignal {
  const controller = new AbortController();
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  let stopTime = 0;
  const stop = (reason: string): void => {
    stopTime = performance.now();
    controller.abort(new Error(reason));
    resolve();
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (!controller.signal.aborted) stop(`stopped by ${name}`);
    else if (performance.now() - stopTime > SAME_PRESS_MS) process.exit(EXIT_CODES[name as keyof typeof EXIT_CODES]);
  };
  const onOutputError = (): void => {
    if (!controller.signal.aborted) stop('stopped: nobody reads the output');
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  process.stdout.on('error', onOutputError);
  return {
    signal: controller.signal,
    stopped,
    release() {
      for (const name of SIGNALS) process.off(name, onSignal);
      process.stdout.off('error', onOutputError);
    },
  };
}
