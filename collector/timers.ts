/**
 * Timers and clock of the code that works beside task code. The fake timers of a test framework replace the globals and
 * the exports of `node:timers`: a flush that waits for fake timers never ends, and running them all never ends either.
 * So this module takes the real timers once, when it is loaded. An old Node.js, which has no `getBuiltinModule`, loads this
 * module too; the store then reports which version is needed.
 */
const timers = process.getBuiltinModule?.('node:timers') ?? globalThis;
const clock = globalThis.performance;
const { hrtime } = process;

export const setTimeout: typeof globalThis.setTimeout = timers.setTimeout;
export const clearTimeout: typeof globalThis.clearTimeout = timers.clearTimeout;
export const setInterval: typeof globalThis.setInterval = timers.setInterval;
export const clearInterval: typeof globalThis.clearInterval = timers.clearInterval;
export const setImmediate: typeof globalThis.setImmediate = timers.setImmediate;
export const performance: { now(): number } = { now: clock.now.bind(clock) };
/** The system's monotonic clock in milliseconds: on Linux all processes since the machine's start have the same. */
export const monotonicMs: () => number = () => Number(hrtime.bigint()) / 1e6;
