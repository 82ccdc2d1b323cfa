import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { setAttribute } from '../../facts/attributes.ts';
import { RecentBytes } from './recent-bytes.ts';
import { BYTES, FIXED64, VARINT } from './wire-reader.ts';
import type { WireReader } from './wire-reader.ts';

// opentelemetry.proto.common.v1
const KEY_VALUE_KEY = (1 << 3) | BYTES;
const KEY_VALUE_VALUE = (2 << 3) | BYTES;
const ANY_STRING = (1 << 3) | BYTES;
const ANY_BOOL = (2 << 3) | VARINT;
const ANY_INT = (3 << 3) | VARINT;
const ANY_DOUBLE = (4 << 3) | FIXED64;
const ANY_ARRAY = (5 << 3) | BYTES;
const ARRAY_VALUES = (1 << 3) | BYTES;
const RESOURCE_ATTRIBUTES = (1 << 3) | BYTES;
const SCOPE_NAME = (1 << 3) | BYTES;

type Value = AttributeValue | undefined;

/** Lists are not among them: each has its own. */
const recent = new RecentBytes<{ readonly name: string; readonly value: AttributeValue }>();

/** Reads a `KeyValue` into the attributes. Values that a span can't have in JavaScript (maps, bytes) are left out. */
export function readAttribute(reader: WireReader, end: number, into: Attributes): void {
  const { pos, dataView } = reader;
  const known = recent.get(dataView, pos, end);
  if (known !== undefined) {
    reader.pos = end;
    setAttribute(into, known.name, known.value);
    return;
  }
  let name: string | undefined;
  let value: Value;
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === KEY_VALUE_KEY) name = reader.text(end);
    else if (key === KEY_VALUE_VALUE) value = readValue(reader, reader.messageEnd(end), true);
    else reader.skipValue(key, end);
  }
  if (name === undefined || value === undefined) return;
  setAttribute(into, name, value);
  if (typeof value !== 'object') recent.set(dataView, pos, end, { name, value });
}

/** Reads those that stand at these places: pairs of where each begins and ends. */
export function readAttributes(reader: WireReader, places: readonly number[]): Attributes {
  const attributes: Attributes = {};
  for (let at = 0; at < places.length; at += 2) {
    reader.pos = places[at]!;
    readAttribute(reader, places[at + 1]!, attributes);
  }
  return attributes;
}

/** Reads an `AnyValue`. A list within a list is no attribute, so that nothing nests deeper. */
function readValue(reader: WireReader, end: number, listsToo: boolean): Value {
  let value: Value;
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === ANY_STRING) value = reader.text(end);
    else if (key === ANY_INT) value = reader.readVarint(true);
    else if (key === ANY_BOOL) value = reader.readBoolean();
    else if (key === ANY_DOUBLE) value = reader.readDouble();
    else if (key === ANY_ARRAY && listsToo) value = readList(reader, reader.messageEnd(end));
    else reader.skipValue(key, end);
  }
  return value;
}

function readList(reader: WireReader, end: number): AttributeValue {
  const items: unknown[] = [];
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === ARRAY_VALUES) items.push(readValue(reader, reader.messageEnd(end), false) ?? null);
    else reader.skipValue(key, end);
  }
  return items as AttributeValue;
}

/** Reads the attributes of a `Resource`. */
export function readResource(reader: WireReader, end: number): Attributes {
  const attributes: Attributes = {};
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === RESOURCE_ATTRIBUTES) readAttribute(reader, reader.messageEnd(end), attributes);
    else reader.skipValue(key, end);
  }
  return attributes;
}

/** Reads the name of an `InstrumentationScope`. */
export function readScopeName(reader: WireReader, end: number): string {
  let name = '';
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === SCOPE_NAME) name = reader.text(end);
    else reader.skipValue(key, end);
  }
  return name;
}
