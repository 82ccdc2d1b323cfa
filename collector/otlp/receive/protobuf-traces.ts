import type { Attributes } from '@opentelemetry/api';
import { NO_ID } from '../../facts/ids.ts';
import { TELLING_ATTRIBUTES } from '../adapters/adapters.ts';
import type { ItemSource } from './item-source.ts';
import type { OtlpEvent } from './otlp-span.ts';
import { readAttribute, readAttributes } from './protobuf-attributes.ts';
import { readProtobuf } from './protobuf-items.ts';
import type { Received } from './received.ts';
import { isAdapted, takeSpan } from './trace-facts.ts';
import { BYTES, FIXED64, VARINT } from './wire-reader.ts';
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

/** The key of a `KeyValue` that says whose the span is. */
const TELLING = TELLING_ATTRIBUTES.map((name) => Buffer.from(`\u000a${String.fromCharCode(name.length)}${name}`, 'latin1'));

/** Reads the body of `/v1/traces`. */
export function readTraces(body: Buffer, into: Received): void {
  readProtobuf(body, (reader, end, source) => readSpan(reader, end, source, into));
}

/** Goes over the span once; only one that may be a task's is then read. */
function readSpan(reader: WireReader, end: number, source: ItemSource, into: Received): void {
  let traceId = NO_ID;
  let spanId = NO_ID;
  let nameAt = -1;
  let start = 0;
  let ended = 0;
  let status: SpanStatus = UNSET;
  let ours = isAdapted(source.scopeName);
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
        if (key === SPAN_ATTRIBUTES && !ours) ours = isTelling(reader, valueEnd);
        reader.pos = valueEnd;
        break;
      }
      default:
        reader.skipValue(key, end);
    }
  }
  if (!ours) return;
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
  const { scopeName } = source;
  takeSpan({ traceId, spanId, name, start, end: ended, attributes, events, failed, message, scopeName }, into);
}

/** Senders may write the key of an attribute before its value or, as the OpenTelemetry Collector does, after it. */
function isTelling(reader: WireReader, end: number): boolean {
  for (const key of TELLING) if (reader.isAt(reader.pos, key) || reader.isAt(end - key.length, key)) return true;
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
