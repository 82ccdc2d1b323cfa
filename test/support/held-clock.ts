import { onTestFinished, vi } from 'vitest';

/** Time that passes only when a test lets it pass. */
export interface HeldClock {
  /** Lets time pass: what is due within it runs, in its order. */
  pass(ms: number): Promise<void>;
}

/**
 * Holds the timers and the monotonic clock until the test has finished. For what works beside task code the file also needs
 *
 * `vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));`
 */
export function heldClock(): HeldClock {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  onTestFinished(() => void vi.useRealTimers());
  return { pass: async (ms) => void (await vi.advanceTimersByTimeAsync(ms)) };
}
