import { failureText } from './failure.ts';

/** Writes the values of task code as JSON. They may be anything. */

/** JSON as `JSON.stringify` writes it, with a bigint as text; `undefined` for a value that has no JSON. */
export function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    // Only after a failure, since a function that is called for each item makes everything slower.
    return error instanceof TypeError ? jsonWithBigints(value) : undefined;
  }
}

function jsonWithBigints(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_key, item: unknown) => withoutBigint(item));
  } catch {
    return undefined;
  }
}

function withoutBigint(item: unknown): unknown {
  return typeof item === 'bigint' ? String(item) : item;
}

/**
 * The value that JSON writes for a value; `undefined` where it writes none. Unlike `JSON.stringify`, it has one for maps
 * and sets, bigints, errors and typed arrays.
 */
export function jsonValue(key: string, value: unknown): unknown {
  // A `Buffer` has a `toJSON` too.
  if (ArrayBuffer.isView(value)) return value;
  const item = withoutBigint(hasToJson(value) ? value.toJSON(key) : value);
  switch (typeof item) {
    case 'number':
      return isPlainNumber(item) ? item : numberText(item);
    case 'object':
      if (item instanceof Error) return `${item.name}: ${failureText(item)}`;
      return BOXES.some((box) => item instanceof box) ? jsonValue(key, item?.valueOf()) : item;
    case 'function':
    case 'symbol':
      return undefined;
    default:
      return item;
  }
}

/** Objects of these classes are a text, a number or a boolean in JSON. */
const BOXES = [String, Number, Boolean, BigInt];

function hasToJson(value: unknown): value is { toJSON(key: string): unknown } {
  return typeof value === 'object' && value !== null && typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

/** A number as text: a whole one exactly, as a receiver of 64-bit integers has it. */
export function numberText(value: number): string {
  return Number.isInteger(value) && Math.abs(value) <= 2 ** 63 ? String(BigInt(value)) : String(value);
}

/** Whether both OpenTelemetry and JSON hold this number exactly. They don't for a whole number beyond 2^53. */
export function isPlainNumber(value: number): boolean {
  return Number.isSafeInteger(value) || (Number.isFinite(value) && !Number.isInteger(value));
}

/**
 * Writes the JSON of an object that {@link jsonValue} returned. Of JSON that is longer than `most` code units, only the
 * beginning is exact, and values that do not fit are not read: a large object costs no more than the part that is kept.
 * (Only its names are listed as a whole: V8 has no other way.)
 */
export function jsonUpTo(value: object, most: number): string {
  const open = new Set<object>();
  let json = '';

  /** Writes a value, after the text `before`. Returns whether there is JSON for it. */
  function write(before: string, item: unknown): boolean {
    if (item === undefined) return false;
    if (typeof item === 'object' && item !== null) {
      if (open.has(item)) throw new TypeError('an object inside itself has no JSON');
      open.add(item);
      json += before;
      const items = itemsOf(item);
      if (items === undefined) writeObject(item);
      else writeList(items);
      open.delete(item);
    } else {
      json += before + (typeof item === 'string' ? quoted(item) : JSON.stringify(item));
    }
    return true;
  }

  function quoted(text: string): string {
    const room = most - json.length;
    return JSON.stringify(text.length > room ? text.slice(0, room + 1) : text);
  }

  function writeList(items: Iterable<unknown>): void {
    json += '[';
    let at = 0;
    for (const item of items) {
      if (json.length > most) break;
      const before = at === 0 ? '' : ',';
      if (!write(before, jsonValue(String(at++), item))) json += `${before}null`;
    }
    json += ']';
  }

  function writeObject(object: object): void {
    json += '{';
    let comma = '';
    for (const key of object instanceof Map ? object.keys() : Object.keys(object)) {
      if (json.length > most) break;
      if (typeof key === 'symbol') continue;
      const name = String(key);
      const item: unknown = object instanceof Map ? object.get(key) : (object as Record<string, unknown>)[name];
      if (write(`${comma}${quoted(name)}:`, jsonValue(name, item))) comma = ',';
    }
    json += '}';
  }

  write('', value);
  return json;
}

/** The items of an array, a typed array or a set; `undefined` for another object. */
function itemsOf(object: object): Iterable<unknown> | undefined {
  if (object instanceof Set) return object;
  if (Array.isArray(object) || (ArrayBuffer.isView(object) && 'length' in object)) return Array.prototype.values.call(object);
  return undefined;
}
