/**
 * Timers and clock of all that works beside task code. Fake timers of a test framework replace the globals, and what
 * `node:timers` exports; a flush that waited by them would never end, and running all of them would never end either.
 * So they are taken here once, when this module is loaded. An old Node.js has no `getBuiltinModule`: it loads this module
 * too, and the store reports then which version is needed.
 */
const timers = process.getBuiltinModule?.('node:timers') ?? globalThis;
const promises = process.getBuiltinModule?.('node:timers/promises');
const clock = globalThis.performance;

export const setTimeout: typeof globalThis.setTimeout = timers.setTimeout;
export const clearTimeout: typeof globalThis.clearTimeout = timers.clearTimeout;
export const setInterval: typeof globalThis.setInterval = timers.setInterval;
export const clearInterval: typeof globalThis.clearInterval = timers.clearInterval;
export const setImmediate: typeof globalThis.setImmediate = timers.setImmediate;
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask;
/** `setTimeout` as a promise. */
export const delay: (ms: number, value?: undefined, options?: { ref?: boolean; signal?: AbortSignal }) => Promise<void> = promises?.setTimeout;
export const performance: { now(): number } = { now: clock.now.bind(clock) };
