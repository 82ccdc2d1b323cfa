import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { RESERVED_PREFIX } from './conventions.ts';
import { received } from './failure.ts';
import { isPlainNumber, jsonUpTo, jsonValue, numberText } from './json-text.ts';
import { reportOnce } from './report.ts';
import { countText, cutText, isCutAt, toWellFormed } from './text.ts';
import type { CleanText, Cleaner, Subject } from './text.ts';

/**
 * Cleans attributes: as many as the limits allow, each with a value that is the same in a span, in a record and on the
 * wire. A value that has to change is reported once a task. It never throws, however hostile a value.
 */
export function cleanAttributes(attributes: Attributes, of: Subject): Attributes {
  const { limits } = of.clean;
  const cleaned: Attributes = {};
  const keys = Object.keys(attributes);
  for (const key of keys.length > limits.attributes ? keys.slice(0, limits.attributes) : keys) {
    try {
      const name = cleanKey(key, of);
      const value = name === undefined ? undefined : cleanValue(key, name, attributes[key], of);
      if (name !== undefined && value !== undefined) cleaned[name] = value;
    } catch {
      reportAttribute(of.clean.name(key), 'a value that can not be kept', false, of);
    }
  }
  return cleaned;
}

/**
 * Cleans the attributes of a notification. It returns `undefined` instead of an empty object, as a receiver of spans
 * does.
 */
export function notificationAttributes(attributes: Attributes, of: Subject): Attributes | undefined {
  const cleaned = cleanAttributes(attributes, of);
  for (const _ in cleaned) return cleaned;
  return undefined;
}

/** The name of an attribute in record and span; `undefined` for one that it may not have. */
function cleanKey(key: string, of: Subject): string | undefined {
  const { clean } = of;
  const name = clean.redacts ? clean.name(key) : wellFormedName(cutText(key, clean.limits.name));
  if (name !== '' && !name.startsWith(RESERVED_PREFIX) && !key.startsWith(RESERVED_PREFIX)) return name;
  reportAttribute(name, 'an empty name, or one that begins with taskspan.', false, of);
  return undefined;
}

/** @param name How warnings name it. */
function cleanValue(key: string, name: string, value: unknown, of: Subject): AttributeValue | undefined {
  const { clean } = of;
  if (value === undefined) return undefined;
  const plain = plainValue(value, clean, key);
  if (plain !== undefined) return plain;
  const other = otherValue(value, clean, key);
  reportAttribute(name, other.was, other.value !== undefined, of);
  return other.value;
}

/** Does what {@link toWellFormed} does. For a short name that would take longer than all the rest. */
function wellFormedName(name: string): string {
  for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) >= 0xd800) return toWellFormed(name);
  return name;
}

function reportAttribute(key: string, was: string, isKept: boolean, { title }: Subject): void {
  const what = `attribute ${received(key)} of ${title} has ${was}: it is ${isKept ? 'kept as text' : 'left out'}`;
  reportOnce(`attribute with ${was} of ${title}`, what);
}

/** What an attribute's value becomes, and what it was. */
interface CleanValue {
  /** `undefined` leaves the attribute out. */
  readonly value: AttributeValue | undefined;
  /** How warnings name it, such as `a bigint`. */
  readonly was: string;
}

/**
 * The value of an attribute that is a text, a boolean, a plain number or a list of one of these types, within the limits;
 * `undefined` for any other value. With {@link otherValue} it makes the values of records, in process and in a receiver.
 *
 * @param name The attribute's name, for `redact`.
 */
export function plainValue(value: unknown, { attribute, limits }: Cleaner, name?: string): AttributeValue | undefined {
  if (typeof value === 'string') return attribute(value, name);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return isPlainNumber(value) ? value : undefined;
  if (!Array.isArray(value)) return undefined;
  if (isLonger(value, limits.attributeValue)) return `… (cut: a list of ${countText(value.length)} items)`;
  return cleanList(value, attribute, name);
}

/** Whether a list is longer than `most` code units, where each item that is no text counts as one. */
function isLonger(list: readonly unknown[], most: number): boolean {
  let { length } = list;
  if (length > most) return true;
  for (const item of list) if (typeof item === 'string') length += item.length;
  return length > most;
}

/** A list of texts, of booleans or of plain numbers, with `null` for a missing item; `undefined` for any other list. */
function cleanList(list: readonly unknown[], clean: CleanText, name: string | undefined): AttributeValue | undefined {
  const cleaned: (string | number | boolean | null)[] = [];
  let kind: string | undefined;
  // `map` would leave holes as they are.
  for (const item of list) {
    if (item === null || item === undefined) cleaned.push(null);
    else {
      kind ??= typeof item;
      if (typeof item !== kind) return undefined;
      if (typeof item === 'string') cleaned.push(clean(item, name));
      else if (typeof item === 'boolean' || (typeof item === 'number' && isPlainNumber(item))) cleaned.push(item);
      else return undefined;
    }
  }
  return cleaned as AttributeValue;
}

/**
 * The value of an attribute for which {@link plainValue} has none: as text where it has one, else as JSON up to the
 * limit.
 */
export function otherValue(value: unknown, cleaner: Cleaner, name?: string): CleanValue {
  switch (typeof value) {
    case 'number':
      return { value: numberText(value), was: Number.isFinite(value) ? 'a whole number beyond 2^53' : String(value) };
    case 'bigint':
      return { value: cleaner.attribute(String(value), name), was: 'a bigint' };
    case 'object':
      if (value === null) return { value: undefined, was: 'null' };
      if (Array.isArray(value)) {
        // A receiver has them so too.
        const texts = cleanList(Array.from(value, exactItem), cleaner.attribute, name);
        if (texts !== undefined) return { value: texts, was: 'whole numbers beyond 2^53' };
      }
      return { value: textOf(value, cleaner, name), was: Array.isArray(value) ? 'a mixed or nested list' : 'an object' };
    default:
      return { value: undefined, was: `a ${typeof value}` };
  }
}

/** An item of a list, as text where it is a whole number that JSON does not have exactly. */
function exactItem(item: unknown): unknown {
  return Number.isInteger(item) && !Number.isSafeInteger(item) ? numberText(item as number) : item;
}

/**
 * The text of an object that is a text in JSON, such as a `Date`; the JSON of any other object; `undefined` without
 * JSON.
 */
function textOf(value: object, { limits, attribute, redacts, json: redacted }: Cleaner, name: string | undefined): string | undefined {
  const item = jsonValue('', value);
  if (item === undefined || item === null) return undefined;
  if (typeof item !== 'object') return attribute(typeof item === 'string' ? item : JSON.stringify(item), name);
  // A secret that is cut in two would not be found: with `redact` the whole JSON is written before the cut.
  const most = redacts ? Infinity : limits.attributeValue;
  const json = redacts ? redacted(jsonUpTo(item, most), name) : jsonUpTo(item, most);
  return json.length <= most ? attribute(json, name) : cutText(json, most, `more than ${countText(most)}`);
}

/**
 * The mark for attributes that were left out; `""` where none were, or where the attributes contain the mark already.
 */
export function attributesCut(attributes: object, most: number): string {
  const { length } = Object.keys(attributes);
  if (length <= most || (length === most + 1 && hasCutMark(attributes))) return '';
  return `… (cut: ${countText(length - most)} of ${countText(length)} attributes)`;
}

/** Whether attributes contain the mark for attributes that were left out. */
export function hasCutMark({ '…': mark }: { readonly '…'?: unknown }): boolean {
  return typeof mark === 'string' && isCutAt(mark, 0);
}

/** The first `most` attributes by name, in UTF-16 code units: their order may differ between process and receiver. */
export function firstAttributes<T extends object>(attributes: T, most: number): T {
  const keys = Object.keys(attributes);
  if (keys.length <= most) return attributes;
  const first = new Set(firstNames(keys, most));
  const kept = keys.filter((key) => first.has(key));
  return Object.fromEntries(kept.map((key) => [key, (attributes as Record<string, unknown>)[key]])) as T;
}

/** The first names by their order. Not all are sorted: a foreign sender may have very many. */
function firstNames(names: readonly string[], most: number): string[] {
  let first: string[] = [];
  let last: string | undefined;
  for (const name of names) {
    if (last !== undefined && name >= last) continue;
    first.push(name);
    if (first.length < 2 * most) continue;
    first = sorted(first).slice(0, most);
    last = first.at(-1);
  }
  return sorted(first).slice(0, most);
}

function sorted(names: string[]): string[] {
  // oxlint-disable-next-line unicorn/no-array-sort -- Node.js 18, where task code runs too, has no `toSorted`.
  return names.sort();
}

/** The first `most` attributes by name, and the mark as `…` where more were left out. */
export function boundedAttributes<T extends object>(attributes: T, most: number): T {
  const cut = attributesCut(attributes, most);
  return cut === '' ? attributes : { ...firstAttributes(attributes, most), '…': cut };
}
