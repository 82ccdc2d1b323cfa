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

/** JSON of a record nests so deep: what is deeper is replaced by {@link TOO_DEEP}. */
export const MOST_DEPTH = 64;
export const TOO_DEEP: string = `… (cut: deeper than ${MOST_DEPTH} levels)`;

/**
 * JSON text in its one form in records: without white space between its tokens, at most {@link MOST_DEPTH} levels deep,
 * and numbers as they came. `undefined` for what is no JSON; what is cut for its depth is not looked at.
 */
export function canonicalJson(json: string): string | undefined {
  if (json === latestCanonical) return json;
  // Cut first: to parse very deep JSON takes long.
  const shallow = withoutDepths(json);
  if (shallow === undefined || !isJson(shallow)) return undefined;
  latestCanonical = withoutBlanks(shallow);
  return latestCanonical;
}

/** The result of the last call: a fact is made canonical where it is received, and again where it is folded. */
let latestCanonical: string | undefined;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The text with {@link TOO_DEEP} instead of what is deeper than the most; `undefined` where a string or a bracket has no end. */
function withoutDepths(json: string): string | undefined {
  let shallow = '';
  let from = 0;
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(json, at);
      if (at === -1) return undefined;
    } else if (code === CLOSE_BRACKET || code === CLOSE_BRACE) depth--;
    else if (code === OPEN_BRACKET || code === OPEN_BRACE) {
      if (depth++ < MOST_DEPTH) continue;
      shallow += json.slice(from, at) + JSON.stringify(TOO_DEEP);
      at = endOfContainer(json, at);
      if (at === -1) return undefined;
      from = at + 1;
      depth--;
    }
  }
  return from === 0 ? json : shallow + json.slice(from);
}

/** JSON without the white space between its tokens. */
function withoutBlanks(json: string): string {
  let dense = '';
  let from = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) at = endOfString(json, at);
    else if (code <= SPACE) {
      dense += json.slice(from, at);
      from = at + 1;
    }
  }
  return from === 0 ? json : dense + json.slice(from);
}

const [QUOTE, BACKSLASH, SPACE] = [34, 92, 32];
const [OPEN_BRACKET, CLOSE_BRACKET, OPEN_BRACE, CLOSE_BRACE] = [91, 93, 123, 125];

/** The position of the quote that ends a string; -1 where none does. */
function endOfString(json: string, from: number): number {
  let at = json.indexOf('"', from + 1);
  while (at !== -1 && isEscaped(json, at)) at = json.indexOf('"', at + 1);
  return at;
}

function isEscaped(json: string, at: number): boolean {
  let first = at;
  while (json.charCodeAt(first - 1) === BACKSLASH) first--;
  return (at - first) % 2 === 1;
}

/** The position of the bracket that ends a list or an object; -1 where none does. */
function endOfContainer(json: string, from: number): number {
  let depth = 0;
  for (let at = from; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(json, at);
      if (at === -1) return -1;
    } else if (code === OPEN_BRACKET || code === OPEN_BRACE) depth++;
    else if ((code === CLOSE_BRACKET || code === CLOSE_BRACE) && --depth === 0) return at;
  }
  return -1;
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
      if (open.size >= MOST_DEPTH) {
        json += before + JSON.stringify(TOO_DEEP);
        return true;
      }
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
