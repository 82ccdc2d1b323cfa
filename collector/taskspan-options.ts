import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { checkKeys } from '../src/arguments.ts';
import { received } from '../src/failure.ts';
import { groupValues, membersOf, optionValue, valueSource, variableText } from './options/read.ts';
import { resolveLimits } from './otlp/receive/receiver-options.ts';
import type { SendingOptions } from './runtime/destination.ts';
import type { ServeOptions } from './server/serve-tasks.ts';
import { resolveRetention } from './store/retention.ts';
import type { RetentionOptions } from './store/retention.ts';
import { fixedLocation } from './store/store-at.ts';
import { isTaskStore } from './store/task-store.ts';
import type { TaskStore } from './store/task-store.ts';

/** Options of `startTaskspan`. An option that is given overrides its environment variable. `docs/options.md` has the bounds. */
export interface TaskspanOptions {
  /**
   * Where records and logs are kept: the path of a SQLite file, which the collector's thread opens, or a
   * {@link TaskStore}, which keeps the collector in the task's own thread and which the caller closes. `TASKSPAN_STORE`.
   * Default `./taskspan.sqlite`.
   */
  store?: string | TaskStore;
  /**
   * Whether record and log of each task are served by HTTP, and where: `true` is port 4320 of 127.0.0.1. Setting
   * `TASKSPAN_PORT` serves too. Default `false`.
   */
  serve?: boolean | ServeOptions;
  /**
   * Base URL to which spans are sent by OTLP/HTTP, such as `http://127.0.0.1:4318`. With neither `store` nor `serve` facts
   * are sent there too, as they happen, and nothing is kept here. `TASKSPAN_ENDPOINT`; for spans alone
   * `OTEL_EXPORTER_OTLP_ENDPOINT` and the rest of `OTEL_EXPORTER_OTLP_*`. Default: nothing is sent.
   */
  endpoint?: string;
  /**
   * Base URL of the taskspan server that is polled for cancellations where facts are sent. It is needed where `endpoint`
   * is an OpenTelemetry Collector. `TASKSPAN_SERVER_URL`. Default: `endpoint`.
   */
  serverUrl?: string;
  /** Token for `endpoint` and `serverUrl` where facts are sent: `Authorization: Bearer …`. `TASKSPAN_TOKEN`. Default none. */
  token?: string;
  /** Name of this service in traces. `OTEL_SERVICE_NAME`. Default: that of OpenTelemetry. */
  serviceName?: string;
  /**
   * Which traces are sent. Records do not depend on it. `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`. Default: all,
   * but those whose caller decided otherwise.
   */
  sampler?: Sampler;
  /** Further span processors for the provider. Default none. */
  spanProcessors?: SpanProcessor[];
  /**
   * When an OpenTelemetry provider is registered, with a context manager and a propagator, each where the application
   * has registered none: `'auto'` as the first task of the process begins, `true` at once, `false` never.
   * `TASKSPAN_REGISTER_PROVIDER`. Default `'auto'`.
   */
  registerProvider?: 'auto' | boolean;
  /** The most memory in bytes for facts that wait for the store, at least 1 MiB. `TASKSPAN_BUFFER_BYTES`. Default 128 MiB. */
  bufferBytes?: number;
  /**
   * Whether SIGTERM and SIGINT end open tasks as cancelled, wait for record, log and spans (at most three seconds; a second
   * signal waits no longer) and then end the process. Where the application listens to the signal itself, it has to end
   * the process. `TASKSPAN_HANDLE_SIGNALS`. Default `false`.
   */
  handleSignals?: boolean;
  /**
   * Milliseconds between two heartbeats of this process while it has live tasks: after three silent intervals its tasks
   * are `lost`. From 50 to an hour. With 0, and in the task's own thread (a `store` given as an object), there are no
   * heartbeats, and its tasks are never lost. `TASKSPAN_BEAT_INTERVAL_MS`. Default 5000.
   */
  beatIntervalMs?: number;
  /**
   * The silence in milliseconds after which the tasks of another worker are lost for good, but not before three intervals.
   * `TASKSPAN_LOST_FINAL_MS`. Default 600,000, ten minutes.
   */
  lostFinalMs?: number;
  /**
   * How many ended tasks are kept, and how long; `false` keeps all without limit, as `{ days: 0, count: 0 }` does.
   * `TASKSPAN_RETENTION_DAYS` and `TASKSPAN_RETENTION_COUNT`. Default: 30 days, and the latest 100,000.
   */
  retention?: RetentionOptions | false;
}

/** The options, checked, with those of the environment and the defaults. */
export interface ResolvedOptions {
  store: string | TaskStore;
  serve: ServeOptions | undefined;
  endpoint: string | undefined;
  /** Where facts are sent instead of being kept here. */
  sending: SendingOptions | undefined;
  /** Whether spans are sent at all. */
  exports: boolean;
  serviceName: string | undefined;
  sampler: Sampler | undefined;
  spanProcessors: SpanProcessor[];
  registerProvider: 'auto' | boolean;
  bufferBytes: number;
  handleSignals: boolean;
  beatIntervalMs: number;
  lostFinalMs: number;
  retention: RetentionOptions;
}

/** Throws a `TypeError` or `RangeError` that names the option or the variable, what is expected and what came. */
export function resolveOptions(options: TaskspanOptions, env: NodeJS.ProcessEnv = process.env): ResolvedOptions {
  checkKeys('startTaskspan', options, membersOf());
  const store = storeOption(options.store, env);
  const serve = serveOptions(options.serve, env);
  const endpoint = optionValue('endpoint', options.endpoint, { env });
  const serverUrl = optionValue('serverUrl', options.serverUrl, { env });
  const isKept = options.store !== undefined || variableText(env, 'TASKSPAN_STORE') !== undefined || serve !== undefined;
  const sends = endpoint !== undefined && !isKept;
  // The variable may be a server's, which is checked where it is served.
  const token = optionValue('token', options.token, { env: sends ? env : undefined });
  return {
    store,
    serve,
    endpoint,
    sending: sends ? { endpoint, serverUrl: serverUrl ?? endpoint, token } : undefined,
    exports: endpoint !== undefined || exportsByEnv(env),
    serviceName: optionValue('serviceName', options.serviceName),
    sampler: optionValue('sampler', options.sampler),
    spanProcessors: optionValue('spanProcessors', options.spanProcessors),
    registerProvider: optionValue('registerProvider', options.registerProvider, { env }),
    handleSignals: optionValue('handleSignals', options.handleSignals, { env }),
    bufferBytes: optionValue('bufferBytes', options.bufferBytes, { env }),
    beatIntervalMs: optionValue('beatIntervalMs', options.beatIntervalMs, { env }),
    lostFinalMs: optionValue('lostFinalMs', options.lostFinalMs, { env }),
    retention: resolveRetention(options.retention, env),
  };
}

function storeOption(store: string | TaskStore | undefined, env: NodeJS.ProcessEnv): string | TaskStore {
  if (store === undefined || typeof store === 'string') return fixedLocation(optionValue('store', store, { env }));
  if (isTaskStore(store)) return store;
  throw new TypeError(`store: expected a path or a TaskStore, got ${received(store)}`);
}

/** The option `serve`; `undefined` where nothing is served. A port in the environment serves. */
function serveOptions(serve: boolean | ServeOptions | undefined, env: NodeJS.ProcessEnv): ServeOptions | undefined {
  const isAsked = serve !== undefined || valueSource('serve.port', undefined, { env }) !== undefined;
  const given = optionValue('serve', serve ?? isAsked);
  if (given === false) return undefined;
  const { token, access, receive, streams, ...rest } = groupValues('serve', given === true ? {} : given, { env });
  return {
    ...rest,
    ...(token !== undefined && { token }),
    access: groupValues('serve.access', access, { env }),
    receive: receive === false ? false : resolveLimits(receive === true ? {} : receive, { env }),
    streams: groupValues('serve.streams', streams, { env }),
  };
}

/** The exporter is added only where an endpoint is named. */
function exportsByEnv(env: NodeJS.ProcessEnv): boolean {
  if (variableText(env, 'OTEL_TRACES_EXPORTER')?.trim() === 'none') return false;
  return (variableText(env, 'OTEL_EXPORTER_OTLP_ENDPOINT') ?? variableText(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')) !== undefined;
}
