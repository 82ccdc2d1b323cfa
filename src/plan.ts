import type { Plan } from './fact.ts';
import { received } from './failure.ts';

/**
 * What a scope is going to consist of, as a caller says it: how many scopes, their names, or
 * their names with weights.
 */
export type PlanInput = number | readonly string[] | Readonly<Record<string, number>>;

/** The plan as a fact carries it; `TypeError` for anything else. */
export function planOf(input: unknown): Plan {
  if (typeof input === 'number') {
    if (Number.isSafeInteger(input) && input >= 1) return input;
  } else if (Array.isArray(input)) {
    if (isListOfNames(input)) return withoutPrototype(input.map((name) => [name, 1]));
  } else if (typeof input === 'object' && input !== null) {
    const entries = Object.entries(input as Record<string, unknown>);
    if (entries.length > 0 && entries.every(([, weight]) => isWeight(weight))) return withoutPrototype(entries);
  }
  throw new TypeError(
    `plan: expected a whole number of at least 1, a list of different names or an object of positive weights by name, got ${received(input)}`,
  );
}

function isListOfNames(input: readonly unknown[]): input is readonly string[] {
  return input.length > 0 && new Set(input).size === input.length && input.every((name) => typeof name === 'string');
}

function withoutPrototype(entries: readonly (readonly [string, unknown])[]): Record<string, number> {
  const weights = Object.create(null) as Record<string, number>;
  for (const [name, weight] of entries) weights[name] = weight as number;
  return weights;
}

function isWeight(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
