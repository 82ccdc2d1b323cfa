import type { HrTime } from '@opentelemetry/api';
import { shared } from './shared.ts';

/** Where {@link TaskClock}s read the time, in milliseconds. A test may give its own. */
export interface TimeSource {
  /** Wall time since the epoch. It may jump. */
  wall(): number;
  /** Time that never goes back, from any zero. It may stand still while the machine sleeps. */
  monotonic(): number;
  /** The latest time that a clock of this source has given, in microseconds. */
  newest?: number;
  /** The clock of this source that was made last. */
  latest?: { wallAt(monotonic: number): number };
}

// The global is a getter: asked for once, since a clock is read for every fact.
const { performance } = globalThis;

/** One for all copies of this package, so that the clocks of tasks and of their parts agree whichever copy they are of. */
const systemTime: TimeSource = shared('time', () => ({
  wall: () => Date.now(),
  monotonic: () => performance.now(),
  newest: 0,
}));

const LEAD_MS = 1000;
/** Wall time is whole milliseconds: a clock that is as near to it as this is right. */
const NEAR_MS = 2;
/** How often wall time is looked at. A machine takes longer than this to fall asleep. */
const LOOK_MS = 1;

/**
 * The one clock of a task: every start, event and end has its time from it.
 *
 * It counts from wall time with the steady pace of monotonic time, never gives one time twice,
 * never goes back, and jumps forward when wall time leads by more than a second (a machine that
 * slept). Nor does it give a time that another clock of its source has passed by less than that: a
 * task, its parts and its children in one process tell what happens later with a later time. The
 * SDK's own clocks differ from span to span by up to a millisecond.
 */
export class TaskClock {
  readonly #source: TimeSource;
  #wallBase: number;
  #monotonicBase: number;
  #nextLook: number;
  /** Whether wall time was set back since it began: it goes on alone. */
  #leadsWall = false;
  #last = 0;

  constructor(source: TimeSource = systemTime) {
    this.#source = source;
    const wall = source.wall();
    const monotonic = source.monotonic();
    this.#monotonicBase = monotonic;
    this.#nextLook = monotonic;
    const running = source.latest === undefined ? wall : source.latest.wallAt(monotonic);
    const after = ((source.newest ?? 0) + 1) / 1000;
    if (Math.abs(running - wall) <= NEAR_MS) this.#wallBase = running;
    // Beyond a second it is wall time that was set back, and rules.
    else this.#wallBase = after > wall && after - wall <= LEAD_MS ? after : wall;
    source.latest = this;
  }

  /** Microseconds since the epoch, a whole number greater than the one before. */
  now(): number {
    const monotonic = this.#source.monotonic();
    if (monotonic >= this.#nextLook) this.#look(monotonic);
    const micros = Math.floor(this.wallAt(monotonic) * 1000);
    const newest = this.#source.newest ?? 0;
    const lag = newest - micros;
    const isPassed = newest > this.#last && lag <= LEAD_MS * 1000;
    // Passed by more it goes on from there: else it would stand still until it has caught up.
    if (isPassed && lag > NEAR_MS * 1000) this.#wallBase += lag / 1000;
    const before = isPassed ? newest : this.#last;
    this.#last = micros > before ? micros : before + 1;
    if (!this.#leadsWall) this.#source.newest = this.#last;
    return this.#last;
  }

  /** What it gives as wall time, in milliseconds, at this monotonic time. */
  wallAt(monotonic: number): number {
    return this.#wallBase + (monotonic - this.#monotonicBase);
  }

  #look(monotonic: number): void {
    this.#nextLook = monotonic + LOOK_MS;
    const wall = this.#source.wall();
    const lead = this.wallAt(monotonic) - wall;
    this.#leadsWall = lead > LEAD_MS;
    if (lead >= -LEAD_MS) return;
    this.#wallBase = wall;
    this.#monotonicBase = monotonic;
  }
}

/** The same time as OpenTelemetry writes it. */
export function hrTimeOf(micros: number): HrTime {
  const seconds = Math.floor(micros / 1_000_000);
  return [seconds, (micros - seconds * 1_000_000) * 1000];
}

/** OpenTelemetry's time in whole microseconds. */
export function microsOf(time: HrTime): number {
  return time[0] * 1_000_000 + Math.round(time[1] / 1000);
}
