import type { Attributes } from '@opentelemetry/api';
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

/** Where an item comes from. */
export interface Source {
  /** Name of the instrumentation scope. */
  readonly scopeName: string;
  /** Attributes of the resource; of all its items the same object. */
  readonly resource: () => Attributes;
}

/** Reads each item of a request's body where it stands, from the reader's position to `end`. */
export type ReadItem = (reader: WireReader, end: number, source: Source) => void;

/** Goes through a body; throws {@link MalformedError} for one that is no Protocol Buffers message of its kind. */
export function readProtobuf(body: Buffer, readItem: ReadItem): void {
  const reader = new WireReader(body);
  try {
    for (let key = reader.next(body.length); key !== 0; key = reader.next(body.length)) {
      if (key === RESOURCES) readResourceItems(reader, reader.messageEnd(body.length), readItem);
      else reader.skipValue(key, body.length);
    }
  } catch (error) {
    if (error instanceof MalformedError) throw new MalformedError(`byte ${reader.pos}: ${error.message}`);
    // What pbf throws where bytes are missing.
    if (reader.pos >= body.length || isOfPbf(error)) throw new MalformedError(`byte ${reader.pos}: no Protocol Buffers field`, { cause: error });
    throw error;
  }
}

function readResourceItems(reader: WireReader, end: number, readItem: ReadItem): void {
  const { one: resourceAt, many } = placesOf(reader, end, RESOURCE, SCOPES);
  let attributes: Attributes | undefined;
  const resource = (): Attributes => {
    if (attributes !== undefined) return attributes;
    const after = reader.pos;
    attributes = resourceAt === undefined ? {} : at(reader, resourceAt, readResource);
    reader.pos = after;
    return attributes;
  };
  for (const place of many) at(reader, place, (_, scopeEnd) => readScopeItems(reader, scopeEnd, resource, readItem));
  reader.pos = end;
}

function readScopeItems(reader: WireReader, end: number, resource: Source['resource'], readItem: ReadItem): void {
  const { one, many } = placesOf(reader, end, SCOPE, ITEMS);
  const source = { scopeName: one === undefined ? '' : at(reader, one, readScopeName), resource };
  for (const place of many) at(reader, place, (_, itemEnd) => readItem(reader, itemEnd, source));
}

interface Place {
  readonly start: number;
  readonly end: number;
}

/** Where the messages of two fields stand, whatever their order: the last of one, all of the other. */
function placesOf(reader: WireReader, end: number, oneKey: number, manyKey: number): { one: Place | undefined; many: Place[] } {
  let one: Place | undefined;
  const many: Place[] = [];
  for (let key = reader.next(end); key !== 0; key = reader.next(end)) {
    if (key !== oneKey && key !== manyKey) {
      reader.skipValue(key, end);
      continue;
    }
    const place = { end: reader.messageEnd(end), start: reader.pos };
    reader.pos = place.end;
    if (key === oneKey) one = place;
    else many.push(place);
  }
  return { one, many };
}

function at<T>(reader: WireReader, { start, end }: Place, read: (reader: WireReader, end: number) => T): T {
  reader.pos = start;
  return read(reader, end);
}

function isOfPbf(error: unknown): boolean {
  return error instanceof RangeError || (error instanceof Error && /^(Unimplemented type|Expected varint)/.test(error.message));
}
