import { clearInterval, performance, setInterval } from '../../src/timers.ts';
import type { RingWriter } from './ring-writer.ts';
import { CONTROL } from './segment.ts';

/** A caller that waits. */
interface Waiting {
  readonly isAcknowledged: () => boolean;
  /** When it waits no longer, in milliseconds of `performance.now()`. */
  readonly end: number;
  readonly resolve: (isAcknowledged: boolean) => void;
}

/**
 * Waits for acknowledgements of what is written into a ring. All callers share one wait on the shared memory, so that an
 * acknowledgement costs no more than the callers whose facts it acknowledges.
 */
export class Acknowledgements {
  readonly #ring: RingWriter;
  /** In the order of writing, so that callers whose facts are acknowledged stand first. */
  #waiting: Waiting[] = [];

  constructor(ring: RingWriter) {
    this.#ring = ring;
  }

  /** Resolves with whether all that is written by now is acknowledged: when it is, or after this time. */
  wait(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const { length } = this.#waiting;
      this.#waiting.push({ isAcknowledged: this.#ring.mark(), end: performance.now() + limitMs, resolve });
      if (length === 0) void this.#watch();
    });
  }

  async #watch(): Promise<void> {
    const { control } = this.#ring;
    // A wait on shared memory alone would not keep the process alive.
    const alive = setInterval(() => undefined, ALIVE_MS);
    for (;;) {
      const acknowledgements = Atomics.load(control, CONTROL.acknowledgements);
      const open = this.#waiting.findIndex(({ isAcknowledged }) => !isAcknowledged());
      for (const { resolve } of this.#waiting.splice(0, open < 0 ? Infinity : open)) resolve(true);
      const [first] = this.#waiting;
      if (first === undefined) break;
      const left = Math.max(0, first.end - performance.now());
      const woken = await Atomics.waitAsync(control, CONTROL.acknowledgements, acknowledgements, left).value;
      if (woken === 'timed-out') this.#waiting.shift()!.resolve(first.isAcknowledged());
    }
    clearInterval(alive);
  }
}

const ALIVE_MS = 60_000;
