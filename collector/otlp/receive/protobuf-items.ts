import type { Attributes } from '@opentelemetry/api';
import { NO_ID } from '../../facts/span-ids.ts';
import { isAdaptedScope, MARKER_ATTRIBUTES } from '../adapters/index.ts';
import { isFactEvent, logRecordFacts } from './log-facts.ts';
import { readAttribute, readAttributes, readProtobuf } from './protobuf-request.ts';
import { NO_FACTS } from './received.ts';
import type { ItemFacts, ItemSource, OtlpEvent, Received } from './received.ts';
import { spanFacts } from './trace-facts.ts';
import { BYTES, FIXED32, FIXED64, VARINT } from './wire-reader.ts';
import type { WireReader } from './wire-reader.ts';

// opentelemetry.proto.trace.v1
const SPAN_TRACE_ID = (1 << 3) | BYTES;
const SPAN_ID = (2 << 3) | BYTES;
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
const LOG_ATTRIBUTES = (6 << 3) | BYTES;
const LOG_FLAGS = (8 << 3) | FIXED32;
const LOG_TRACE_ID = (9 << 3) | BYTES;
const LOG_SPAN_ID = (10 << 3) | BYTES;
const LOG_OBSERVED_TIME = (11 << 3) | FIXED64;
const LOG_EVENT_NAME = (12 << 3) | BYTES;

/** The bytes of the marker attributes' keys in a `KeyValue`. */
const MARKERS = MARKER_ATTRIBUTES.map((name) => Buffer.from(`\u000a${String.fromCharCode(name.length)}${name}`, 'latin1'));

/** Reads the body of `/v1/traces` in Protocol Buffers. */
export function readProtobufTraces(body: Buffer): Received {
  return readProtobuf(body, readSpan);
}

/** Reads the body of `/v1/logs` in Protocol Buffers. */
export function readProtobufLogs(body: Buffer): Received {
  return readProtobuf(body, readLogRecord);
}

/** Finds the fields of a span in one pass; reads them only if the span may be of a task. */
function readSpan(reader: WireReader, end: number, { scopeName }: ItemSource): ItemFacts {
  let traceId = NO_ID;
  let spanId = NO_ID;
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
        traceId = reader.id(end, 16);
        break;
      case SPAN_ID:
        spanId = reader.id(end, 8);
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
  let name = '';
  if (nameAt !== -1) {
    reader.pos = nameAt;
    name = reader.text(end);
  }
  const attributes = readAttributes(reader, attributesAt);
  const events: OtlpEvent[] = [];
  for (let at = 0; at < eventsAt.length; at += 2) {
    reader.pos = eventsAt[at]!;
    events.push(readEvent(reader, eventsAt[at + 1]!));
  }
  const { failed, message } = status;
  return spanFacts({ traceId, spanId, name, start, end: ended, attributes, events, failed, message, scopeName });
}

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
  return logRecordFacts({ eventName, traceId, spanId, time: time === 0 ? observed : time, attributes, sampled }, resource);
}
