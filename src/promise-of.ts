/** Whether a value is one to wait for. Never throws, however hostile the value. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false;
  try {
    return typeof (value as { then?: unknown }).then === 'function';
  } catch {
    return false;
  }
}

/**
 * A promise as it is. Any other thenable begins its work here and now, in the calling context,
 * since that of a lazy one (a query builder) begins when it is waited for.
 */
export function promiseOf<T>(value: PromiseLike<T>): Promise<T> {
  if (value instanceof Promise) return value as Promise<T>;
  return new Promise((resolve, reject) => {
    value.then(resolve, reject);
  });
}
