import { UnfinishedError } from '../../src/errors.ts';
import { describeFailure, failureText } from '../../src/failure.ts';
import { performance, setImmediate } from '../timers.ts';
import { closeLiveTasks, liveTasks } from '../../src/worker.ts';
import { within } from '../async.ts';

/** Options of {@link watchProcessExit}. */
interface ProcessExitOptions {
  /** Sends the spans that have ended; at the natural end the process waits for it. */
  flushSpans?: () => Promise<void>;
  /** Commits and sends all there is, before the process ends by SIGTERM or SIGINT; absent where signals are left alone. */
  finish?: () => Promise<void>;
}

/** The watch over the end of the process. */
export interface ProcessExit {
  stop(): void;
}

/** The longest that a signal waits for {@link ProcessExitOptions.finish}, in milliseconds. */
const FINISH_MS = 3000;
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Under `npm start` one Ctrl-C comes twice: from the terminal, and passed on by npm. */
const SAME_PRESS_MS = 500;

/**
 * Ends what is open when the process ends, inner scopes first: as failed with the reason, and as cancelled by a signal. It
 * must be called before the collector listens to `exit` to commit the last facts: listeners are called in their order.
 */
export function watchProcessExit({ flushSpans, finish }: ProcessExitOptions): ProcessExit {
  const uncaught = watchUncaught();
  const atExit = (code: number): void => fail(uncaught.reason() ?? `process ended: exit code ${code}`, uncaught.error());
  const atNaturalEnd = naturalEnd(flushSpans);
  const signals = finish === undefined ? undefined : takeSignals(finish);
  process.on('exit', atExit);
  process.on('beforeExit', atNaturalEnd);
  return {
    stop() {
      process.off('exit', atExit);
      process.off('beforeExit', atNaturalEnd);
      uncaught.stop();
      signals?.stop();
    },
  };
}

function fail(reason: string, cause?: unknown): void {
  if (liveTasks.size === 0) return;
  const error = new UnfinishedError('TASKSPAN_PROCESS_ENDED', reason, cause === undefined ? {} : { cause });
  closeLiveTasks({ outcome: 'failed', failed: { thrown: error } });
}

/** Remembers an uncaught error for as long as the process can end by it: a handled error ends nothing. */
function watchUncaught(): { reason(): string | undefined; error(): unknown; stop(): void } {
  let caught: { readonly error: unknown } | undefined;
  const remember = (error: unknown): void => {
    caught = { error };
    setImmediate(() => (caught = undefined)).unref();
  };
  process.on('uncaughtExceptionMonitor', remember);
  return {
    reason() {
      if (caught === undefined) return undefined;
      const failure = describeFailure(caught.error);
      return `uncaught error: ${failure.message === '' ? failureText(failure) : `${failure.name}: ${failure.message}`}`;
    },
    error: () => caught?.error,
    stop: () => void process.off('uncaughtExceptionMonitor', remember),
  };
}

/**
 * With nothing left to run nothing will end an open task. Another listener may begin work that does: so Node.js is made to
 * ask a second time before what is open is ended.
 */
function naturalEnd(flushSpans: (() => Promise<void>) | undefined): () => void {
  let isAskedAgain = false;
  let isFlushed = false;
  return () => {
    if (liveTasks.size > 0) {
      if (!isAskedAgain) {
        isAskedAgain = true;
        setImmediate(() => undefined);
        return;
      }
      isFlushed = false;
      fail('the process ended with the task open');
    }
    isAskedAgain = false;
    if (isFlushed) return;
    isFlushed = true;
    void flushSpans?.();
  };
}

/** The first signal ends what is open as cancelled and waits for `finish`; a second one ends the process at once. */
function takeSignals(finish: () => Promise<void>): { stop(): void } {
  let first: { readonly name: NodeJS.Signals; readonly time: number } | undefined;
  const stop = (): void => {
    for (const name of SIGNALS) process.off(name, onSignal);
  };
  /** Ends the process as the signal would have. Where the application listens to the signal too, the end is left to it. */
  const raise = (name: NodeJS.Signals): void => {
    stop();
    if (process.listenerCount(name) === 0) process.kill(process.pid, name);
  };
  const onSignal = (name: NodeJS.Signals): void => {
    if (first !== undefined) {
      const isSamePress = name === first.name && performance.now() - first.time < SAME_PRESS_MS;
      if (!isSamePress) raise(name);
      return;
    }
    first = { name, time: performance.now() };
    closeLiveTasks({ outcome: 'cancelled', notice: `Stopped by ${name}` });
    void within(FINISH_MS, finish()).then(() => raise(name));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  return { stop };
}
