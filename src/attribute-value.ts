import type { AttributeValue } from '@opentelemetry/api';
import { failureText } from './failure.ts';
import { countText, cutText } from './limits.ts';
import type { CleanText, Cleaner } from './text.ts';

/** What a value of an attribute becomes, and what it was where it could not stay as it is. */
export interface CleanValue {
  /** `undefined` leaves the attribute out. */
  readonly value: AttributeValue | undefined;
  /** For people, such as `a bigint`. */
  readonly was: string;
}

/** Whether OpenTelemetry and JSON both have this number exactly; a whole number beyond 2^53 they do not. */
export function isPlainNumber(value: number): boolean {
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
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
  if (lengthOf(value) > limits.attributeValue) return `… (cut: a list of ${countText(value.length)} items)`;
  return cleanList(value, attribute);
}

/** How many code units a list takes, an item that is no text as one. */
function lengthOf(list: readonly unknown[]): number {
  let length = list.length;
  for (const item of list) if (typeof item === 'string') length += item.length;
  return length;
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
  // A secret that is cut in two would not be found: all is written where something is taken out of it.
  const most = redacts ? Infinity : limits.attributeValue;
  const { json, isWhole } = jsonUpTo(value, most);
  if (json === undefined || json === 'null') return undefined;
  const text = json.startsWith('"') ? (JSON.parse(json) as string) : json;
  return isWhole ? attribute(text) : cutText(text, most, `more than ${countText(most)}`);
}

/**
 * JSON, in which maps and sets, bigints, errors and typed arrays are something too. Of a longer one its beginning is
 * exact and a little more than `most` code units long, so that a large object costs no more than it may say.
 */
function jsonUpTo(value: object, most: number): { json: string | undefined; isWhole: boolean } {
  let left = most;
  const json = JSON.stringify(value, function (this: unknown, key, item: unknown) {
    const known = jsonValue(item);
    if (known === undefined || typeof known === 'function' || typeof known === 'symbol') return undefined;
    if (left < 0) return undefined;
    const room = left;
    left -= Array.isArray(this) ? 1 : key.length;
    if (typeof known === 'string') {
      left -= known.length;
      return known.length > room ? known.slice(0, room + 1) : known;
    }
    if (typeof known !== 'object') left--;
    return Array.isArray(known) && known.length > room ? known.slice(0, room + 1) : known;
  }) as string | undefined;
  return { json, isWhole: left >= 0 };
}

function jsonValue(item: unknown): unknown {
  if (typeof item === 'bigint') return String(item);
  if (typeof item === 'number') return isPlainNumber(item) ? item : String(item);
  if (typeof item !== 'object' || item === null) return item;
  if (item instanceof Map) return Object.fromEntries(item as Map<PropertyKey, unknown>);
  if (item instanceof Set) return [...(item as Set<unknown>)];
  if (item instanceof Error) return `${item.name}: ${failureText(item)}`;
  return ArrayBuffer.isView(item) && 'length' in item ? Array.from(item as Uint8Array) : item;
}
