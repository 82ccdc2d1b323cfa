import { NO_ID } from '../../facts/ids.ts';
import type { ItemSource } from './item-source.ts';
import { isToldByLog, takeLogRecord } from './log-facts.ts';
import { readAttributes } from './protobuf-attributes.ts';
import { readProtobuf } from './protobuf-items.ts';
import type { Received } from './received.ts';
import { BYTES, FIXED32, FIXED64 } from './wire-reader.ts';
import type { WireReader } from './wire-reader.ts';

// opentelemetry.proto.logs.v1
const LOG_TIME = (1 << 3) | FIXED64;
const LOG_ATTRIBUTES = (6 << 3) | BYTES;
const LOG_FLAGS = (8 << 3) | FIXED32;
const LOG_TRACE_ID = (9 << 3) | BYTES;
const LOG_SPAN_ID = (10 << 3) | BYTES;
const LOG_OBSERVED_TIME = (11 << 3) | FIXED64;
const LOG_EVENT_NAME = (12 << 3) | BYTES;

/** Reads the body of `/v1/logs`. */
export function readLogs(body: Buffer, into: Received): void {
  readProtobuf(body, (reader, end, source) => readLogRecord(reader, end, source, into));
}

/** Goes over the record once; only one that may tell a fact is then read. */
function readLogRecord(reader: WireReader, end: number, { resource }: ItemSource, into: Received): void {
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
  if (!isToldByLog(eventName)) return;
  const attributes = readAttributes(reader, attributesAt);
  takeLogRecord({ eventName, traceId, spanId, time: time === 0 ? observed : time, attributes, sampled }, resource, into);
}
