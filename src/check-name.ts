import { received } from './failure.ts';

/** Throws a `TypeError` unless it can name a task or scope. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (isName(name)) return;
  throw new TypeError(`${what}: expected the name to be a string that is not empty, got ${received(name)}`);
}

/** Whether it can. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && SOMETHING.test(name);
}

const SOMETHING = /\S/;
