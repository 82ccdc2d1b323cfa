import { gzipSync } from 'node:zlib';
import type { Attributes } from '@opentelemetry/api';
import { describeFailure } from '../../../src/failure.ts';
import { reportOnce } from '../../../src/report.ts';
import { delay, performance } from '../../../src/timers.ts';
import type { LogRecord } from '../../facts/log-record-facts.ts';
import { TaskStoreError } from '../../store/task-store-error.ts';
import type { HttpClient } from '../send/http-client.ts';
import { logRequest, partialSuccessOf } from '../send/log-request.ts';

/** Options of {@link LogsEndpoint}. */
export interface LogsEndpointOptions {
  client: HttpClient;
  /** Base URL of an OTLP/HTTP receiver, without `/v1/logs`. */
  endpoint: string;
  headers: Readonly<Record<string, string>>;
  /** Attributes of the resource that each record belongs to. */
  resource: Attributes;
  /** Told of records that were not taken, in one line. */
  report: (message: string) => void;
}

const REQUEST_MS = 10_000;
/** Bodies of more bytes are sent compressed: below it takes longer than it saves. */
const GZIP_BYTES = 1024;
/** The longest that a receiver may keep us waiting by `Retry-After`. */
const LONGEST_WAIT_MS = 30_000;

/** Where log records go: `POST {endpoint}/v1/logs` as the OTLP specification has it. */
export class LogsEndpoint {
  readonly #options: LogsEndpointOptions;
  readonly #url: string;
  readonly #closing = new AbortController();
  /** Until when the receiver has asked to be left alone, by the monotonic clock. */
  #waitUntil = 0;
  #rejected = 0;
  #rejectedTold = 0;

  constructor(options: LogsEndpointOptions) {
    this.#options = options;
    this.#url = `${options.endpoint.replace(/\/+$/, '')}/v1/logs`;
  }

  /**
   * Sends records; resolves when they were taken. Rejects with a `TaskStoreError`: of code `REFUSED` where
   * another try can't succeed with these very records, else of code `UNAVAILABLE`. Without records it asks
   * whether any would be taken.
   */
  async send(records: readonly LogRecord[], limitMs: number = REQUEST_MS): Promise<void> {
    await this.#waited();
    const { client, headers, resource } = this.#options;
    const body = logRequest(resource, records);
    const isLong = body.length > GZIP_BYTES;
    const answer = await client.ask(this.#url, {
      method: 'POST',
      headers: { ...headers, 'Content-Type': PROTOBUF, ...(isLong && { 'Content-Encoding': 'gzip' }) },
      body: isLong ? gzipSync(body, { level: 1 }) : body,
      limitMs,
    });
    if (answer.status < 200 || answer.status > 299) throw this.#failure(answer.status, answer.headers);
    if (answer.body.length > 0) this.#takenInPart(answer.headers, answer.body);
  }

  /** Ends a wait that the receiver has asked for. */
  close(): void {
    this.#closing.abort();
  }

  async #waited(): Promise<void> {
    const wait = this.#waitUntil - performance.now();
    if (wait <= 0) return;
    await delay(wait, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
  }

  #failure(status: number, headers: Headers): TaskStoreError {
    const said = `${this.#url} answered HTTP ${status}`;
    if (status === 400 || status === 413) return new TaskStoreError('REFUSED', said);
    if (status === 429 || status >= 500) {
      this.#waitUntil = performance.now() + retryAfterMs(headers);
      return new TaskStoreError('UNAVAILABLE', said);
    }
    // A Collector without a pipeline for logs, a missing token: somebody may mend that, and nothing is lost meanwhile.
    return new TaskStoreError('UNAVAILABLE', `the endpoint does not take logs: ${said}`);
  }

  #takenInPart(headers: Headers, body: Uint8Array): void {
    if (headers.get('Content-Type')?.startsWith(PROTOBUF) !== true) return;
    try {
      const { rejected, message } = partialSuccessOf(body);
      if (rejected > 0) this.#tellRejected(rejected, message);
    } catch (error) {
      reportOnce(`answer of ${this.#url}`, `${this.#url} gave an answer that can't be read: ${describeFailure(error).message}`);
    }
  }

  /** At first, and then whenever there are twice as many. */
  #tellRejected(count: number, message: string): void {
    this.#rejected += count;
    if (this.#rejected < 2 * this.#rejectedTold) return;
    this.#rejectedTold = this.#rejected;
    this.#options.report(`${this.#url} did not take ${this.#rejected} facts so far${message === '' ? '' : `: ${message}`}`);
  }
}

const PROTOBUF = 'application/x-protobuf';

/** Seconds, or a date by this machine's clock; 0 where it is neither. */
function retryAfterMs(headers: Headers): number {
  const told = headers.get('Retry-After') ?? '';
  const ms = /^\d+$/.test(told) ? Number(told) * 1000 : Date.parse(told) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), LONGEST_WAIT_MS);
}
