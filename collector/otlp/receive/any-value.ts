import type { Attributes } from '@opentelemetry/api';
import { RESERVED_PREFIX } from '../../../src/conventions.ts';
import { setAttribute } from '../../facts/attributes.ts';

/**
 * What an `AnyValue` of OTLP is read as, by both encodings:
 *
 * | of OTLP | here |
 * | --- | --- |
 * | string, boolean, double | the same |
 * | integer | a number; where no number holds it exactly, its digits as text |
 * | bytes | base64 text |
 * | list | a list, of these kinds |
 * | map | a `Map`, which keeps any name |
 * | empty | `null` |
 *
 * `facts/bounds.ts` makes of it what a record has: a list of several kinds and a map become JSON there.
 */
export type AnyValue = string | number | boolean | null | readonly AnyValue[] | ReadonlyMap<string, AnyValue>;

/**
 * Sets an attribute to a value that attributes of the API can't have: {@link AnyValue} has more kinds. One of the
 * contract counts as absent where it is empty.
 */
export function setAnyValue(attributes: Attributes, key: string, value: AnyValue): void {
  if (value === null && key.startsWith(RESERVED_PREFIX)) return;
  setAttribute(attributes, key, value as Attributes[string]);
}

/** A whole number from its digits, exactly: as text where no number holds it. */
export function exactInteger(digits: string): number | string {
  const number = Number(digits);
  return Number.isSafeInteger(number) ? number : String(BigInt(digits));
}
