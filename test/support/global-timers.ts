/**
 * The global timers as they are when they are called, instead of those of `collector/timers.ts`: for a test that drives
 * by fake timers what works beside task code.
 *
 * `vi.mock('../../../collector/timers.ts', () => import('../../support/global-timers.ts'));`
 */
const later = <Name extends keyof typeof globalThis>(name: Name): (typeof globalThis)[Name] =>
  ((...args: unknown[]) => (globalThis[name] as (...given: unknown[]) => unknown)(...args)) as never;

export const setTimeout: typeof globalThis.setTimeout = later('setTimeout');
export const clearTimeout: typeof globalThis.clearTimeout = later('clearTimeout');
export const setInterval: typeof globalThis.setInterval = later('setInterval');
export const clearInterval: typeof globalThis.clearInterval = later('clearInterval');
export const setImmediate: typeof globalThis.setImmediate = later('setImmediate');
export const performance: { now(): number } = { now: () => globalThis.performance.now() };
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
