/**
 * What the collector waits for, and what it tries again. Timers and clock are those of `timers.ts`, which fake timers of
 * a test framework do not reach.
 */
import { describeFailure } from '../src/failure.ts';
import { clearTimeout, performance, setImmediate, setTimeout } from './timers.ts';

/** The longest that a timer of JavaScript waits, in milliseconds: one of more fires at once. */
export const LONGEST_TIMER_MS: number = 2 ** 31 - 1;

/** The longest that a flush or the end waits for the store, the endpoint or a span processor, in milliseconds. */
export const FLUSH_MS = 2000;

/** Options of {@link pause}. */
interface PauseOptions {
  /** Ends the pause early. */
  signal?: AbortSignal;
  /** Whether the pause keeps the process alive. Default `true`. */
  ref?: boolean;
}

/** Resolves after this time, or when the signal aborts. Never rejects. */
export function pause(ms: number, { signal, ref = true }: PauseOptions = {}): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(ms, LONGEST_TIMER_MS));
    if (!ref) timer.unref();
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end);
  });
}

/** Resolves in the next turn of the event loop, after the I/O of this one. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

const waiting: (() => void)[] = [];

/** Resolves in a later turn of the event loop in which no other caller's promise resolves: so several long works share no turn. */
export function ownTurn(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve);
    if (waiting.length === 1) setImmediate(resumeNext);
  });
}

function resumeNext(): void {
  waiting.shift()!();
  if (waiting.length > 0) setImmediate(resumeNext);
}

/** How long a slice of work takes, in milliseconds. */
const SLICE_MS = 10;

/** Cuts long work into slices, each in a turn of the event loop. */
export class Slices {
  #begun = performance.now();

  /** To be awaited between the steps of the work, each much shorter than a slice; `undefined` while the slice goes on. */
  next(): Promise<void> | undefined {
    return performance.now() - this.#begun < SLICE_MS ? undefined : this.#later();
  }

  async #later(): Promise<void> {
    await ownTurn();
    this.#begun = performance.now();
  }
}

/** Does work that comes in short steps, a slice of it in each turn of the event loop. */
export async function inSlices<T>(steps: Generator<void, T>): Promise<T> {
  const slices = new Slices();
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
    await slices.next();
  }
}

/** Resolves when the work has settled, or after this time: to whether it has settled. Never rejects. */
export async function within(limitMs: number, work: Promise<unknown>): Promise<boolean> {
  const settled = new AbortController();
  const late = pause(limitMs, { signal: settled.signal }).then(() => false);
  const done = work.then(
    () => true,
    () => true,
  );
  const isDone = await Promise.race([done, late]);
  settled.abort();
  return isDone;
}

/** Work that is done again and again. */
export interface Repeated {
  /** Ends it. Resolves when the work under way has ended. */
  stop(): Promise<void>;
}

/**
 * Does some work again and again. Its timers keep no process alive.
 *
 * @param firstMs Milliseconds until the first time.
 * @param work Never rejects. Resolves to the milliseconds until the next time, or to `undefined` to end it.
 */
export function repeat(firstMs: number, work: () => Promise<number | undefined>): Repeated {
  const stopped = new AbortController();
  const run = async (): Promise<void> => {
    for (let ms: number | undefined = firstMs; ms !== undefined; ms = await work()) {
      await pause(ms, { signal: stopped.signal, ref: false });
      if (stopped.signal.aborted) return;
    }
  };
  const running = run();
  return {
    stop() {
      stopped.abort();
      return running;
    },
  };
}

/** Options of {@link OutageReporter}. Both messages follow `taskspan: `. */
interface OutageMessages {
  /** What does not work. The cause is added. */
  readonly begins: string;
  /** What works again. */
  readonly ends: string;
  /** Called with each message, which is one line. */
  readonly report: (message: string) => void;
}

/** An outage with so many causes reports no more of them until it is over. */
const MOST_CAUSES = 20;

/** Reports the failures of something that is tried until it works: each cause once, and once that it works again. */
export class OutageReporter {
  readonly #messages: OutageMessages;
  readonly #causes = new Set<string>();

  constructor(messages: OutageMessages) {
    this.#messages = messages;
  }

  /** Whether a failure was reported and none has succeeded since. */
  get isOut(): boolean {
    return this.#causes.size > 0;
  }

  failed(error: unknown): void {
    const { message, name } = describeFailure(error);
    const cause = message || name;
    if (this.#causes.has(cause) || this.#causes.size >= MOST_CAUSES) return;
    this.#causes.add(cause);
    this.#messages.report(`${this.#messages.begins}: ${cause}`);
  }

  succeeded(): void {
    if (!this.isOut) return;
    this.#causes.clear();
    this.#messages.report(this.#messages.ends);
  }
}
