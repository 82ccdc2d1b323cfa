import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { PbfReader, PbfWriter } from 'pbf';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from '../../../src/conventions.ts';
import type { LogRecord } from '../../facts/log-record-facts.ts';

/**
 * The request body of `POST /v1/logs` in protobuf, and what its answer says. Numbers of fields are
 * those of `opentelemetry/proto/logs/v1/logs.proto` and the messages it is made of.
 */

/** Log records of one resource as an `ExportLogsServiceRequest`. Without records it is empty: a question whether logs are taken. */
export function logRequest(resource: Attributes, records: readonly LogRecord[]): Uint8Array {
  const request = new PbfWriter();
  if (records.length > 0) request.writeMessage(1, writeResourceLogs, { resource, records });
  return request.finish();
}

/** What a receiver did not take of a request that it answered with success. */
export interface PartialSuccess {
  rejected: number;
  message: string;
}

/** Reads an `ExportLogsServiceResponse`; throws for what is none. */
export function partialSuccessOf(response: Uint8Array): PartialSuccess {
  return new PbfReader(response).readFields(
    (field, result, reader) => {
      if (field === 1) reader.readMessage(readPartialSuccess, result);
    },
    { rejected: 0, message: '' },
  );
}

function readPartialSuccess(field: number, result: PartialSuccess, reader: PbfReader): void {
  if (field === 1) result.rejected = reader.readVarint(true);
  else if (field === 2) result.message = reader.readString();
}

function writeResourceLogs({ resource, records }: { resource: Attributes; records: readonly LogRecord[] }, out: PbfWriter): void {
  out.writeMessage(1, writeResource, resource);
  out.writeMessage(2, writeScopeLogs, records);
}

function writeResource(attributes: Attributes, out: PbfWriter): void {
  writeAttributes(1, attributes, out);
}

function writeScopeLogs(records: readonly LogRecord[], out: PbfWriter): void {
  out.writeMessage(1, writeScope, undefined);
  for (const record of records) out.writeMessage(2, writeRecord, record);
}

function writeScope(_: undefined, out: PbfWriter): void {
  writeText(1, INSTRUMENTATION_NAME, out);
  writeText(2, INSTRUMENTATION_VERSION, out);
}

function writeRecord({ eventName, traceId, spanId, time, attributes, sampled }: LogRecord, out: PbfWriter): void {
  writeTime(1, time, out);
  writeAttributes(6, attributes, out);
  if (sampled) out.writeFixed32Field(8, 1);
  // A sign of life belongs to no span.
  if (traceId !== '') out.writeBytesField(9, Buffer.from(traceId, 'hex'));
  if (spanId !== '') out.writeBytesField(10, Buffer.from(spanId, 'hex'));
  writeTime(11, time, out);
  writeText(12, eventName, out);
}

const FIXED64 = 1;
const WORD = 2 ** 32;

/** By Node's UTF-8: the library's own (5.1.2) writes other characters for those beyond U+1FFFF. */
function writeText(field: number, text: string, out: PbfWriter): void {
  out.writeBytesField(field, Buffer.from(text));
}

/** Microseconds as nanoseconds. In two halves: as one number they would not be exact. */
function writeTime(field: number, micros: number, out: PbfWriter): void {
  const low = (micros % WORD) * 1000;
  out.writeTag(field, FIXED64);
  out.writeFixed32(low % WORD);
  out.writeFixed32(Math.floor(micros / WORD) * 1000 + Math.floor(low / WORD));
}

function writeAttributes(field: number, attributes: Attributes, out: PbfWriter): void {
  for (const key of Object.keys(attributes)) {
    const value = attributes[key];
    if (value !== undefined) out.writeMessage(field, writeAttribute, { key, value });
  }
}

function writeAttribute({ key, value }: { key: string; value: AttributeValue }, out: PbfWriter): void {
  writeText(1, key, out);
  out.writeMessage(2, writeValue, value);
}

function writeValue(value: AttributeValue | null | undefined, out: PbfWriter): void {
  if (typeof value === 'string') writeText(1, value, out);
  else if (typeof value === 'boolean') out.writeBooleanField(2, value);
  else if (typeof value === 'number') writeNumber(value, out);
  else if (Array.isArray(value)) out.writeMessage(5, writeList, value);
}

function writeNumber(value: number, out: PbfWriter): void {
  if (Number.isSafeInteger(value) && !Object.is(value, -0)) out.writeVarintField(3, value);
  else out.writeDoubleField(4, value);
}

function writeList(values: readonly (AttributeValue | null | undefined)[], out: PbfWriter): void {
  for (const value of values) out.writeMessage(1, writeValue, value);
}
