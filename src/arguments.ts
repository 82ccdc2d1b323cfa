import type { Plan } from './fact.ts';
import { received } from './failure.ts';
import { MOST_PLANNED } from './progress.ts';
import { reportOnce } from './report.ts';
import type { Subject } from './text.ts';

/**
 * Checks what callers pass. A value of the wrong type is a `TypeError` that quotes it. A value that the type allows but
 * no record can hold is corrected or dropped, and reported once a task.
 */

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

/** Throws a `TypeError` unless the name is a string. A blank one is replaced by {@link nameOf}. */
export function checkName(name: unknown, what: string): asserts name is string {
  if (typeof name === 'string') return;
  throw new TypeError(`${what}: expected the name to be a string, got ${received(name)}`);
}

/** Whether a task or scope can have this name as it is. */
export function isName(name: unknown): name is string {
  return typeof name === 'string' && NOT_BLANK.test(name);
}

/** The name of a function, also of a bound one; `undefined` for one without a name. It never throws. */
export function functionName(fn: unknown): string | undefined {
  try {
    const { name } = fn as { name?: unknown };
    const own = typeof name === 'string' ? name.replace(BOUND, '') : name;
    return isName(own) ? own : undefined;
  } catch {
    return undefined;
  }
}

const BOUND = /^(?:bound )+/;

/** The name of a task or scope in its record: cleaned, and a placeholder for a blank one. */
export function nameOf(name: string, of: Subject): string {
  const cleaned = of.clean.name(name);
  if (NOT_BLANK.test(cleaned)) return cleaned;
  reportOnce(`blank name in ${of.title}`, `a blank name in ${of.title} is replaced by ${UNNAMED}`);
  return UNNAMED;
}

const UNNAMED = '(unnamed)';
const NOT_BLANK = /\S/;

/** Whether a value can be a number of steps: finite and at least 0. */
export function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < Infinity;
}

/** Whether `done` can be recorded. Throws a `TypeError` unless it is a number. */
export function isDone(done: unknown, of: Subject): done is number {
  if (isCount(done)) return true;
  if (typeof done !== 'number') throw new TypeError(`progress: expected done to be ${COUNT}, got ${received(done)}`);
  reportOnce(`done of ${of.title}`, `progress() in ${of.title} is dropped: expected done to be ${COUNT}, got ${done}`);
  return false;
}

/**
 * The total as it is recorded; `undefined` for an invalid one. Throws a `TypeError` unless it is absent or a number.
 */
export function totalOf(total: unknown, what: string, of: Subject): number | undefined {
  if (total === undefined || isCount(total)) return total;
  if (typeof total !== 'number') throw new TypeError(`${what}: expected total to be ${COUNT}, got ${received(total)}`);
  reportOnce(`total of ${of.title}`, `${what}() in ${of.title} has no total: expected ${COUNT}, got ${total}`);
  return undefined;
}

const COUNT = 'a finite number of at least 0';

/** What a scope is going to consist of: how many scopes, their names, or their names with weights. */
export type PlanInput = number | readonly string[] | Readonly<Record<string, number>>;

/**
 * The plan as it is recorded. Invalid numbers and repeated names are left out, and blank names replaced; `undefined`
 * where nothing is left. Throws a `TypeError` unless it is a {@link PlanInput}.
 */
export function planOf(input: unknown, of: Subject): Plan | undefined {
  if (typeof input === 'number') {
    return Number.isSafeInteger(input) && input >= 1 ? input : corrected(undefined, input, of);
  }
  if (Array.isArray(input) && input.every((name) => typeof name === 'string')) {
    if (input.length > MOST_PLANNED) return counted(input.length, of);
    const plan = weightsOf(input.map((name) => [name, 1]), of);
    return new Set(input).size === input.length && plan !== undefined ? plan : corrected(plan, input, of);
  }
  if (typeof input === 'object' && input !== null && !Array.isArray(input)) {
    const entries = Object.entries(input as Record<string, unknown>);
    if (entries.every((entry): entry is [string, number] => typeof entry[1] === 'number')) {
      if (entries.length > MOST_PLANNED) return counted(entries.length, of);
      const valid = entries.filter(([, weight]) => weight > 0 && weight < Infinity);
      const plan = weightsOf(valid, of);
      return valid.length === entries.length && plan !== undefined ? plan : corrected(plan, input, of);
    }
  }
  throw new TypeError(`plan: expected ${PLAN}, got ${received(input)}`);
}

const PLAN = 'a whole number of at least 1, a list of different names or an object of positive weights by name';

/** Reports a plan of too many names, and returns how many there are: all scopes count then, whatever their names and weights. */
function counted(names: number, { title }: Subject): Plan {
  reportOnce(`plan of ${title}`, `plan() in ${title} counts by the number of scopes: expected at most ${MOST_PLANNED} names, got ${names}`);
  return names;
}

/** Reports an invalid plan, and returns what is left of it. */
function corrected(plan: Plan | undefined, input: unknown, { clean, title }: Subject): Plan | undefined {
  const done = plan === undefined ? 'is dropped' : 'counts as far as it is valid';
  reportOnce(`plan of ${title}`, `plan() in ${title} ${done}: expected ${PLAN}, got ${clean.message(received(input))}`);
  return plan;
}

/**
 * The weights by cleaned name; names may be any, `__proto__` among them. Names that are the same when cleaned share
 * one weight.
 */
function weightsOf(entries: readonly (readonly [string, number])[], of: Subject): Record<string, number> | undefined {
  if (entries.length === 0) return undefined;
  const weights = Object.create(null) as Record<string, number>;
  for (const [name, weight] of entries) {
    const cleaned = nameOf(name, of);
    weights[cleaned] = Math.min((weights[cleaned] ?? 0) + weight, Number.MAX_VALUE);
  }
  return weights;
}
