import { received } from './failure.ts';
import { reportOnce } from './report.ts';
import type { Subject } from './text.ts';

/** How far something is: steps done, of how many. */
export interface Progress {
  readonly done: number;
  readonly total: number | undefined;
}

/** The total has so many parts; reaching the next one lets a step through. */
const PARTS = 20;
const ROUNDING = 1e-9;
const INTERVAL_MS = 1000;
const ELAPSED_SHARE = 0.02;
const LONGEST_INTERVAL_MS = 30_000;
const FAST_MS = 1;
const FAST_LOOKS = 8;
const UNLOOKED = 15;

/**
 * Lets through a handful of many steps, and never loses the last one.
 *
 * A step passes when it is the first, the first with a total or the first to complete it, when
 * the share done reaches the next 5 percent, or after a second; of what runs for long, after
 * 2 percent of the time it has run, half a minute at the most. A share that falls and grows
 * again, or a total that grows, lets no more through. What was held back passes by a timer, or
 * with {@link flush} at the end of the scope.
 */
export class ProgressGate {
  readonly #pass: (progress: Progress) => void;
  #done = 0;
  #total: number | undefined;
  #held = false;
  /** The greatest share that has passed; below zero until one has. */
  #share = -1;
  #nextDone = Infinity;
  #nextTime = -Infinity;
  readonly #start: number = performance.now();
  /** When the clock was read last, how often in a row that was soon after the time before, and for how many steps it is not. */
  #looked = -Infinity;
  #fastLooks = 0;
  #unlooked = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(pass: (progress: Progress) => void) {
    this.#pass = pass;
  }

  /** Takes the latest state of affairs. */
  update(done: number, total: number | undefined): void {
    if (total !== this.#total) this.#nextDone = this.#doneForNext(total);
    this.#done = done;
    this.#total = total;
    if (done >= this.#nextDone || this.#isTime()) this.#let();
    else this.#hold();
  }

  /** Lets through what was held back. */
  flush(): void {
    if (this.#held) this.#let();
  }

  /** Flushes, and takes no further timer. */
  close(): void {
    this.flush();
    clearTimeout(this.#timer);
  }

  /** Of steps that keep coming fast the clock is read with every sixteenth alone: it costs more than all the rest. */
  #isTime(): boolean {
    if (this.#unlooked > 0) {
      this.#unlooked--;
      return false;
    }
    const now = performance.now();
    this.#fastLooks = now - this.#looked < FAST_MS ? this.#fastLooks + 1 : 0;
    this.#looked = now;
    if (this.#fastLooks >= FAST_LOOKS) this.#unlooked = UNLOOKED;
    return now >= this.#nextTime;
  }

  #let(): void {
    const now = performance.now();
    const total = this.#total;
    this.#held = false;
    if (total !== undefined) this.#share = Math.max(this.#share, total === 0 ? 1 : this.#done / total);
    this.#nextDone = this.#doneForNext(total);
    this.#nextTime = now + Math.min(Math.max(INTERVAL_MS, (now - this.#start) * ELAPSED_SHARE), LONGEST_INTERVAL_MS);
    this.#pass({ done: this.#done, total });
  }

  /** How many steps done let the next one through, whatever the time. */
  #doneForNext(total: number | undefined): number {
    if (total === undefined || this.#share >= 1) return Infinity;
    const reached = Math.floor(this.#share * PARTS + ROUNDING);
    return (Math.min(reached + 1, PARTS) * total) / PARTS;
  }

  #hold(): void {
    this.#held = true;
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, this.#nextTime - performance.now());
    // A web timer is a number; Node's must not keep a process alive.
    (this.#timer as { unref?: () => void }).unref?.();
  }
}

/** Whether `done` can be recorded, which is reported once a task if not. Throws a `TypeError` for what is no number. */
export function isDone(done: unknown, of: Subject): done is number {
  if (isCount(done)) return true;
  if (typeof done !== 'number') throw new TypeError(`progress: expected done to be ${AMOUNT}, got ${received(done)}`);
  reportOnce(`done of ${of.title}`, `progress() in ${of.title} is dropped: expected done to be ${AMOUNT}, got ${done}`);
  return false;
}

/** A total as it can be recorded: an invalid one is none, which is reported once a task. Throws a `TypeError` for what is no number. */
export function totalOf(total: unknown, what: string, of: Subject): number | undefined {
  if (total === undefined || isCount(total)) return total;
  if (typeof total !== 'number') throw new TypeError(`${what}: expected total to be ${AMOUNT}, got ${received(total)}`);
  reportOnce(`total of ${of.title}`, `${what}() in ${of.title} has no total: expected ${AMOUNT}, got ${total}`);
  return undefined;
}

const AMOUNT = 'a finite number of at least 0';

/** Whether a value can say how many: a finite number of at least 0. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}
