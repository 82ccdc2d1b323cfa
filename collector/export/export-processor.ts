import type { Context } from '@opentelemetry/api';
import { ExportResultCode } from '@opentelemetry/core';
import type { ExportResult } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan, Span, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { report, reportOnce } from '../../src/report.ts';
import { performance } from '../timers.ts';
import { FLUSH_MS, pause, within } from '../async.ts';

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
export function exporterTo(endpoint: string | undefined, headers?: Record<string, string>, timeoutMillis?: number): OTLPTraceExporter {
  return new OTLPTraceExporter({
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
    for (let failures = 0; !this.#isOver; failures++) {
      const isLast = this.#ending.signal.aborted;
      const { exporter, lastExporter } = this.#options;
      const { code, error } = await exported(isLast ? lastExporter : exporter, spans);
      if (code === ExportResultCode.SUCCESS) {
        this.delivered += spans.length;
        return;
      }
      reportOnce('export', 'spans could not be sent', error);
      this.#isOver = isLast;
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
  return typeof (error as { code?: unknown } | undefined)?.code === 'number';
}
