/**
 * A value that all copies of this package in one process share: the copy in an application's bundle, the one that
 * was preloaded, and the two that `import` and `require` give.
 *
 * The values stand in one object. Their shapes are a contract between versions, so the key has the major version.
 */
export function shared<T>(name: string, make: () => T): T {
  const all = globalThis as Record<symbol, Record<string, unknown> | undefined>;
  const values = (all[Symbol.for('taskspan.1')] ??= {});
  return (values[name] ??= make()) as T;
}
