/**
 * Returns a value that all copies of this package in one process share: the copy in an application's bundle, the
 * preloaded one, and the two of `import` and `require`.
 *
 * One global object holds the values. Their shapes are a contract between versions, so its key has the major version.
 */
export function shared<T>(name: string, make: () => T): T {
  const all = globalThis as Record<symbol, Record<string, unknown> | undefined>;
  const values = (all[Symbol.for('taskspan.1')] ??= {});
  return (values[name] ??= make()) as T;
}
