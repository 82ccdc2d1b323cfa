import type { Attributes } from '@opentelemetry/api';
import type { ItemSource } from './item-source.ts';
import { MalformedError } from './malformed-error.ts';
import { readResource, readScopeName } from './protobuf-attributes.ts';
import { BYTES, WireReader } from './wire-reader.ts';

// The same in opentelemetry.proto.trace.v1 and .logs.v1: a request has resources, these have
// scopes, these have items (spans or log records).
const RESOURCES = (1 << 3) | BYTES;
const RESOURCE = (1 << 3) | BYTES;
const SCOPES = (2 << 3) | BYTES;
const SCOPE = (1 << 3) | BYTES;
const ITEMS = (2 << 3) | BYTES;

/** Reads each item of a request's body where it stands, from the reader's position to `end`. */
export type ReadItem = (reader: WireReader, end: number, source: ItemSource) => void;

/** Goes through a body; throws {@link MalformedError} for one that is no Protocol Buffers message of its kind. */
export function readProtobuf(body: Buffer, readItem: ReadItem): void {
  const reader = new WireReader(body);
  try {
    eachOf(reader, body.length, RESOURCES, (end) => readResourceItems(reader, end, readItem));
  } catch (error) {
    if (error instanceof MalformedError) throw new MalformedError(`byte ${reader.pos}: ${error.message}`);
    // What pbf throws where bytes are missing.
    if (reader.pos >= body.length || isOfPbf(error)) throw new MalformedError(`byte ${reader.pos}: no Protocol Buffers field`, { cause: error });
    throw error;
  }
}

function readResourceItems(reader: WireReader, end: number, readItem: ReadItem): void {
  const resourceAt = lastOf(reader, end, RESOURCE);
  let attributes: Attributes | undefined;
  const resource = (): Attributes => {
    if (attributes !== undefined) return attributes;
    const after = reader.pos;
    attributes = resourceAt === undefined ? {} : at(reader, resourceAt, readResource);
    reader.pos = after;
    return attributes;
  };
  eachOf(reader, end, SCOPES, (scopeEnd) => readScopeItems(reader, scopeEnd, resource, readItem));
}

function readScopeItems(reader: WireReader, end: number, resource: ItemSource['resource'], readItem: ReadItem): void {
  const { pos } = reader;
  const scopeAt = lastOf(reader, end, SCOPE);
  const source = { scopeName: scopeAt === undefined ? '' : at(reader, scopeAt, readScopeName), resource };
  reader.pos = pos;
  eachOf(reader, end, ITEMS, (itemEnd) => readItem(reader, itemEnd, source));
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Where the last message of a field stands, which may be behind all others; the reader stays where it is. */
function lastOf(reader: WireReader, end: number, wanted: number): Place | undefined {
  const { pos } = reader;
  let last: Place | undefined;
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

/** Goes through the messages of a field. They are kept in no list: a body can have millions of empty ones. */
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

function at<T>(reader: WireReader, { start, end }: Place, read: (reader: WireReader, end: number) => T): T {
  reader.pos = start;
  return read(reader, end);
}

function isOfPbf(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && /^(Unimplemented type|Expected varint)/.test(error.message));
}
