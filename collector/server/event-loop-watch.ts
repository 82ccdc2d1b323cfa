import { clearInterval, performance, setInterval } from '../timers.ts';

/** How often it looks, in milliseconds: in turns that are shorter it finds nothing. */
const LOOK_MS = 20;
/** How long the longest turn is kept, in milliseconds: so long at least, twice so long at most. */
const WINDOW_MS = 60_000;

/** Clocks, in milliseconds. */
interface LoopClocks {
  now(): number;
  /** CPU time of this thread so far; `undefined` where the runtime has no such figure. */
  cpu(): number | undefined;
}

const CLOCKS: LoopClocks = {
  now: () => performance.now(),
  cpu() {
    // Node.js 23.9 and newer.
    const usage = process.threadCpuUsage?.();
    return usage && (usage.user + usage.system) / 1000;
  },
};

/**
 * Watches the event loop of its thread: how late timers fire, and how much CPU time the longest turn has taken.
 *
 * A timer fires once in each turn that is longer than {@link LOOK_MS}, so turns are measured to about that.
 */
export class EventLoopWatch {
  readonly #clocks: LoopClocks;
  readonly #onDelay: (ms: number) => void;
  readonly #excepted: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  #before: { at: number; cpu: number | undefined; excepted: number };
  #longest = [0, 0];
  #windowEnd: number;

  /**
   * @param onDelay Called with each delay of the timer.
   * @param excepted CPU time so far that does not count, in milliseconds: that of checkpoints.
   */
  constructor(onDelay: (ms: number) => void, excepted: () => number, clocks: LoopClocks = CLOCKS) {
    this.#clocks = clocks;
    this.#onDelay = onDelay;
    this.#excepted = excepted;
    this.#before = this.#present();
    this.#windowEnd = this.#before.at + WINDOW_MS;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** CPU time of the longest turn of the last minute, in milliseconds; `undefined` where it is not known. */
  get longestTurn(): number | undefined {
    return this.#before.cpu === undefined ? undefined : Math.max(...this.#longest);
  }

  /** Looks once, as the timer does. */
  look(): void {
    const [before, now] = [this.#before, this.#present()];
    this.#before = now;
    this.#onDelay(Math.max(0, now.at - before.at - LOOK_MS));
    if (now.at >= this.#windowEnd) {
      this.#longest = [0, this.#longest[0]!];
      this.#windowEnd = now.at + WINDOW_MS;
    }
    const took = (now.cpu ?? 0) - (before.cpu ?? 0) - (now.excepted - before.excepted);
    if (took > this.#longest[0]!) this.#longest[0] = took;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
  }

  #present(): { at: number; cpu: number | undefined; excepted: number } {
    return { at: this.#clocks.now(), cpu: this.#clocks.cpu(), excepted: this.#excepted() };
  }
}
