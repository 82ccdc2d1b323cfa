import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { problem } from './answers.ts';

/** One parameter of a route, as data: the check below, `openapi.json` and the tests are made from it. */
export interface Parameter {
  /** Its name; one that ends with `.KEY`, such as `attribute.KEY`, stands for all names that begin like it. */
  readonly name: string;
  /** What a value may be. The route itself reads the value, and refuses an invalid one. */
  readonly value: ParameterValue;
  /** What counts where the parameter is absent. Default: nothing. */
  readonly default?: string | number;
  /** Whether it may be given more than once. Default `false`. */
  readonly repeats?: boolean;
  /** Name of the parameter without which it may not be given. */
  readonly needs?: string;
  /** A valid value: the tests send it. */
  readonly example: string;
  /** What it is for, in one sentence. */
  readonly text: string;
}

export type ParameterValue =
  | { readonly kind: 'integer'; readonly least?: number; readonly most?: number }
  | { readonly kind: 'choice'; readonly values: readonly string[] }
  /** `pattern` is a regular expression of JSON Schema, `longest` a number of characters. A text may be empty only where this says so. */
  | { readonly kind: 'text'; readonly pattern?: string; readonly longest?: number; readonly mayBeEmpty?: boolean };

/** 0 or 1. */
export function flag(name: string, isOn: boolean, text: string): Parameter {
  return { name, value: { kind: 'choice', values: ['0', '1'] }, default: isOn ? '1' : '0', example: '1', text };
}

/** Whether a {@link flag} of a request is on; 400 for any other value than 0 and 1. */
export function flagOf(c: Context, name: string, isOn: boolean): boolean | Response {
  const value = c.req.query(name);
  if (value === undefined) return isOn;
  return value === '0' || value === '1' ? value === '1' : problem(400, `${name}: expected 0 or 1, got ${received(value)}`);
}

/**
 * 400 for a parameter that a route does not have, or that is given twice and may not. An invalid value, also an empty
 * one, is the route's own to refuse.
 */
export function otherParameters(c: Context, expected: readonly Parameter[]): Response | undefined {
  if (!c.req.url.includes('?')) return undefined;
  for (const [name, values] of Object.entries(c.req.queries())) {
    const parameter = expected.find((each) => isNameOf(name, each));
    if (parameter === undefined) {
      const names = expected.map((each) => each.name);
      return problem(400, `${received(name)}: expected ${names.length === 0 ? 'no parameters here' : `one of ${names.join(', ')}`}`);
    }
    if (values.length > 1 && parameter.repeats !== true) return problem(400, `${name}: expected one value, got ${values.length}`);
  }
  return undefined;
}

/** Ends the name of a parameter that stands for a family of names. */
export const FAMILY = '.KEY';

function isNameOf(name: string, { name: expected }: Parameter): boolean {
  if (!expected.endsWith(FAMILY)) return name === expected;
  const begin = expected.slice(0, -FAMILY.length + 1);
  return name.length > begin.length && name.startsWith(begin);
}
