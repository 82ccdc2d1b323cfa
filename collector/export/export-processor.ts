import type { Attributes, Context } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { ExportResult } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan, Span, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { report, reportOnce } from '../../src/report.ts';
import { performance } from '../timers.ts';
import { FLUSH_MS, pause, within } from '../async.ts';
import { spanProtocol } from './environment.ts';

/** How many ended spans wait, unless `OTEL_BSP_MAX_QUEUE_SIZE` is set. */
const QUEUE_SPANS = 65_536;
/** Options of {@link ExportProcessor}. */
export interface ExportOptions extends Pick<PersistentExporterOptions, 'mark'> {
  /** Base URL, such as `http://127.0.0.1:4318`; without it `OTEL_EXPORTER_OTLP_*` rule. */
  endpoint: string | undefined;
  /** Laid over those of `OTEL_EXPORTER_OTLP_HEADERS`. */
  headers?: Record<string, string> | undefined;
}

/**
 * Sends ended spans by OTLP/HTTP, in batches: OpenTelemetry's batch processor, whose batches are kept while the endpoint
 * is unreachable. Its end waits for at most two seconds and never rejects; what did not arrive is reported.
 */
export class ExportProcessor implements SpanProcessor {
  readonly #batches: BatchSpanProcessor;
  readonly #exporter: PersistentExporter;
  #ended = 0;

  constructor({ endpoint, headers, mark }: ExportOptions) {
    const size = Number(process.env['OTEL_BSP_MAX_QUEUE_SIZE']) || QUEUE_SPANS;
    this.#exporter = new PersistentExporter({
      exporter: exporterTo(endpoint, headers),
      // Near the end of the process a try may take no longer than the end may: its retries would hold the process.
      lastExporter: exporterTo(endpoint, headers, FLUSH_MS),
      limitSpans: size,
      mark,
    });
    this.#batches = new BatchSpanProcessor(this.#exporter, { maxQueueSize: size });
  }

  onStart(span: Span, context: Context): void {
    this.#batches.onStart(span, context);
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & 1) === 1) this.#ended++;
    this.#batches.onEnd(span);
  }

  async forceFlush(): Promise<void> {
    await within(
      FLUSH_MS,
      this.#batches.forceFlush().then(() => this.#exporter.forceFlush()),
    );
  }

  /** Flushes when the process is about to end by itself. */
  flushAtEnd(): Promise<void> {
    this.#exporter.end();
    return this.forceFlush();
  }

  async shutdown(): Promise<void> {
    this.#exporter.end();
    await within(FLUSH_MS, this.#batches.shutdown());
    const missing = this.#ended - this.#exporter.delivered;
    if (missing > 0) report(`${missing} of ${this.#ended} spans were not received by the OTLP endpoint`);
  }
}

/** OpenTelemetry's exporter. The URL is the endpoint's with `/v1/traces`, as the specification has it for a base URL. */
export function exporterTo(endpoint: string | undefined, headers?: Record<string, string>, timeoutMillis?: number): SpanExporter {
  const Exporter = spanProtocol() === 'http/json' ? JsonExporter : ProtobufExporter;
  return new Exporter({
    ...(headers !== undefined && { headers }),
    ...(endpoint !== undefined && { url: `${endpoint.replace(/\/+$/, '')}/v1/traces` }),
    ...(timeoutMillis !== undefined && { timeoutMillis }),
  });
}

/** Options of {@link PersistentExporter}. */
export interface PersistentExporterOptions {
  exporter: SpanExporter;
  /** Tries for the last time: in less time than the end of a process may take. */
  lastExporter: SpanExporter;
  /** How many spans may wait here. */
  limitSpans: number;
  /** Gives a function that finds out whether the facts reported by now are sent: they go first. Absent where none are sent. */
  mark?: (() => () => boolean) | undefined;
}

const PAUSES_MS = [500, 1000, 2000, 5000] as const;
const LOOK_MS = 20;
/** The longest that spans wait for facts: while facts are taken, and at the end. */
const FACTS_FIRST_MS = 10_000;
const LAST_FACTS_FIRST_MS = 500;

/**
 * Sends batches of spans one after the other, and again where no receiver took them: OpenTelemetry's exporter gives a
 * batch up after its own tries. What waits is bounded, and its timers keep no process alive.
 */
export class PersistentExporter implements SpanExporter {
  readonly #options: PersistentExporterOptions;
  /** How many spans arrived. */
  delivered = 0;
  #waiting = 0;
  #sending: Promise<void> = Promise.resolve();
  readonly #ending = new AbortController();
  /** Whether a try at the end has failed: there is no time for more. */
  #isOver = false;
  /** Whether facts keep spans waiting: not those that were not sent within their time. */
  #factsFirst = true;

  constructor(options: PersistentExporterOptions) {
    this.#options = options;
  }

  /** Takes a batch over. A caller that waits for its delivery has to flush. */
  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    if (this.#waiting + spans.length > this.#options.limitSpans) {
      reportOnce('export full', 'the OTLP endpoint has been unreachable for too long: spans are being dropped');
    } else {
      this.#waiting += spans.length;
      const isSent = this.#options.mark?.();
      this.#sending = this.#sending.then(async () => {
        await this.#waitForFacts(isSent);
        // An exporter throws where it can't make a request of the spans: no other try would help, and later batches wait.
        await this.#send(spans).catch((error: unknown) => reportOnce('export', 'spans could not be sent', error));
        this.#waiting -= spans.length;
      });
    }
    done({ code: ExportResultCode.SUCCESS });
  }

  /** Resolves when all batches have been sent or dropped. */
  forceFlush(): Promise<void> {
    return this.#sending;
  }

  /** From now on what waits is tried once more. */
  end(): void {
    this.#ending.abort();
  }

  async shutdown(): Promise<void> {
    this.end();
    await this.#sending;
    await Promise.all([this.#options.exporter.shutdown(), this.#options.lastExporter.shutdown()]);
  }

  async #waitForFacts(isSent: (() => boolean) | undefined): Promise<void> {
    if (isSent === undefined) return;
    const begun = performance.now();
    const limit = (): number => (this.#ending.signal.aborted ? LAST_FACTS_FIRST_MS : FACTS_FIRST_MS);
    while (this.#factsFirst && !isSent() && performance.now() - begun < limit()) await pause(LOOK_MS, { ref: false });
    this.#factsFirst = isSent();
  }

  async #send(spans: ReadableSpan[]): Promise<void> {
    for (const request of requestsOf(spans)) await this.#sendRequest(request);
  }

  /** In halves where the receiver finds the request bad, so that one span that is too large or invalid is dropped alone. */
  async #sendRequest(spans: ReadableSpan[]): Promise<void> {
    for (let failures = 0; !this.#isOver; failures++) {
      const isLast = this.#ending.signal.aborted;
      const { exporter, lastExporter } = this.#options;
      const { code, error } = await exported(isLast ? lastExporter : exporter, spans);
      if (code === ExportResultCode.SUCCESS) {
        this.delivered += spans.length;
        return;
      }
      if (isBadRequest(error) && spans.length > 1) {
        const half = Math.ceil(spans.length / 2);
        await this.#sendRequest(spans.slice(0, half));
        return this.#sendRequest(spans.slice(half));
      }
      reportOnce('export', 'spans could not be sent', error);
      // An answer shows that the receiver can be reached: what comes next may be taken.
      this.#isOver = isLast && !isRefused(error);
      if (isRefused(error)) return;
      await pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)]!, { ref: false, signal: this.#ending.signal });
    }
  }
}

/** Exports spans once. Never rejects: the result has the error. */
export function exported(exporter: Pick<SpanExporter, 'export'>, spans: ReadableSpan[]): Promise<ExportResult> {
  return new Promise((resolve) => exporter.export(spans, resolve));
}

/** The exporter names the HTTP status of an answer that another try can't change, and no status of all other answers. */
function isRefused(error: Error | undefined): boolean {
  return typeof statusIn(error) === 'number';
}

/** Whether the receiver answered that it can't take these spans: a part of them it may take. */
function isBadRequest(error: unknown): boolean {
  return statusIn(error) === 400 || statusIn(error) === 413;
}

function statusIn(error: unknown): unknown {
  return (error as { code?: unknown } | undefined)?.code;
}

/** Below what receivers take: the OpenTelemetry Collector takes 20 MiB. */
const REQUEST_BYTES = 4 * 1024 * 1024;
const REQUEST_SPANS = 2000;

/** Cuts spans into requests of a bounded size; a span that is larger goes alone. */
export function* requestsOf(spans: ReadableSpan[]): Generator<ReadableSpan[]> {
  let begin = 0;
  let bytes = 0;
  for (let at = 0; at < spans.length; at++) {
    const size = sizeOf(spans[at]!);
    if (at - begin === REQUEST_SPANS || (at > begin && bytes + size > REQUEST_BYTES)) {
      yield spans.slice(begin, at);
      begin = at;
      bytes = 0;
    }
    bytes += size;
  }
  if (begin < spans.length) yield spans.slice(begin);
}

/** What ids, times and framing take. */
const SPAN_BYTES = 128;
const ITEM_BYTES = 32;

/** About the bytes of a span in a request: characters count as one byte each. */
function sizeOf({ name, attributes, events, links }: ReadableSpan): number {
  let bytes = SPAN_BYTES + name.length + sizeOfAttributes(attributes);
  for (const event of events) bytes += ITEM_BYTES + event.name.length + sizeOfAttributes(event.attributes);
  for (const link of links) bytes += ITEM_BYTES + sizeOfAttributes(link.attributes);
  return bytes;
}

function sizeOfAttributes(attributes: Attributes = {}): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(attributes)) {
    bytes += ITEM_BYTES + key.length;
    if (typeof value === 'string') bytes += value.length;
    else if (Array.isArray(value)) for (const item of value) bytes += ITEM_BYTES + (typeof item === 'string' ? item.length : 0);
  }
  return bytes;
}
