import { checkKeys } from '../../../src/arguments.ts';
import { received } from '../../../src/failure.ts';

/** Options of live streams. */
export interface StreamOptions {
  /**
   * How often a stream that has nothing to say sends a comment, in milliseconds, at least 100: so
   * that no proxy takes it for dead. Default 15,000.
   */
  aliveMs?: number;
  /**
   * How many bytes a client may lag behind, at least 65,536. One that lags further is let go: its
   * connection is closed, and it goes on where it was when it comes back. Default 1 MiB.
   */
  maxBehindBytes?: number;
}

const ALIVE_MS = 15_000;
const MAX_BEHIND_BYTES = 1024 * 1024;

/** The given ones, checked, and the defaults for the rest. Throws `TypeError` or `RangeError`. */
export function resolveStreams(streams: StreamOptions = {}): Required<StreamOptions> {
  checkKeys('streams', streams, ['aliveMs', 'maxBehindBytes'] satisfies (keyof StreamOptions)[]);
  return {
    aliveMs: atLeast(100, 'aliveMs', streams.aliveMs ?? ALIVE_MS),
    maxBehindBytes: atLeast(65_536, 'maxBehindBytes', streams.maxBehindBytes ?? MAX_BEHIND_BYTES),
  };
}

function atLeast(least: number, name: keyof StreamOptions, value: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`streams.${name}: expected a whole number of at least ${least}, got ${received(value)}`);
}
