import { setTimeout } from 'node:timers/promises';

/** Waits for some seconds of the demo. Rejects when the signal is aborted; does not settle once the demo is stopped. */
export type Sleep = (seconds: number, signal?: AbortSignal) => Promise<void>;

/** A `Sleep` that takes a second divided by `speed` for each second. */
export function sleepAt(speed: number, stop: AbortSignal): Sleep {
  return async (seconds, signal) => {
    const either = signal === undefined ? stop : AbortSignal.any([stop, signal]);
    try {
      await setTimeout((seconds * 1000) / speed, undefined, { signal: either });
    } catch (error) {
      // The tasks have been ended by then: no code of theirs goes on.
      if (stop.aborted) await new Promise(() => {});
      throw error;
    }
  };
}
