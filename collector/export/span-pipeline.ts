import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { report } from '../../src/report.ts';
import { FLUSH_MS, within } from '../async.ts';
import { ExportProcessor } from './export-processor.ts';
import type { ExportOptions } from './export-processor.ts';
import { registerProvider } from './provider.ts';

/** Options of {@link startSpanPipeline}. */
interface SpanPipelineOptions {
  /** When a provider is registered: as the first task of the process begins, at once, or never. */
  registerProvider: 'auto' | boolean;
  serviceName: string | undefined;
  sampler: Sampler | undefined;
  /** The processor of taskspan: the first. */
  processor: SpanProcessor;
  /** The processors of the application: the last. */
  spanProcessors: readonly SpanProcessor[];
  /** Whether spans are sent. */
  exports: boolean;
  endpoint: string | undefined;
  /** Whether the endpoint gets the open spans of lost tasks, so that it is used without a provider too. */
  sendsLostTraces: boolean;
  /** Where facts are sent to the endpoint too: what their spans have besides. */
  withFacts: Pick<ExportOptions, 'headers' | 'mark'> | undefined;
  /** Called with the options that have no effect, since another provider makes the spans. */
  onUnused: (error: Error) => void;
}

/** The way of this process's spans: provider, processors, exporter. */
interface SpanPipeline {
  /** Sends what has ended, for two seconds at the most. */
  flush(): Promise<void>;
  /** The same of the exporter alone, when the process is about to end. */
  flushAtEnd(): Promise<void>;
  /** Flushes, and ends exporter and processors. Never rejects. */
  shutdown(): Promise<void>;
  /** Gives back what was registered. */
  unregister(): void;
}

/** Registers a provider whose spans go through all processors, where the application registers none. */
export function startSpanPipeline(options: SpanPipelineOptions): SpanPipeline {
  const { processor, spanProcessors, exports, endpoint, withFacts, onUnused } = options;
  let exporter: ExportProcessor | undefined;
  const makeProcessors = (): SpanProcessor[] => {
    if (exports) exporter = new ExportProcessor({ endpoint, ...withFacts });
    return [processor, ...(exporter ? [exporter] : []), ...spanProcessors];
  };
  const furtherProcessors = async (method: 'forceFlush' | 'shutdown'): Promise<void> => {
    const all = Promise.all(spanProcessors.map(async (each) => each[method]()));
    const work = all.catch((error: unknown) => report(`a span processor of spanProcessors failed in ${method}()`, error));
    await within(FLUSH_MS, work);
  };
  return {
    unregister: register(options, makeProcessors, onUnused),
    async flush() {
      await Promise.all([exporter?.forceFlush(), furtherProcessors('forceFlush')]);
    },
    flushAtEnd: async () => exporter?.flushAtEnd(),
    async shutdown() {
      await Promise.all([exporter?.shutdown(), furtherProcessors('shutdown')]);
    },
  };
}

function register(options: SpanPipelineOptions, makeProcessors: () => SpanProcessor[], onUnused: (error: Error) => void): () => void {
  const { registerProvider: when, serviceName, sampler, endpoint, sendsLostTraces } = options;
  if (when === false) {
    const unused = unusedOptions({ ...options, endpoint: sendsLostTraces ? undefined : endpoint });
    if (unused !== undefined) onUnused(unused);
    return () => undefined;
  }
  const unused = unusedOptions(options);
  const onForeign = (): void => {
    if (unused === undefined) return;
    onUnused(unused);
    report(unused.message);
  };
  return registerProvider({ registerProvider: when, serviceName, sampler, spanProcessors: makeProcessors, onForeign });
}

/** The options for spans that have no effect where another provider makes them; `undefined` if none was given. */
function unusedOptions({ withFacts, endpoint, sampler, spanProcessors }: SpanPipelineOptions): Error | undefined {
  const given = { endpoint: withFacts === undefined ? endpoint : undefined, sampler, spanProcessors: spanProcessors[0] };
  const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length === 0) return undefined;
  return new Error(`spans are made by another OpenTelemetry provider than taskspan's: not used for them: ${names.join(', ')}`);
}
