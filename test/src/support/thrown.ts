/** Throws it, where an expression is needed. */
export function thrown(error: unknown): never {
  throw error;
}

/** What a function throws. */
export function caught(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  throw new Error('expected it to throw');
}
