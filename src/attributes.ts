import type { AttributeValue } from '@opentelemetry/api';
import { isPlainNumber, jsonUpTo, jsonValue } from './json-text.ts';
import { countText, cutText } from './limits.ts';
import type { CleanText, Cleaner } from './text.ts';

/** What a value of an attribute becomes, and what it was where it could not stay as it is. */
export interface CleanValue {
  /** `undefined` leaves the attribute out. */
  readonly value: AttributeValue | undefined;
  /** For people, such as `a bigint`. */
  readonly was: string;
}

/**
 * The value of an attribute that is a text, a boolean, a plain number or a list of one kind of these, within the limits;
 * `undefined` for any other. With {@link otherValue} it makes the values of records, in process and where they are received.
 */
export function plainValue(value: unknown, { attribute, limits }: Cleaner): AttributeValue | undefined {
  if (typeof value === 'string') return attribute(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return isPlainNumber(value) ? value : undefined;
  if (!Array.isArray(value)) return undefined;
  if (isLonger(value, limits.attributeValue)) return `… (cut: a list of ${countText(value.length)} items)`;
  return cleanList(value, attribute);
}

/** Whether a list takes more code units, an item that is no text as one. */
function isLonger(list: readonly unknown[], most: number): boolean {
  let { length } = list;
  if (length > most) return true;
  for (const item of list) if (typeof item === 'string') length += item.length;
  return length > most;
}

/** A list of texts, of booleans or of plain numbers, with `null` where there is none; `undefined` for any other. */
function cleanList(list: readonly unknown[], clean: CleanText): AttributeValue | undefined {
  const cleaned: (string | number | boolean | null)[] = [];
  let kind: string | undefined;
  // Not `map`, which leaves holes as they are.
  for (const item of list) {
    if (item === null || item === undefined) cleaned.push(null);
    else {
      kind ??= typeof item;
      if (typeof item !== kind) return undefined;
      if (typeof item === 'string') cleaned.push(clean(item));
      else if (typeof item === 'boolean' || (typeof item === 'number' && isPlainNumber(item))) cleaned.push(item);
      else return undefined;
    }
  }
  return cleaned as AttributeValue;
}

/**
 * The value of an attribute that is no text, boolean, plain number or list of one kind of these: as text
 * where it has one, else as JSON up to the limit.
 */
export function otherValue(value: unknown, cleaner: Cleaner): CleanValue {
  switch (typeof value) {
    case 'number':
      return { value: String(value), was: Number.isFinite(value) ? 'a whole number beyond 2^53' : String(value) };
    case 'bigint':
      return { value: cleaner.attribute(String(value)), was: 'a bigint' };
    case 'object':
      if (value === null) return { value: undefined, was: 'null' };
      return { value: textOf(value, cleaner), was: Array.isArray(value) ? 'a mixed or nested list' : 'an object' };
    default:
      return { value: undefined, was: `a ${typeof value}` };
  }
}

/** The text of an object that is a text in JSON, as a `Date` is; of any other its JSON. `undefined` where it has none. */
function textOf(value: object, { limits, attribute, redacts }: Cleaner): string | undefined {
  const item = jsonValue('', value);
  if (item === undefined || item === null) return undefined;
  if (typeof item !== 'object') return attribute(typeof item === 'string' ? item : JSON.stringify(item));
  // A secret that is cut in two would not be found: all is written where something is taken out of it.
  const most = redacts ? Infinity : limits.attributeValue;
  const json = jsonUpTo(item, most);
  return json.length <= most ? attribute(json) : cutText(json, most, `more than ${countText(most)}`);
}
