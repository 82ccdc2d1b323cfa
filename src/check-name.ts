import { received } from './failure.ts';

/** Throws a `TypeError` unless it can name a task or scope. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name === 'string' && SOMETHING.test(name)) return;
  throw new TypeError(`${what}: expected the name to be a string that is not empty, got ${received(name)}`);
}

const SOMETHING = /\S/;
