import type { HrTime } from '@opentelemetry/api';

/** Where a {@link TaskClock} reads the time, in milliseconds. A test may give its own. */
export interface TimeSource {
  /** Wall time since the epoch. It may jump. */
  wall(): number;
  /** Time that never goes back, from any zero. It may stand still while the machine sleeps. */
  monotonic(): number;
}

const systemTime: TimeSource = {
  wall: () => Date.now(),
  monotonic: () => performance.now(),
};

const LEAD_MS = 1000;

/**
 * The one clock of a task: every start, event and end has its time from it.
 *
 * It counts from wall time with the steady pace of monotonic time, never gives one time twice,
 * never goes back, and jumps forward when wall time leads by more than a second (a machine that
 * slept). The SDK's own clocks differ from span to span by up to a millisecond.
 */
export class TaskClock {
  readonly #source: TimeSource;
  #wallBase: number;
  #monotonicBase: number;
  #last = 0;

  constructor(source: TimeSource = systemTime) {
    this.#source = source;
    this.#wallBase = source.wall();
    this.#monotonicBase = source.monotonic();
  }

  /** Microseconds since the epoch, a whole number greater than the one before. */
  now(): number {
    const monotonic = this.#source.monotonic();
    const wall = this.#source.wall();
    let millis = this.#wallBase + (monotonic - this.#monotonicBase);
    if (wall - millis > LEAD_MS) {
      this.#wallBase = wall;
      this.#monotonicBase = monotonic;
      millis = wall;
    }
    const micros = Math.floor(millis * 1000);
    this.#last = micros > this.#last ? micros : this.#last + 1;
    return this.#last;
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
