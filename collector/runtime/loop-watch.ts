/** For how long the event loop of tasks has to stand still until it is told to be busy, in milliseconds. */
export const BUSY_MS = 1000;

/** How often that loop says that it turns, in milliseconds. */
export const LOOP_TICK_MS = 250;

/** Sees from another thread whether an event loop turns. */
export class LoopWatch {
  readonly #longestLookMs: number;
  #ticks: number | undefined;
  #lookedAt = 0;
  /** Wall time at which it was last seen to turn, in microseconds. */
  #turnedAt = 0;
  #stillMs = 0;

  /** @param longestLookMs The most that one look after another counts: if the whole process was away, the loop was not busy. */
  constructor(longestLookMs: number) {
    this.#longestLookMs = longestLookMs;
  }

  /**
   * @param ticks How many times the loop has said that it turns.
   * @param now Monotonic time in milliseconds.
   * @param wall Wall time in milliseconds.
   * @returns Since when it has been blocked, in microseconds since the epoch; `null` if it is not.
   */
  look(ticks: number, now: number, wall: number): number | null {
    const passed = Math.min(Math.max(0, now - this.#lookedAt), this.#longestLookMs);
    this.#lookedAt = now;
    if (ticks !== this.#ticks) {
      this.#ticks = ticks;
      this.#turnedAt = Math.floor(wall * 1000);
      this.#stillMs = 0;
      return null;
    }
    this.#stillMs += passed;
    return this.#stillMs >= BUSY_MS ? this.#turnedAt : null;
  }
}
