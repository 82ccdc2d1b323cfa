import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { received } from '../../src/failure.ts';
import { setAttribute } from '../contract/attributes.ts';
import { MalformedError } from './malformed-error.ts';

export type JsonObject = Readonly<Record<string, unknown>>;

const WHOLE = /^-?\d{1,20}$/;

/** The objects in a list; none for a list that is absent. Unknown fields are no concern of anybody's. */
export function objectsIn(parent: JsonObject, key: string): readonly JsonObject[] {
  const list = own(parent, key) ?? [];
  if (!Array.isArray(list)) throw new MalformedError(`${key}: expected a list, got ${received(list)}`);
  for (const item of list) {
    if (!isObject(item)) throw new MalformedError(`${key}: expected objects, got ${received(item)}`);
  }
  return list as JsonObject[];
}

/** An object; an empty one where it is absent. */
export function objectIn(parent: JsonObject, key: string): JsonObject {
  const value = own(parent, key) ?? {};
  if (!isObject(value)) throw new MalformedError(`${key}: expected an object, got ${received(value)}`);
  return value;
}

/** A string; `""` where it is none. */
export function stringIn(parent: JsonObject, key: string): string {
  const value = own(parent, key);
  return typeof value === 'string' ? value : '';
}

/** A whole number that stands there as one or as a string; 0 where it is none. */
export function wholeIn(parent: JsonObject, key: string): number {
  return wholeOf(own(parent, key)) ?? 0;
}

/** Nanoseconds as whole microseconds, rounded down; 0 where they are absent, NaN where they are no time. */
export function microsIn(parent: JsonObject, key: string): number {
  const value = own(parent, key);
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number') return Math.floor(value / 1000);
  if (typeof value !== 'string' || !WHOLE.test(value)) return NaN;
  // Without the nanoseconds it is exact as a number.
  const micros = value.startsWith('-') || value.length <= 3 ? 0 : Number(value.slice(0, -3));
  return Number.isSafeInteger(micros) ? micros : NaN;
}

/** The attributes in a list of `KeyValue`s. Values that a span can't have in JavaScript (maps, bytes) are left out. */
export function attributesIn(parent: JsonObject): Attributes {
  const attributes: Attributes = {};
  for (const item of objectsIn(parent, 'attributes')) {
    const key = own(item, 'key');
    const value = valueOf(own(item, 'value'), true);
    if (typeof key === 'string' && value !== undefined) setAttribute(attributes, key, value);
  }
  return attributes;
}

function valueOf(value: unknown, listsToo: boolean): AttributeValue | undefined {
  if (!isObject(value)) return undefined;
  const text = own(value, 'stringValue');
  if (typeof text === 'string') return text;
  const flag = own(value, 'boolValue');
  if (typeof flag === 'boolean') return flag;
  const whole = wholeOf(own(value, 'intValue'));
  if (whole !== undefined) return whole;
  const double = doubleOf(own(value, 'doubleValue'));
  if (double !== undefined) return double;
  if (!listsToo || own(value, 'arrayValue') === undefined) return undefined;
  const items = objectsIn(objectIn(value, 'arrayValue'), 'values');
  return items.map((item) => valueOf(item, false) ?? null) as AttributeValue;
}

function wholeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? value : undefined;
  return typeof value === 'string' && WHOLE.test(value) ? Number(value) : undefined;
}

const NO_FINITE: Readonly<Record<string, number>> = { NaN, Infinity, '-Infinity': -Infinity };

/** JSON of Protocol Buffers has numbers also as strings, and those that are not finite as these alone. */
function doubleOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  if (Object.hasOwn(NO_FINITE, value)) return NO_FINITE[value];
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Not what every object has: `constructor` is no field of a request. */
function own(parent: JsonObject, key: string): unknown {
  return Object.hasOwn(parent, key) ? parent[key] : undefined;
}
