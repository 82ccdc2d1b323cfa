import { ExportResultCode } from '@opentelemetry/core';
import type { ExportResult } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';
import { reportOnce } from '../../src/report.ts';
import { delay, performance } from '../../src/timers.ts';

/** Options of {@link PersistentExporter}. */
export interface PersistentExporterOptions {
  exporter: SpanExporter;
  /** Tries for the last time: in less time than the end of a process may take. */
  lastExporter: SpanExporter;
  /** How many spans may wait here. */
  limitSpans: number;
  /** Gives what tells whether the facts said by now have gone: they go first. Absent where none are sent. */
  mark?: (() => () => boolean) | undefined;
}

const PAUSES_MS = [500, 1000, 2000, 5000] as const;
const LOOK_MS = 20;
/** The longest that spans wait for facts: while these go, and at the end. */
const FACTS_FIRST_MS = 10_000;
const LAST_FACTS_FIRST_MS = 500;

/**
 * Sends batches of spans one after the other, and again where nobody took them: OpenTelemetry's exporter
 * gives a batch up after its own tries. What waits is bounded, and its timers hold no process.
 */
export class PersistentExporter implements SpanExporter {
  readonly #options: PersistentExporterOptions;
  /** How many spans arrived. */
  delivered = 0;
  #waiting = 0;
  #sending: Promise<void> = Promise.resolve();
  #ending = new AbortController();
  /** Whether a try at the end has failed: there is no time for others. */
  #isOver = false;
  /** Whether facts keep spans waiting: not those that did not go within their time. */
  #factsFirst = true;

  constructor(options: PersistentExporterOptions) {
    this.#options = options;
  }

  /** Takes over a batch; whoever waits for its delivery has to flush. */
  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    if (this.#waiting + spans.length > this.#options.limitSpans) {
      reportOnce('export full', 'the OTLP endpoint has been away for too long: spans are being given up');
    } else {
      this.#waiting += spans.length;
      const gone = this.#options.mark?.();
      this.#sending = this.#sending.then(async () => {
        await this.#waitForFacts(gone);
        // An exporter throws where it can't make a request of them: no other try would help, and those behind wait.
        await this.#send(spans).catch((error: unknown) => reportOnce('export', 'spans could not be sent', error));
        this.#waiting -= spans.length;
      });
    }
    done({ code: ExportResultCode.SUCCESS });
  }

  /** Resolves when all batches have been sent, or given up. */
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

  async #waitForFacts(gone: (() => boolean) | undefined): Promise<void> {
    if (gone === undefined) return;
    const begun = performance.now();
    const limit = (): number => (this.#ending.signal.aborted ? LAST_FACTS_FIRST_MS : FACTS_FIRST_MS);
    while (this.#factsFirst && !gone() && performance.now() - begun < limit()) await delay(LOOK_MS, undefined, { ref: false });
    this.#factsFirst = gone();
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
      await this.#pause(PAUSES_MS[Math.min(failures, PAUSES_MS.length - 1)]!);
    }
  }

  /** Until it is time to try again, or to end. */
  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { ref: false, signal: this.#ending.signal }).catch(() => undefined);
  }
}

function exported(exporter: SpanExporter, spans: ReadableSpan[]): Promise<ExportResult> {
  return new Promise((resolve) => exporter.export(spans, resolve));
}

/** The exporter names the HTTP status of an answer that another try can't change; of all others it tells no number. */
function isRefused(error: Error | undefined): boolean {
  return typeof (error as { code?: unknown } | undefined)?.code === 'number';
}
