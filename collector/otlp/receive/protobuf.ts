import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { MOST_DEPTH, TOO_DEEP } from '../../../src/json-text.ts';
import { NO_ID } from '../../facts/span-ids.ts';
import { setAnyValue } from './any-value.ts';
import type { AnyValue } from './any-value.ts';
import { isAdaptedScope, isFactEvent, logRecordFacts, MARKER_ATTRIBUTES, spanFacts } from './facts-of-items.ts';
import { MalformedError, NO_FACTS, Received } from './otlp-items.ts';
import type { ItemFacts, ItemSource, OtlpEvent } from './otlp-items.ts';
import { BYTES, FIXED32, FIXED64, RecentBytes, VARINT, WireReader } from './wire-reader.ts';

// opentelemetry.proto.trace.v1 and .logs.v1 have the same fields here: a request has resources, a resource has scopes, a
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
const ANY_MAP = (6 << 3) | BYTES;
const ANY_BYTES = (7 << 3) | BYTES;
const ARRAY_VALUES = (1 << 3) | BYTES;
const MAP_VALUES = (1 << 3) | BYTES;

// opentelemetry.proto.trace.v1
const SPAN_TRACE_ID = (1 << 3) | BYTES;
const SPAN_ID = (2 << 3) | BYTES;
const SPAN_PARENT = (4 << 3) | BYTES;
const SPAN_NAME = (5 << 3) | BYTES;
const SPAN_START = (7 << 3) | FIXED64;
const SPAN_END = (8 << 3) | FIXED64;
const SPAN_ATTRIBUTES = (9 << 3) | BYTES;
const SPAN_EVENTS = (11 << 3) | BYTES;
const SPAN_STATUS = (15 << 3) | BYTES;
const EVENT_TIME = (1 << 3) | FIXED64;
const EVENT_NAME = (2 << 3) | BYTES;
const EVENT_ATTRIBUTES = (3 << 3) | BYTES;
const STATUS_MESSAGE = (2 << 3) | BYTES;
const STATUS_CODE = (3 << 3) | VARINT;
const STATUS_IS_ERROR = 2;

// opentelemetry.proto.logs.v1
const LOG_TIME = (1 << 3) | FIXED64;
const LOG_BODY = (5 << 3) | BYTES;
const LOG_ATTRIBUTES = (6 << 3) | BYTES;
const LOG_FLAGS = (8 << 3) | FIXED32;
const LOG_TRACE_ID = (9 << 3) | BYTES;
const LOG_SPAN_ID = (10 << 3) | BYTES;
const LOG_OBSERVED_TIME = (11 << 3) | FIXED64;
const LOG_EVENT_NAME = (12 << 3) | BYTES;

/** Reads the body of `/v1/traces` in Protocol Buffers. */
export function readProtobufTraces(body: Buffer): Received {
  return readProtobuf(body, readSpan);
}

/** Reads the body of `/v1/logs` in Protocol Buffers. */
export function readProtobufLogs(body: Buffer): Received {
  return readProtobuf(body, readLogRecord);
}

/** Reads a span or log record, from the reader's position to `end`. */
type ReadItem = (reader: WireReader, end: number, source: ItemSource) => ItemFacts;

/** Reads each item of a request's body. Throws {@link MalformedError} for a body that is not such a message. */
function readProtobuf(body: Buffer, readItem: ReadItem): Received {
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

/** Finds the fields of a span in one pass; reads them only if the span may be of a task. */
function readSpan(reader: WireReader, end: number, { scopeName, resource }: ItemSource): ItemFacts {
  let traceIdAt = -1;
  let spanIdAt = -1;
  let parentAt = -1;
  let nameAt = -1;
  let start = 0;
  let ended = 0;
  let status: SpanStatus = UNSET;
  let isOfTask = isAdaptedScope(scopeName);
  // Pairs of where each begins and ends.
  const attributesAt: number[] = [];
  const eventsAt: number[] = [];
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    switch (key) {
      case SPAN_TRACE_ID:
        traceIdAt = reader.pos;
        reader.skipValue(key, end);
        break;
      case SPAN_ID:
        spanIdAt = reader.pos;
        reader.skipValue(key, end);
        break;
      case SPAN_PARENT:
        parentAt = reader.pos;
        reader.skipValue(key, end);
        break;
      case SPAN_NAME:
        nameAt = reader.pos;
        reader.skipValue(key, end);
        break;
      case SPAN_START:
        start = reader.micros(end);
        break;
      case SPAN_END:
        ended = reader.micros(end);
        break;
      case SPAN_STATUS:
        status = readStatus(reader, reader.messageEnd(end));
        break;
      case SPAN_ATTRIBUTES:
      case SPAN_EVENTS: {
        const valueEnd = reader.messageEnd(end);
        (key === SPAN_EVENTS ? eventsAt : attributesAt).push(reader.pos, valueEnd);
        if (key === SPAN_ATTRIBUTES && !isOfTask) isOfTask = hasMarker(reader, valueEnd);
        reader.pos = valueEnd;
        break;
      }
      default:
        reader.skipValue(key, end);
    }
  }
  if (!isOfTask) return NO_FACTS;
  const traceId = idAt(reader, traceIdAt, end, 16);
  const spanId = idAt(reader, spanIdAt, end, 8);
  let name = '';
  if (nameAt !== -1) {
    reader.pos = nameAt;
    name = reader.text(end);
  }
  const attributes = readAttributes(reader, attributesAt);
  // The contract names parents by attributes.
  const parentSpanId = attributes[conventions.SPAN_KIND] === undefined ? idAt(reader, parentAt, end, 8) : NO_ID;
  const events: OtlpEvent[] = [];
  for (let at = 0; at < eventsAt.length; at += 2) {
    reader.pos = eventsAt[at]!;
    events.push(readEvent(reader, eventsAt[at + 1]!));
  }
  const { failed, message } = status;
  return spanFacts({ traceId, spanId, parentSpanId, name, start, end: ended, attributes, events, failed, message, scopeName }, resource);
}

/** The id at a position; {@link NO_ID} at -1. */
function idAt(reader: WireReader, position: number, end: number, length: 8 | 16): string {
  if (position === -1) return NO_ID;
  reader.pos = position;
  return reader.id(end, length);
}

/** The bytes of the marker attributes' keys in a `KeyValue`. */
const MARKERS = MARKER_ATTRIBUTES.map((name) => Buffer.from(`\u000a${String.fromCharCode(name.length)}${name}`, 'latin1'));

/**
 * Whether an attribute has a marker as its key. A sender may write the key before the value or, as the OpenTelemetry
 * Collector does, after it.
 */
function hasMarker(reader: WireReader, end: number): boolean {
  for (const key of MARKERS) if (reader.isAt(reader.pos, key) || reader.isAt(end - key.length, key)) return true;
  return false;
}

function readEvent(reader: WireReader, end: number): OtlpEvent {
  let time = 0;
  let name = '';
  const attributes: Attributes = {};
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === EVENT_TIME) time = reader.micros(end);
    else if (key === EVENT_NAME) name = reader.text(end);
    else if (key === EVENT_ATTRIBUTES) readAttribute(reader, reader.messageEnd(end), attributes);
    else reader.skipValue(key, end);
  }
  return { name, time, attributes };
}

interface SpanStatus {
  readonly failed: boolean;
  readonly message: string;
}

const UNSET: SpanStatus = { failed: false, message: '' };

function readStatus(reader: WireReader, end: number): SpanStatus {
  let failed = false;
  let message = '';
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === STATUS_CODE) failed = reader.readVarint() === STATUS_IS_ERROR;
    else if (key === STATUS_MESSAGE) message = reader.text(end);
    else reader.skipValue(key, end);
  }
  return { failed, message };
}

/** Finds the fields of a log record in one pass; reads them only if the record may be a fact or a heartbeat. */
function readLogRecord(reader: WireReader, end: number, { resource }: ItemSource): ItemFacts {
  let traceId = NO_ID;
  let spanId = NO_ID;
  let time = 0;
  let observed = 0;
  let sampled = false;
  let eventName = '';
  let bodyAt = -1;
  // Pairs of where each begins and ends.
  const attributesAt: number[] = [];
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    switch (key) {
      case LOG_TIME:
        time = reader.micros(end);
        break;
      case LOG_OBSERVED_TIME:
        observed = reader.micros(end);
        break;
      case LOG_TRACE_ID:
        traceId = reader.id(end, 16);
        break;
      case LOG_SPAN_ID:
        spanId = reader.id(end, 8);
        break;
      case LOG_FLAGS:
        sampled = (reader.readFixed32() & 1) === 1;
        break;
      case LOG_EVENT_NAME:
        eventName = reader.text(end);
        break;
      case LOG_BODY:
        bodyAt = reader.pos;
        reader.skipValue(key, end);
        break;
      case LOG_ATTRIBUTES: {
        const valueEnd = reader.messageEnd(end);
        attributesAt.push(reader.pos, valueEnd);
        reader.pos = valueEnd;
        break;
      }
      default:
        reader.skipValue(key, end);
    }
  }
  if (!isFactEvent(eventName)) return NO_FACTS;
  const attributes = readAttributes(reader, attributesAt);
  let body: AnyValue = null;
  if (bodyAt !== -1) {
    reader.pos = bodyAt;
    body = readValue(reader, reader.messageEnd(end), 0);
  }
  return logRecordFacts({ eventName, traceId, spanId, time: time === 0 ? observed : time, attributes, sampled }, resource, body);
}

/** Reads the attributes at some positions, which are pairs of where each attribute begins and ends. */
function readAttributes(reader: WireReader, positions: readonly number[]): Attributes {
  const attributes: Attributes = {};
  for (let at = 0; at < positions.length; at += 2) {
    reader.pos = positions[at]!;
    readAttribute(reader, positions[at + 1]!, attributes);
  }
  return attributes;
}

/** Attributes that were read before. Those with a list or a map are not kept: each needs one of its own. */
const recent = new RecentBytes<{ readonly name: string; readonly value: AnyValue }>();

/** Reads a `KeyValue` into the attributes. One without a key is ignored, one without a value is empty. */
function readAttribute(reader: WireReader, end: number, into: Attributes): void {
  const { pos, dataView } = reader;
  const known = recent.get(dataView, pos, end);
  if (known !== undefined) {
    reader.pos = end;
    setAnyValue(into, known.name, known.value);
    return;
  }
  const read = readKeyValue(reader, end, 0);
  if (read === undefined) return;
  setAnyValue(into, read.name, read.value);
  if (typeof read.value !== 'object') recent.set(dataView, pos, end, read);
}

function readKeyValue(reader: WireReader, end: number, level: number): { name: string; value: AnyValue } | undefined {
  let name: string | undefined;
  let value: AnyValue = null;
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === KEY_VALUE_KEY) name = reader.text(end);
    else if (key === KEY_VALUE_VALUE) value = readValue(reader, reader.messageEnd(end), level);
    else reader.skipValue(key, end);
  }
  return name === undefined ? undefined : { name, value };
}

/** Reads an `AnyValue` that stands inside so many lists and maps. */
function readValue(reader: WireReader, end: number, level: number): AnyValue {
  let value: AnyValue = null;
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === ANY_STRING) value = reader.text(end);
    else if (key === ANY_INT) value = reader.integer();
    else if (key === ANY_BOOL) value = reader.readBoolean();
    else if (key === ANY_DOUBLE) value = reader.readDouble();
    else if (key === ANY_BYTES) value = reader.base64(end);
    else if (key === ANY_ARRAY || key === ANY_MAP) {
      const inside = reader.messageEnd(end);
      if (level < MOST_DEPTH) value = key === ANY_MAP ? readMap(reader, inside, level + 1) : readList(reader, inside, level + 1);
      else {
        value = TOO_DEEP;
        reader.pos = inside;
      }
    } else reader.skipValue(key, end);
  }
  return value;
}

function readList(reader: WireReader, end: number, level: number): AnyValue {
  const items: AnyValue[] = [];
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === ARRAY_VALUES) items.push(readValue(reader, reader.messageEnd(end), level));
    else reader.skipValue(key, end);
  }
  return items;
}

function readMap(reader: WireReader, end: number, level: number): AnyValue {
  const map = new Map<string, AnyValue>();
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key === MAP_VALUES) {
      const read = readKeyValue(reader, reader.messageEnd(end), level);
      if (read !== undefined) map.set(read.name, read.value);
    } else reader.skipValue(key, end);
  }
  return map;
}

function isOfPbf(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && /^(Unimplemented type|Expected varint)/.test(error.message));
}
