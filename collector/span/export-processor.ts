import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan, Span, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { Context } from '@opentelemetry/api';
import { report, reportOnce } from '../../src/report.ts';
import { within } from '../ending/within.ts';

/** How many ended spans wait for the exporter, unless `OTEL_BSP_MAX_QUEUE_SIZE` says otherwise. */
const QUEUE_SPANS = 65_536;
/** The longest that a flush or the end waits for the endpoint. */
const FLUSH_MS = 2000;

/**
 * Sends ended spans by OTLP/HTTP, in batches: OpenTelemetry's batch processor with a longer queue
 * and an end that waits for at most two seconds and never rejects. What did not arrive is told.
 *
 * @param endpoint Base URL, such as `http://127.0.0.1:4318`; without it `OTEL_EXPORTER_OTLP_*` rule.
 * @param headers Laid over those of `OTEL_EXPORTER_OTLP_HEADERS`.
 */
export class ExportProcessor implements SpanProcessor {
  readonly #batches: BatchSpanProcessor;
  #ended = 0;
  #delivered = 0;
  /** Near the end of the process a try may take no longer than the end may: its retries would hold the process. */
  #ending = false;

  constructor(endpoint: string | undefined, headers?: Record<string, string>) {
    const exporter = exporterTo(endpoint, headers);
    const lastExporter = exporterTo(endpoint, headers, FLUSH_MS);
    const counting: SpanExporter = {
      export: (spans, done) =>
        (this.#ending ? lastExporter : exporter).export(spans, (result) => {
          if (result.error === undefined) this.#delivered += spans.length;
          else reportOnce('export', 'spans could not be sent', result.error);
          done(result);
        }),
      shutdown: async () => void (await Promise.all([exporter.shutdown(), lastExporter.shutdown()])),
      forceFlush: () => exporter.forceFlush(),
    };
    const size = process.env['OTEL_BSP_MAX_QUEUE_SIZE'];
    this.#batches = new BatchSpanProcessor(counting, size ? {} : { maxQueueSize: QUEUE_SPANS });
  }

  onStart(span: Span, context: Context): void {
    this.#batches.onStart(span, context);
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & 1) === 1) this.#ended++;
    this.#batches.onEnd(span);
  }

  async forceFlush(): Promise<void> {
    await within(FLUSH_MS, this.#batches.forceFlush());
  }

  /** Flushes when the process is about to end by itself. */
  flushAtEnd(): Promise<void> {
    this.#ending = true;
    return this.forceFlush();
  }

  async shutdown(): Promise<void> {
    this.#ending = true;
    await within(FLUSH_MS, this.#batches.shutdown());
    const missing = this.#ended - this.#delivered;
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
