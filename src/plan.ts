import { nameOf } from './check-name.ts';
import type { Plan } from './fact.ts';
import { received } from './failure.ts';
import { reportOnce } from './report.ts';
import type { Subject } from './text.ts';

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
