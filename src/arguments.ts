import type { Plan } from './fact.ts';
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

/** Throws a `TypeError` unless these are options, all of them known. */
export function checkKeys(what: string, options: unknown, known: readonly string[]): asserts options is object {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`${what}: expected an object of options, got ${received(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key)) {
      throw new TypeError(`${what}: expected options among ${known.join(', ')}, got ${received(key)}`);
    }
  }
}

/** Throws a `TypeError` unless the value is absent or of this type. */
export function checkType(name: string, value: unknown, type: string): void {
  if (value !== undefined && typeof value !== type) {
    throw new TypeError(`${name}: expected a ${type}, got ${received(value)}`);
  }
}

/**
 * What a scope is going to consist of, as a caller says it: how many scopes, their names, or
 * their names with weights.
 */
export type PlanInput = number | readonly string[] | Readonly<Record<string, number>>;

/**
 * The plan as a fact carries it. Invalid numbers, empty and repeated names are corrected where something is left, which is
 * reported once a task; `undefined` where nothing is. Throws a `TypeError` for what is of another type.
 */
export function planOf(input: unknown, of: Subject): Plan | undefined {
  if (typeof input === 'number') {
    return Number.isSafeInteger(input) && input >= 1 ? input : corrected(undefined, input, of);
  }
  if (Array.isArray(input) && input.every((name) => typeof name === 'string')) {
    const plan = weightsOf(input.map((name) => [name, 1]), of);
    return new Set(input).size === input.length && plan !== undefined ? plan : corrected(plan, input, of);
  }
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
    const entries = Object.entries(input as Record<string, unknown>);
    if (entries.every((entry): entry is [string, number] => typeof entry[1] === 'number')) {
      const valid = entries.filter(([, weight]) => weight > 0 && weight < Infinity);
      const plan = weightsOf(valid, of);
      return valid.length === entries.length && plan !== undefined ? plan : corrected(plan, input, of);
    }
  }
  throw new TypeError(`plan: expected ${EXPECTED}, got ${received(input)}`);
}

const EXPECTED = 'a whole number of at least 1, a list of different names or an object of positive weights by name';

function corrected(plan: Plan | undefined, input: unknown, { clean, title }: Subject): Plan | undefined {
  const done = plan === undefined ? 'is dropped' : 'counts as far as it is valid';
  reportOnce(`plan of ${title}`, `plan() in ${title} ${done}: expected ${EXPECTED}, got ${clean.message(received(input))}`);
  return plan;
}

/** Names may be any, `__proto__` among them; those that are the same when cleaned share one weight. */
function weightsOf(entries: readonly (readonly [string, number])[], of: Subject): Record<string, number> | undefined {
  if (entries.length === 0) return undefined;
  const weights = Object.create(null) as Record<string, number>;
  for (const [name, weight] of entries) {
    const cleaned = nameOf(name, of);
    weights[cleaned] = (weights[cleaned] ?? 0) + weight;
  }
  return weights;
}
