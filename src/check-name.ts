import { received } from './failure.ts';
import { reportOnce } from './report.ts';
import type { Subject } from './text.ts';

/** Throws a `TypeError` for what is no string. A blank one is called {@link UNNAMED}. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name === 'string') return;
  throw new TypeError(`${what}: expected the name to be a string, got ${received(name)}`);
}

/** Whether it can name a task or scope as it is. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && SOMETHING.test(name);
}

/** What a task or scope is called that was given this name: it is cleaned, and of a blank one it is reported once a task. */
export function nameOf(name: string, of: Subject): string {
  const cleaned = of.clean.name(name);
  if (SOMETHING.test(cleaned)) return cleaned;
  reportOnce(`blank name in ${of.title}`, `a blank name in ${of.title} is replaced by ${UNNAMED}`);
  return UNNAMED;
}

const UNNAMED = '(unnamed)';
const SOMETHING = /\S/;
