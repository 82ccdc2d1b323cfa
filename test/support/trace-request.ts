import { PbfReader } from 'pbf';

/** A request of spans as an exporter sends it, as far as tests look at it. */
export interface TraceRequest {
  resource: Record<string, unknown>;
  spans: SentSpan[];
}

export interface SentSpan {
  name: string;
  spanId: string;
  attributes: Record<string, unknown>;
  events: { name: string; attributes: Record<string, unknown> }[];
}

/** Decodes an `ExportTraceServiceRequest` of one resource. */
export function traceRequest(body: Uint8Array): TraceRequest {
  const request: TraceRequest = { resource: {}, spans: [] };
  const message = (reader: PbfReader, read: (field: number) => void): void => void reader.readFields((field) => read(field), {}, reader.readVarint() + reader.pos);
  const reader = new PbfReader(body);
  const attribute = (attributes: Record<string, unknown>): void => {
    let key = '';
    message(reader, (field) => {
      if (field === 1) key = reader.readString();
      else if (field === 2) message(reader, (kind) => (attributes[key] = valueOf(kind, reader)));
    });
  };
  const event = (span: SentSpan): void => {
    const read: SentSpan['events'][number] = { name: '', attributes: {} };
    message(reader, (field) => {
      if (field === 2) read.name = reader.readString();
      else if (field === 3) attribute(read.attributes);
    });
    span.events.push(read);
  };
  const span = (): void => {
    const read: SentSpan = { name: '', spanId: '', attributes: {}, events: [] };
    message(reader, (field) => {
      if (field === 2) read.spanId = Buffer.from(reader.readBytes()).toString('hex');
      else if (field === 5) read.name = reader.readString();
      else if (field === 9) attribute(read.attributes);
      else if (field === 11) event(read);
    });
    request.spans.push(read);
  };
  const resource = (): void => message(reader, (field) => field === 1 && attribute(request.resource));
  const scopeSpans = (): void => message(reader, (field) => field === 2 && span());
  const resourceSpans = (): void => message(reader, (field) => (field === 1 ? resource() : field === 2 && scopeSpans()));
  reader.readFields((field) => field === 1 && resourceSpans(), {});
  return request;
}

function valueOf(kind: number, reader: PbfReader): unknown {
  if (kind === 1) return reader.readString();
  if (kind === 2) return reader.readBoolean();
  if (kind === 3) return reader.readVarint(true);
  return kind === 4 ? reader.readDouble() : undefined;
}
