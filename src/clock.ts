import type { HrTime } from '@opentelemetry/api';
import { shared } from './shared-between-copies.ts';

/** Gives {@link TaskClock}s the time, in milliseconds. A test may have its own. */
export interface TimeSource {
  /** Wall time since the epoch. It may jump. */
  wall(): number;
  /** Time that never goes back, from an arbitrary zero. It may stand still while the machine sleeps. */
  monotonic(): number;
  /** The latest time that a clock of this source has given, in microseconds. */
  newest?: number;
  /** The clock of this source that was made last. */
  latest?: { wallAt(monotonic: number): number };
}

// The global is a getter. It is read once, since a clock is read for every fact.
const { performance } = globalThis;

/** The system's time. All copies of this package share it, so that the clocks of tasks and of their parts agree. */
const systemTime: TimeSource = shared('time', () => ({
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  newest: 0,
}));

/** A greater difference means that wall time was set back, or that the machine slept. */
const LEAD_MS = 1000;
/** A clock that differs from wall time by no more than this is right: wall time is in whole milliseconds. */
const NEAR_MS = 2;
/** How often a clock compares itself with wall time. A machine takes longer than this to fall asleep. */
const COMPARE_MS = 1;

/**
 * Gives every start, event and end of a task its time.
 *
 * - It counts from wall time at the steady pace of monotonic time.
 * - It never goes back, and never gives one time twice.
 * - It jumps forward when wall time is ahead by more than a second, as after the machine slept.
 * - It gives no time that is less than a second behind the latest time of another clock of its source. So of two events
 *   in a task, its parts and its children in one process, the later one has the later time.
 *
 * The SDK has a clock for each span, and these differ by up to a millisecond.
 */
export class TaskClock {
  readonly #source: TimeSource;
  #wallBase: number;
  #monotonicBase: number;
  #nextComparison: number;
  /** Whether wall time was set back since the clock began. Then it goes on alone. */
  #leadsWall = false;
  #last = 0;

  constructor(source: TimeSource = systemTime) {
    this.#source = source;
    const wall = source.wall();
    const monotonic = source.monotonic();
    this.#monotonicBase = monotonic;
    this.#nextComparison = monotonic;
    const running = source.latest === undefined ? wall : source.latest.wallAt(monotonic);
    const after = ((source.newest ?? 0) + 1) / 1000;
    if (Math.abs(running - wall) <= NEAR_MS) this.#wallBase = running;
    // With a greater difference wall time was set back: the clock begins with the new wall time.
    else this.#wallBase = after > wall && after - wall <= LEAD_MS ? after : wall;
    source.latest = this;
  }

  /** Microseconds since the epoch, a whole number greater than the one before. */
  now(): number {
    const monotonic = this.#source.monotonic();
    if (monotonic >= this.#nextComparison) this.#compare(monotonic);
    const micros = Math.floor(this.wallAt(monotonic) * 1000);
    const newest = this.#source.newest ?? 0;
    const lag = newest - micros;
    const isPassed = newest > this.#last && lag <= LEAD_MS * 1000;
    // With a greater lag the clock goes on from there: else it would stand still until it has caught up.
    if (isPassed && lag > NEAR_MS * 1000) this.#wallBase += lag / 1000;
    const before = isPassed ? newest : this.#last;
    this.#last = micros > before ? micros : before + 1;
    if (!this.#leadsWall) this.#source.newest = this.#last;
    return this.#last;
  }

  /** The clock's wall time, in milliseconds, at a monotonic time. */
  wallAt(monotonic: number): number {
    return this.#wallBase + (monotonic - this.#monotonicBase);
  }

  #compare(monotonic: number): void {
    this.#nextComparison = monotonic + COMPARE_MS;
    const wall = this.#source.wall();
    const lead = this.wallAt(monotonic) - wall;
    this.#leadsWall = lead > LEAD_MS;
    if (lead >= -LEAD_MS) return;
    this.#wallBase = wall;
    this.#monotonicBase = monotonic;
  }
}

/** The same time in OpenTelemetry's form. */
export function hrTimeOf(micros: number): HrTime {
  const seconds = Math.floor(micros / 1_000_000);
  return [seconds, (micros - seconds * 1_000_000) * 1000];
}

/** OpenTelemetry's time in whole microseconds. */
export function microsOf(time: HrTime): number {
  return time[0] * 1_000_000 + Math.round(time[1] / 1000);
}
