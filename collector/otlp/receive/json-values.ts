import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { received } from '../../../src/failure.ts';
import { setAttribute } from '../../facts/attributes.ts';
import { MalformedError } from './malformed-error.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const MOST_DIGITS = 20;
const WHOLE = /^-?\d{1,20}$/;

/**
 * The items of a list; none for a list that is absent. The names that are asked for here are of no
 * object's prototype, so that a property is the sender's own or none.
 */
export function listIn(parent: JsonObject, key: string): readonly unknown[] {
  const list = parent[key];
  if (Array.isArray(list)) return list;
  if (list === undefined || list === null) return NOTHING;
  throw new MalformedError(`${key}: expected a list, got ${received(list)}`);
}

const NOTHING: readonly unknown[] = [];

/** An item of a list of that name, which has to be an object. */
export function objectOf(item: unknown, key: string): JsonObject {
  if (isObject(item)) return item;
  throw new MalformedError(`${key}: expected objects, got ${received(item)}`);
}

/** An object; an empty one where it is absent. */
export function objectIn(parent: JsonObject, key: string): JsonObject {
  const value = parent[key] ?? EMPTY;
  if (!isObject(value)) throw new MalformedError(`${key}: expected an object, got ${received(value)}`);
  return value;
}

const EMPTY: JsonObject = {};

/** A string; `""` for anything else. */
export function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A whole number that came as one or as a string; 0 for anything else. */
export function wholeOf(value: unknown): number {
  return wholeNumber(value) ?? 0;
}

/** Nanoseconds as whole microseconds, rounded down; 0 where they are absent, NaN where they are no time. */
export function microsOf(value: unknown): number {
  if (typeof value === 'string') return microsOfText(value);
  if (typeof value === 'number') return Math.floor(value / 1000);
  return value === undefined || value === null ? 0 : NaN;
}

/** Digit by digit: a regular expression takes longer, and a span has many times. */
function microsOfText(nanos: string): number {
  if (nanos.startsWith('-')) return WHOLE.test(nanos) ? 0 : NaN;
  if (nanos.length === 0 || nanos.length > MOST_DIGITS) return NaN;
  let micros = 0;
  for (let at = 0; at < nanos.length; at++) {
    const digit = nanos.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return NaN;
    // Without the nanoseconds it is exact as a number.
    if (at < nanos.length - 3) micros = micros * 10 + digit;
  }
  return Number.isSafeInteger(micros) ? micros : NaN;
}

/** The attributes in a list of `KeyValue`s. Values that a span can't have in JavaScript (maps, bytes) are left out. */
export function attributesIn(parent: JsonObject): Attributes {
  const attributes: Attributes = {};
  for (const item of listIn(parent, 'attributes')) {
    const { key, value } = objectOf(item, 'attributes');
    const told = valueOf(value, true);
    if (typeof key === 'string' && told !== undefined) setAttribute(attributes, key, told);
  }
  return attributes;
}

/** Whether an attribute is among them. */
export function hasAttribute(parent: JsonObject, name: string): boolean {
  return listIn(parent, 'attributes').some((item) => objectOf(item, 'attributes')['key'] === name);
}

function valueOf(value: unknown, listsToo: boolean): AttributeValue | undefined {
  if (!isObject(value)) return undefined;
  const { stringValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  const { intValue } = value;
  if (intValue !== undefined) return wholeNumber(intValue);
  const { boolValue } = value;
  if (typeof boolValue === 'boolean') return boolValue;
  const { doubleValue } = value;
  if (doubleValue !== undefined) return doubleOf(doubleValue);
  if (!listsToo || value['arrayValue'] === undefined) return undefined;
  return listIn(objectIn(value, 'arrayValue'), 'values').map((item) => valueOf(item, false) ?? null) as AttributeValue;
}

function wholeNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  return typeof value === 'string' && WHOLE.test(value) ? Number(value) : undefined;
}

/** JSON of Protocol Buffers has numbers also as strings, and those that are not finite as these alone. */
function doubleOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const number = Number(value);
  return Number.isNaN(number) && value !== 'NaN' ? undefined : number;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
