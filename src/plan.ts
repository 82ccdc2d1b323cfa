import type { Plan } from './fact.ts';
import { received } from './failure.ts';
import type { CleanText } from './text.ts';

/**
 * What a scope is going to consist of, as a caller says it: how many scopes, their names, or
 * their names with weights.
 */
export type PlanInput = number | readonly string[] | Readonly<Record<string, number>>;

/**
 * The plan as a fact carries it; `TypeError` for anything else.
 *
 * @param clean What the names of scopes go through too, so that a plan's names are theirs.
 */
export function planOf(input: unknown, clean: CleanText): Plan {
  if (typeof input === 'number') {
    if (Number.isSafeInteger(input) && input >= 1) return input;
  } else if (Array.isArray(input)) {
    if (isListOfNames(input)) return weightsOf(input.map((name) => [name, 1]), clean);
  } else if (typeof input === 'object' && input !== null) {
    const entries = Object.entries(input as Record<string, unknown>);
    if (entries.length > 0 && entries.every(isWeighted)) return weightsOf(entries, clean);
  }
  throw new TypeError(
    `plan: expected a whole number of at least 1, a list of different names or an object of positive weights by name, got ${received(input)}`,
  );
}

function isListOfNames(input: readonly unknown[]): input is readonly string[] {
  return input.length > 0 && new Set(input).size === input.length && input.every((name) => typeof name === 'string');
}

/** Names may be any, `__proto__` among them; those that are the same when cleaned share one weight. */
function weightsOf(entries: readonly (readonly [string, number])[], clean: CleanText): Record<string, number> {
  const weights = Object.create(null) as Record<string, number>;
  for (const [name, weight] of entries) {
    const cleaned = clean(name);
    weights[cleaned] = (weights[cleaned] ?? 0) + weight;
  }
  return weights;
}

function isWeighted(entry: [string, unknown]): entry is [string, number] {
  const [, weight] = entry;
  return typeof weight === 'number' && Number.isFinite(weight) && weight > 0;
}
