import type { Attributes, AttributeValue } from '@opentelemetry/api';
import { gzipSync } from 'node:zlib';
import { PbfReader, PbfWriter } from 'pbf';
import { INSTRUMENTATION_NAME, INSTRUMENTATION_VERSION } from '../../../src/conventions.ts';
import { describeFailure } from '../../../src/failure.ts';
import { reportOnce } from '../../../src/report.ts';
import { performance } from '../../timers.ts';
import { pause } from '../../async.ts';
import type { LogRecord } from '../../facts/log-record.ts';
import { TaskStoreError } from '../../store/task-store.ts';
import { requestHttp } from './http-client.ts';

interface LogsEndpointOptions {
  /** Base URL of an OTLP/HTTP receiver, without `/v1/logs`. */
  endpoint: string;
  headers: Readonly<Record<string, string>>;
  /** Attributes of the resource of all records. */
  resource: Attributes;
  /** Reports records that the receiver rejected, in one line. */
  report: (message: string) => void;
  /** Ends requests, and the wait that the receiver has asked for. */
  closing: AbortSignal;
}

const REQUEST_MS = 10_000;
/** Longer bodies are compressed: for shorter ones, compression takes more time than it saves. */
const GZIP_BYTES = 1024;
/** The longest wait that a receiver may ask for by `Retry-After`. */
const LONGEST_WAIT_MS = 30_000;

/** Sends log records: `POST {endpoint}/v1/logs` as the OTLP specification has it, in Protocol Buffers. */
export class LogsEndpoint {
  readonly #options: LogsEndpointOptions;
  readonly #url: string;
  /** Until when the receiver has asked to wait, by the monotonic clock. */
  #waitUntil = 0;
  #rejected = 0;
  #rejectedReported = 0;

  constructor(options: LogsEndpointOptions) {
    this.#options = options;
    this.#url = `${options.endpoint.replace(/\/+$/, '')}/v1/logs`;
  }

  /**
   * Sends records; resolves when the receiver has taken them. Rejects with a `TaskStoreError`: of code `REFUSED` where
   * a retry with the same records can't succeed, else of code `UNAVAILABLE`. Without records it finds out whether the
   * endpoint takes log records at all.
   */
  async send(records: readonly LogRecord[], limitMs: number = REQUEST_MS): Promise<void> {
    const { headers, resource, closing } = this.#options;
    const waitMs = this.#waitUntil - performance.now();
    if (waitMs > 0) await pause(waitMs, { signal: closing, ref: false });
    const body = logRequest(resource, records);
    const isLong = body.length > GZIP_BYTES;
    const answer = await requestHttp(this.#url, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': PROTOBUF, ...(isLong && { 'Content-Encoding': 'gzip' }) },
      body: isLong ? gzipSync(body, { level: 1 }) : body,
      limitMs,
      closing,
    });
    if (answer.status < 200 || answer.status > 299) throw this.#failure(answer.status, answer.headers);
    if (answer.body.length > 0) this.#reportPartialSuccess(answer.headers, answer.body);
  }

  #failure(status: number, headers: Headers): TaskStoreError {
    const answered = `${this.#url} answered HTTP ${status}`;
    if (status === 400 || status === 413) return new TaskStoreError('REFUSED', answered);
    if (status === 429 || status >= 500) {
      this.#waitUntil = performance.now() + retryAfterMs(headers);
      return new TaskStoreError('UNAVAILABLE', answered);
    }
    // A Collector without a pipeline for logs, or a missing token: an operator can mend that, and nothing is lost meanwhile.
    return new TaskStoreError('UNAVAILABLE', `the endpoint does not take logs: ${answered}`);
  }

  #reportPartialSuccess(headers: Headers, body: Uint8Array): void {
    if (headers.get('Content-Type')?.startsWith(PROTOBUF) !== true) return;
    try {
      const { rejected, message } = partialSuccessOf(body);
      if (rejected > 0) this.#reportRejected(rejected, message);
    } catch (error) {
      reportOnce(`answer of ${this.#url}`, `${this.#url} gave an answer that can't be read: ${describeFailure(error).message}`);
    }
  }

  /** Reports the first rejection, and then whenever the count has doubled. */
  #reportRejected(count: number, message: string): void {
    this.#rejected += count;
    if (this.#rejected < 2 * this.#rejectedReported) return;
    this.#rejectedReported = this.#rejected;
    this.#options.report(`${this.#url} did not take ${this.#rejected} facts so far${message === '' ? '' : `: ${message}`}`);
  }
}

const PROTOBUF = 'application/x-protobuf';

/** `Retry-After` is seconds, or a date by this machine's clock; 0 where it is neither. */
function retryAfterMs(headers: Headers): number {
  const header = headers.get('Retry-After') ?? '';
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}

// The numbers of fields are those of opentelemetry/proto/logs/v1/logs.proto and the messages that it imports.

/** Encodes log records of one resource as an `ExportLogsServiceRequest`; without records the request is empty. */
export function logRequest(resource: Attributes, records: readonly LogRecord[]): Uint8Array {
  const request = new PbfWriter();
  if (records.length > 0) request.writeMessage(1, writeResourceLogs, { resource, records });
  return request.finish();
}

/** The records that a receiver rejected in a request that it answered with success. */
interface PartialSuccess {
  rejected: number;
  message: string;
}

/** Decodes an `ExportLogsServiceResponse`; throws for anything else. */
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
  // A heartbeat belongs to no span.
  if (traceId !== '') out.writeBytesField(9, Buffer.from(traceId, 'hex'));
  if (spanId !== '') out.writeBytesField(10, Buffer.from(spanId, 'hex'));
  writeTime(11, time, out);
  writeText(12, eventName, out);
}

const FIXED64 = 1;
const WORD = 2 ** 32;

/** Encodes by Node.js: pbf's own UTF-8 (5.1.2) writes wrong characters for those beyond U+1FFFF. */
function writeText(field: number, text: string, out: PbfWriter): void {
  out.writeBytesField(field, Buffer.from(text));
}

/** Writes microseconds as nanoseconds, in two halves: one number would not be exact. */
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
