import { gunzipSync } from 'node:zlib';
import { PbfReader } from 'pbf';
import type { Encoding } from './task-bodies.ts';

/** Decodes a body of `/v1/traces` into plain objects, all of it, with the means that the receiver has too. */
export function decode(encoding: Encoding, body: Uint8Array): unknown {
  if (encoding === 'JSON') return JSON.parse(Buffer.from(body).toString('utf8'));
  const bytes = encoding === 'protobuf' ? body : gunzipSync(body, { chunkSize: 64 * 1024 });
  return new PbfReader(bytes).readFields(readRequest, { resourceSpans: [] });
}

type Read<T> = (tag: number, into: T, pbf: PbfReader) => void;

interface Attributed {
  attributes: KeyValue[];
}
interface KeyValue {
  key: string;
  value: unknown;
}
interface Event extends Attributed {
  time: number;
  name: string;
}
interface Span extends Attributed {
  traceId: Uint8Array;
  spanId: Uint8Array;
  traceState: string;
  parentSpanId: Uint8Array;
  name: string;
  kind: number;
  start: number;
  end: number;
  droppedAttributes: number;
  events: Event[];
  droppedEvents: number;
  status: { message: string; code: number };
  flags: number;
}
interface Scope extends Attributed {
  name: string;
  version: string;
}
interface ScopeSpans {
  scope: Scope | undefined;
  spans: Span[];
}
interface ResourceSpans {
  resource: Attributed | undefined;
  scopeSpans: ScopeSpans[];
}

const NO_BYTES = new Uint8Array(0);

const readRequest: Read<{ resourceSpans: ResourceSpans[] }> = (tag, into, pbf) => {
  if (tag === 1) into.resourceSpans.push(pbf.readMessage(readResourceSpans, { resource: undefined, scopeSpans: [] }));
};

const readResourceSpans: Read<ResourceSpans> = (tag, into, pbf) => {
  if (tag === 1) into.resource = pbf.readMessage(readResource, { attributes: [] });
  else if (tag === 2) into.scopeSpans.push(pbf.readMessage(readScopeSpans, { scope: undefined, spans: [] }));
};

const readResource: Read<Attributed> = (tag, into, pbf) => {
  if (tag === 1) into.attributes.push(readKeyValue(pbf));
};

const readScopeSpans: Read<ScopeSpans> = (tag, into, pbf) => {
  if (tag === 1) into.scope = pbf.readMessage(readScope, { name: '', version: '', attributes: [] });
  else if (tag === 2) into.spans.push(pbf.readMessage(readSpan, newSpan()));
};

const readScope: Read<Scope> = (tag, into, pbf) => {
  if (tag === 1) into.name = pbf.readString();
  else if (tag === 2) into.version = pbf.readString();
};

function newSpan(): Span {
  return {
    traceId: NO_BYTES, spanId: NO_BYTES, traceState: '', parentSpanId: NO_BYTES, name: '', kind: 0, start: 0, end: 0,
    attributes: [], droppedAttributes: 0, events: [], droppedEvents: 0, status: { message: '', code: 0 }, flags: 0,
  };
}

const readSpan: Read<Span> = (tag, into, pbf) => {
  if (tag === 1) into.traceId = pbf.readBytes();
  else if (tag === 2) into.spanId = pbf.readBytes();
  else if (tag === 3) into.traceState = pbf.readString();
  else if (tag === 4) into.parentSpanId = pbf.readBytes();
  else if (tag === 5) into.name = pbf.readString();
  else if (tag === 6) into.kind = pbf.readVarint();
  else if (tag === 7) into.start = pbf.readFixed64();
  else if (tag === 8) into.end = pbf.readFixed64();
  else if (tag === 9) into.attributes.push(readKeyValue(pbf));
  else if (tag === 10) into.droppedAttributes = pbf.readVarint();
  else if (tag === 11) into.events.push(pbf.readMessage(readEvent, { time: 0, name: '', attributes: [] }));
  else if (tag === 12) into.droppedEvents = pbf.readVarint();
  else if (tag === 15) into.status = pbf.readMessage(readStatus, { message: '', code: 0 });
  else if (tag === 16) into.flags = pbf.readFixed32();
};

const readEvent: Read<Event> = (tag, into, pbf) => {
  if (tag === 1) into.time = pbf.readFixed64();
  else if (tag === 2) into.name = pbf.readString();
  else if (tag === 3) into.attributes.push(readKeyValue(pbf));
};

const readStatus: Read<{ message: string; code: number }> = (tag, into, pbf) => {
  if (tag === 2) into.message = pbf.readString();
  else if (tag === 3) into.code = pbf.readVarint();
};

function readKeyValue(pbf: PbfReader): KeyValue {
  return pbf.readMessage(readPair, { key: '', value: undefined });
}

const readPair: Read<KeyValue> = (tag, into, pbf) => {
  if (tag === 1) into.key = pbf.readString();
  else if (tag === 2) into.value = pbf.readMessage(readAny, { value: undefined }).value;
};

const readAny: Read<{ value: unknown }> = (tag, into, pbf) => {
  if (tag === 1) into.value = pbf.readString();
  else if (tag === 2) into.value = pbf.readBoolean();
  else if (tag === 3) into.value = pbf.readVarint(true);
  else if (tag === 4) into.value = pbf.readDouble();
};
