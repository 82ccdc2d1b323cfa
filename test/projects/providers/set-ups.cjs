/**
 * The ways to register an OpenTelemetry provider, by name. Each gets `load`, which imports or requires a package as the
 * program does, and returns what stops it.
 */

const { THEIRS, DSN, TASKSPAN_STORE, OTHER_STORE, RATE, SAMPLER, SDK } = process.env;

const SET_UPS = {
  async NodeSDK(load) {
    const [{ NodeSDK }, traceExporter] = [await load('@opentelemetry/sdk-node'), await exporterOf(load)];
    const sdk = new NodeSDK({ traceExporter, autoDetectResources: false });
    sdk.start();
    return () => sdk.shutdown();
  },

  async Sentry(load) {
    const { init, close } = await load('@sentry/node');
    init({ dsn: DSN, ...(RATE && { tracesSampleRate: Number(RATE) }) });
    return () => close();
  },

  /** From Sentry 11 on it registers a provider only on demand. */
  async 'Sentry with OpenTelemetry'(load) {
    const { init, close } = await load('@sentry/node');
    init({ dsn: DSN, enableOpenTelemetrySetup: true, ...(RATE && { tracesSampleRate: Number(RATE) }) });
    return () => close();
  },

  /** A provider of the application's own, with processors of its own alone. */
  async 'own provider'(load) {
    const sdk = await sdkOf(load);
    return sdk.registered([sdk.batch(await exporterOf(load))]);
  },

  async 'own provider with TaskSpanProcessor'(load) {
    const sdk = await sdkOf(load);
    return sdk.registered([await taskSpanProcessor(load, TASKSPAN_STORE), sdk.batch(await exporterOf(load))]);
  },

  /** The second provider is not registered, so none of the task's spans is its own. */
  async 'two providers with a TaskSpanProcessor each'(load) {
    const sdk = await sdkOf(load);
    const second = sdk.provider([await taskSpanProcessor(load, OTHER_STORE)]);
    const stopFirst = await sdk.registered([await taskSpanProcessor(load, TASKSPAN_STORE)]);
    return async () => {
      await stopFirst();
      await second.shutdown();
    };
  },

  /** Nothing is registered. */
  async none() {
    return async () => undefined;
  },
};

async function exporterOf(load) {
  const { OTLPTraceExporter } = await load('@opentelemetry/exporter-trace-otlp-http');
  return new OTLPTraceExporter({ url: THEIRS });
}

async function taskSpanProcessor(load, path) {
  const { sqliteStore, TaskSpanProcessor } = await load('taskspan/collector');
  return new TaskSpanProcessor({ store: sqliteStore(path) });
}

/** What SDK 2.x and 3.x call by different names. */
async function sdkOf(load) {
  if (SDK === '2') {
    const { NodeTracerProvider, BatchSpanProcessor, ...samplers } = await load('@opentelemetry/sdk-trace-node');
    const provider = (spanProcessors) => new NodeTracerProvider({ spanProcessors, ...samplerOf(samplers) });
    const registered = async (spanProcessors) => {
      const made = provider(spanProcessors);
      made.register();
      return () => made.shutdown();
    };
    return { provider, registered, batch: (exporter) => new BatchSpanProcessor(exporter) };
  }
  const { TracerProvider, BatchSpanProcessor, ...samplers } = await load('@opentelemetry/sdk-trace');
  const provider = (spanProcessors) => new TracerProvider({ spanProcessors, ...samplerOf(samplers) });
  const registered = async (spanProcessors) => {
    const { AsyncLocalStorageContextManager } = await load('@opentelemetry/context-async-hooks');
    const { context, trace } = await load('@opentelemetry/api');
    const made = provider(spanProcessors);
    trace.setGlobalTracerProvider(made);
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    return () => made.shutdown();
  };
  return { provider, registered, batch: (exporter) => new BatchSpanProcessor({ exporter }) };
}

function samplerOf({ AlwaysOffSampler, TraceIdRatioBasedSampler }) {
  if (SAMPLER === 'always_off') return { sampler: new AlwaysOffSampler() };
  return SAMPLER === 'traceidratio 0' ? { sampler: new TraceIdRatioBasedSampler(0) } : {};
}

module.exports = { SET_UPS };
