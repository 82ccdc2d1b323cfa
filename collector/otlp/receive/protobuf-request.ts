import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { setAttribute } from '../../facts/attributes.ts';
import { MalformedError, Received } from './received.ts';
import type { ItemFacts, ItemSource } from './received.ts';
import { RecentBytes } from './recent-bytes.ts';
import { BYTES, FIXED64, VARINT, WireReader } from './wire-reader.ts';

// opentelemetry.proto.trace.v1 and .logs.v1 have the same fields: a request has resources, a resource has scopes, a
// scope has items (spans or log records).
const RESOURCES = (1 << 3) | BYTES;
const RESOURCE = (1 << 3) | BYTES;
const SCOPES = (2 << 3) | BYTES;
const SCOPE = (1 << 3) | BYTES;
const ITEMS = (2 << 3) | BYTES;

// opentelemetry.proto.common.v1
const RESOURCE_ATTRIBUTES = (1 << 3) | BYTES;
const SCOPE_NAME = (1 << 3) | BYTES;
const KEY_VALUE_KEY = (1 << 3) | BYTES;
const KEY_VALUE_VALUE = (2 << 3) | BYTES;
const ANY_STRING = (1 << 3) | BYTES;
const ANY_BOOL = (2 << 3) | VARINT;
const ANY_INT = (3 << 3) | VARINT;
const ANY_DOUBLE = (4 << 3) | FIXED64;
const ANY_ARRAY = (5 << 3) | BYTES;
const ARRAY_VALUES = (1 << 3) | BYTES;

/** Reads a span or log record, from the reader's position to `end`. */
export type ReadItem = (reader: WireReader, end: number, source: ItemSource) => ItemFacts;

/** Reads each item of a request's body. Throws {@link MalformedError} for a body that is not such a message. */
export function readProtobuf(body: Buffer, readItem: ReadItem): Received {
  const reader = new WireReader(body);
  const received = new Received();
  try {
    eachOf(reader, body.length, RESOURCES, (end) => readResourceItems(reader, end, readItem, received));
  } catch (error) {
    if (error instanceof MalformedError) throw new MalformedError(`byte ${reader.pos}: ${error.message}`);
    // What pbf throws where bytes are missing.
    if (reader.pos >= body.length || isOfPbf(error)) throw new MalformedError(`byte ${reader.pos}: no Protocol Buffers field`, { cause: error });
    throw error;
  }
  return received;
}

function readResourceItems(reader: WireReader, end: number, readItem: ReadItem, received: Received): void {
  const range = lastOf(reader, end, RESOURCE);
  let attributes: Attributes | undefined;
  const resource = (): Attributes => {
    if (attributes !== undefined) return attributes;
    const after = reader.pos;
    attributes = range === undefined ? {} : readRange(reader, range, readResource);
    reader.pos = after;
    return attributes;
  };
  eachOf(reader, end, SCOPES, (scopeEnd) => readScopeItems(reader, scopeEnd, resource, readItem, received));
}

function readScopeItems(reader: WireReader, end: number, resource: ItemSource['resource'], readItem: ReadItem, received: Received): void {
  const { pos } = reader;
  const range = lastOf(reader, end, SCOPE);
  const source = { scopeName: range === undefined ? '' : readRange(reader, range, readScopeName), resource };
  reader.pos = pos;
  eachOf(reader, end, ITEMS, (itemEnd) => received.add(readItem(reader, itemEnd, source)));
}

interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** The range of the last message of a field, which may come after all other fields. The reader's position stays. */
function lastOf(reader: WireReader, end: number, wanted: number): ByteRange | undefined {
  const { pos } = reader;
  let last: ByteRange | undefined;
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === wanted) {
      const messageEnd = reader.messageEnd(end);
      last = { start: reader.pos, end: messageEnd };
      reader.pos = messageEnd;
    } else reader.skipValue(key, end);
  }
  reader.pos = pos;
  return last;
}

/** Reads the messages of a field one by one. No list of them is made: a body can have millions of empty ones. */
function eachOf(reader: WireReader, end: number, wanted: number, read: (messageEnd: number) => void): void {
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key !== wanted) {
      reader.skipValue(key, end);
      continue;
    }
    const messageEnd = reader.messageEnd(end);
    read(messageEnd);
    reader.pos = messageEnd;
  }
}

function readRange<T>(reader: WireReader, { start, end }: ByteRange, read: (reader: WireReader, end: number) => T): T {
  reader.pos = start;
  return read(reader, end);
}

function readResource(reader: WireReader, end: number): Attributes {
  const attributes: Attributes = {};
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === RESOURCE_ATTRIBUTES) readAttribute(reader, reader.messageEnd(end), attributes);
    else reader.skipValue(key, end);
  }
  return attributes;
}

function readScopeName(reader: WireReader, end: number): string {
  let name = '';
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === SCOPE_NAME) name = reader.text(end);
    else reader.skipValue(key, end);
  }
  return name;
}

/** Reads the attributes at some positions, which are pairs of where each attribute begins and ends. */
export function readAttributes(reader: WireReader, positions: readonly number[]): Attributes {
  const attributes: Attributes = {};
  for (let at = 0; at < positions.length; at += 2) {
    reader.pos = positions[at]!;
    readAttribute(reader, positions[at + 1]!, attributes);
  }
  return attributes;
}

/** Attributes that were read before. Those with a list are not kept: each needs a list of its own. */
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
  let value: AttributeValue | undefined;
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === KEY_VALUE_KEY) name = reader.text(end);
    else if (key === KEY_VALUE_VALUE) value = readValue(reader, reader.messageEnd(end), true);
    else reader.skipValue(key, end);
  }
  if (name === undefined || value === undefined) return;
  setAttribute(into, name, value);
  if (typeof value !== 'object') recent.set(dataView, pos, end, { name, value });
}

/** Reads an `AnyValue`. A list within a list is no attribute, so that values never nest deeper. */
function readValue(reader: WireReader, end: number, isListAllowed: boolean): AttributeValue | undefined {
  let value: AttributeValue | undefined;
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === ANY_STRING) value = reader.text(end);
    else if (key === ANY_INT) value = reader.readVarint(true);
    else if (key === ANY_BOOL) value = reader.readBoolean();
    else if (key === ANY_DOUBLE) value = reader.readDouble();
    else if (key === ANY_ARRAY && isListAllowed) value = readList(reader, reader.messageEnd(end));
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

function isOfPbf(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && /^(Unimplemented type|Expected varint)/.test(error.message));
}
