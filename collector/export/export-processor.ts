import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { Context } from '@opentelemetry/api';
import { report } from '../../src/report.ts';
import { within } from '../runtime/within.ts';
import { PersistentExporter } from './persistent-exporter.ts';
import type { PersistentExporterOptions } from './persistent-exporter.ts';

/** How many ended spans wait, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise. */
const QUEUE_SPANS = 65_536;
/** The longest that a flush or the end waits for the endpoint. */
const FLUSH_MS = 2000;

/** Options of {@link ExportProcessor}. */
export interface ExportOptions extends Pick<PersistentExporterOptions, 'mark'> {
  /** Base URL, such as `http://127.0.0.1:4318`; without it `OTEL_EXPORTER_OTLP_*` rule. */
  endpoint: string | undefined;
  /** Laid over those of `OTEL_EXPORTER_OTLP_HEADERS`. */
  headers?: Record<string, string> | undefined;
}

/**
 * Sends ended spans by OTLP/HTTP, in batches: OpenTelemetry's batch processor, whose batches are kept
 * while the endpoint is away, with an end that waits for at most two seconds and never rejects. What did
 * not arrive is told.
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

/** The URL is the endpoint's with `/v1/traces`, as the specification has it for a base URL. */
export function exporterTo(endpoint: string | undefined, headers?: Record<string, string>, timeoutMillis?: number): OTLPTraceExporter {
  return new OTLPTraceExporter({
    ...(headers !== undefined && { headers }),
    ...(endpoint !== undefined && { url: `${endpoint.replace(/\/+$/, '')}/v1/traces` }),
    ...(timeoutMillis !== undefined && { timeoutMillis }),
  });
}
