/** How far something is: steps done, of how many. */
interface Progress {
  readonly done: number;
  readonly total: number | undefined;
}

/** The total is divided into so many steps; reaching the next one lets progress pass. */
const STEPS = 20;
const ROUNDING = 1e-9;
const INTERVAL_MS = 1000;
/** Of what has run for long, progress passes after this share of the time that it has run. */
const ELAPSED_SHARE = 0.02;
const LONGEST_INTERVAL_MS = 30_000;
/** Two readings of the clock that are nearer than this count as fast. */
const FAST_MS = 1;
/** After so many fast readings in a row, the clock is read only with every sixteenth update. */
const FAST_READINGS = 8;
const SKIPPED_READINGS = 15;

/**
 * Lets a handful of many progress updates pass, and never loses the last one. An update passes
 *
 * - when it is the first one, the first with a total, or the first to complete the total;
 * - when the share done reaches the next 5 percent;
 * - after a second; after 2 percent of the time that it has run, if that is longer, and after half a minute at most.
 *
 * A share that falls and grows again, or a total that grows, lets no more pass. What was held back passes by a timer,
 * or with {@link flush} at the end of the scope.
 */
export class ProgressGate {
  readonly #pass: (progress: Progress) => void;
  #done = 0;
  #total: number | undefined;
  #isHeld = false;
  /** The greatest share that has passed; below zero until one has. */
  #share = -1;
  #nextDone = Infinity;
  #nextTime = -Infinity;
  readonly #start: number = performance.now();
  #lastReading = -Infinity;
  #fastReadings = 0;
  /** For how many updates the clock is not read. */
  #readingsToSkip = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(pass: (progress: Progress) => void) {
    this.#pass = pass;
  }

  /** Takes the latest progress. */
  update(done: number, total: number | undefined): void {
    if (total !== this.#total) this.#nextDone = this.#doneForNext(total);
    this.#done = done;
    this.#total = total;
    if (done >= this.#nextDone || this.#isTime()) this.#letPass();
    else this.#hold();
  }

  /** Lets pass what was held back. */
  flush(): void {
    if (this.#isHeld) this.#letPass();
  }

  /** Flushes, and stops the timer. */
  close(): void {
    this.flush();
    clearTimeout(this.#timer);
  }

  /**
   * Whether enough time has passed. Reading the clock costs more than all the rest, so fast updates skip most
   * readings.
   */
  #isTime(): boolean {
    if (this.#readingsToSkip > 0) {
      this.#readingsToSkip--;
      return false;
    }
    const now = performance.now();
    this.#fastReadings = now - this.#lastReading < FAST_MS ? this.#fastReadings + 1 : 0;
    this.#lastReading = now;
    if (this.#fastReadings >= FAST_READINGS) this.#readingsToSkip = SKIPPED_READINGS;
    return now >= this.#nextTime;
  }

  #letPass(): void {
    const now = performance.now();
    const total = this.#total;
    this.#isHeld = false;
    if (total !== undefined) this.#share = Math.max(this.#share, total === 0 ? 1 : this.#done / total);
    this.#nextDone = this.#doneForNext(total);
    this.#nextTime = now + Math.min(Math.max(INTERVAL_MS, (now - this.#start) * ELAPSED_SHARE), LONGEST_INTERVAL_MS);
    this.#pass({ done: this.#done, total });
  }

  /** How many steps done let the next update pass, whatever the time. */
  #doneForNext(total: number | undefined): number {
    if (total === undefined || this.#share >= 1) return Infinity;
    const reached = Math.floor(this.#share * STEPS + ROUNDING);
    return (Math.min(reached + 1, STEPS) * total) / STEPS;
  }

  #hold(): void {
    this.#isHeld = true;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, Math.max(this.#nextTime - performance.now(), 0)); // Node.js warns of a time that has passed.
    // A web timer is a number. A timer of Node.js must not keep the process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }
}
