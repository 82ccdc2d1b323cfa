/**
 * A value that all copies of this package in one process share: the one that an application was
 * bundled with, and the one that was preloaded.
 *
 * @param key What it is known by; its shape is part of the contract between versions.
 */
export function shared<T>(key: string, make: () => T): T {
  const all = globalThis as Record<symbol, T | undefined>;
  return (all[Symbol.for(key)] ??= make());
}
