import { received } from '../../src/failure.ts';

const DEFAULT_BEAT_MS = 5000;
const LEAST_BEAT_MS = 50;
const LONGEST_BEAT_MS = 3_600_000;
const DEFAULT_LOST_FINAL_MS = 600_000;

/** The option of this name, checked. */
export function beatIntervalMs(ms: number = DEFAULT_BEAT_MS): number {
  if (Number.isInteger(ms) && (ms === 0 || (ms >= LEAST_BEAT_MS && ms <= LONGEST_BEAT_MS))) return ms;
  throw new RangeError(
    `beatIntervalMs: expected 0 or a whole number from ${LEAST_BEAT_MS} to ${LONGEST_BEAT_MS}, got ${received(ms)}`,
  );
}

/** The option of this name, checked. */
export function lostFinalMs(ms: number = DEFAULT_LOST_FINAL_MS): number {
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new RangeError(`lostFinalMs: expected a whole number of at least 0, got ${received(ms)}`);
}
