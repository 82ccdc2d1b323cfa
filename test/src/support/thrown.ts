/** Throws a value, for code that needs an expression. */
export function thrown(error: unknown): never {
  throw error;
}

/** Returns what a function throws. */
export function caught(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error('expected it to throw');
}
