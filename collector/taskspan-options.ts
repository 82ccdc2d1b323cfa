import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { checkKeys } from '../src/arguments.ts';
import { received } from '../src/failure.ts';
import { checkBufferBytes } from './capture/buffer-bytes.ts';
import { booleanOf, numberOf, textOf } from './environment.ts';
import type { SendingOptions } from './runtime/destination.ts';
import { serveOptions } from './serve-from-env.ts';
import type { ServeOptions } from './server/serve-options.ts';
import { checkToken } from './server/token.ts';
import { checkedIntervalMs, checkedLostFinalMs } from './store/heartbeat.ts';
import { checkRetention, KEEP_ALL } from './store/retention.ts';
import type { RetentionOptions } from './store/retention.ts';
import { fixedLocation } from './store/store-at.ts';
import { isTaskStore } from './store/task-store.ts';
import type { TaskStore } from './store/task-store.ts';

/** Options of `startTaskspan`. An option rules over its environment variable. */
export interface TaskspanOptions {
  /**
   * Where records and logs are kept: the path of a SQLite file, opened in the collector's thread,
   * or a {@link TaskStore}, which keeps the collector in the task's own thread and stays the
   * caller's to close. `TASKSPAN_STORE`. Default `./taskspan.sqlite`.
   */
  store?: string | TaskStore;
  /**
   * Whether the record and log of each task are served by HTTP, and where: `true` is port 4320 of
   * 127.0.0.1. `TASKSPAN_PORT` (setting it serves), `TASKSPAN_HOST`, `TASKSPAN_TOKEN`, and the lists by commas
   * `TASKSPAN_ALLOWED_HOSTS` and `TASKSPAN_ALLOWED_ORIGINS`; for what is in front of the server `TASKSPAN_TRUST_PROXY` and
   * `TASKSPAN_GUARDED`; for what others send `TASKSPAN_RECEIVE`,
   * `TASKSPAN_RECEIVE_MAX_BODY_BYTES` and `TASKSPAN_RECEIVE_MAX_WAITING_BYTES`; for its live streams
   * `TASKSPAN_STREAM_ALIVE_MS` and `TASKSPAN_STREAM_MAX_BEHIND_BYTES`. Default `false`.
   */
  serve?: boolean | ServeOptions;
  /**
   * Base URL to which spans are sent by OTLP/HTTP, such as `http://127.0.0.1:4318`; with neither `store`
   * nor `serve` record and log are made there too: facts are sent as they happen, and nothing is kept here.
   * `TASKSPAN_ENDPOINT`; for spans alone `OTEL_EXPORTER_OTLP_ENDPOINT` and the rest of
   * `OTEL_EXPORTER_OTLP_*`. Default: nothing is sent.
   */
  endpoint?: string;
  /**
   * Base URL of the taskspan server that is asked for cancellations where facts are sent: needed where
   * `endpoint` is an OpenTelemetry Collector. `TASKSPAN_SERVER_URL`. Default: `endpoint`.
   */
  serverUrl?: string;
  /** Token for both where facts are sent, as `Authorization: Bearer …`. `TASKSPAN_TOKEN`. Default none. */
  token?: string;
  /** Name of this service in traces. `OTEL_SERVICE_NAME`. Default OpenTelemetry's. */
  serviceName?: string;
  /**
   * Which traces are sent. Records do not depend on it. `OTEL_TRACES_SAMPLER` and
   * `OTEL_TRACES_SAMPLER_ARG`. Default: all, but those whose caller decided otherwise.
   */
  sampler?: Sampler;
  /** Further span processors for the provider. Default none. */
  spanProcessors?: SpanProcessor[];
  /**
   * When an OpenTelemetry provider is registered, with a context manager and a propagator, each where the application
   * has registered none: `'auto'` as the first task of the process begins, `true` at once, `false` never.
   * `TASKSPAN_REGISTER_PROVIDER`: `auto`, `true`, `false`. Default `'auto'`.
   */
  registerProvider?: 'auto' | boolean;
  /**
   * The most memory that facts waiting for the store may take, in bytes, at least 1 MiB.
   * `TASKSPAN_BUFFER_BYTES`. Default 128 MiB.
   */
  bufferBytes?: number;
  /**
   * Whether SIGTERM and SIGINT end what is open as cancelled, wait for record, log and spans (at
   * most three seconds; a second signal waits no longer) and then end the process as ever. Where the
   * application listens to the signal itself, ending the process is left to it.
   * `TASKSPAN_HANDLE_SIGNALS`. Default `false`.
   */
  handleSignals?: boolean;
  /**
   * Milliseconds between two signs of life of this process while it has live tasks: after three
   * silent ones its tasks are `lost`. From 50 to an hour; 0 gives none, and then its tasks are never
   * lost. In the task's own thread (a `store` given as an object) none are given either.
   * `TASKSPAN_BEAT_INTERVAL_MS`. Default 5000.
   */
  beatIntervalMs?: number;
  /**
   * After how long a silence the tasks of a worker that this process listens to are lost for good, in
   * milliseconds, but not before three intervals. `TASKSPAN_LOST_FINAL_MS`. Default 600000, ten minutes.
   */
  lostFinalMs?: number;
  /**
   * What is kept of ended tasks; `false` keeps all for ever, as `{ days: 0, count: 0 }` does.
   * `TASKSPAN_RETENTION_DAYS` and `TASKSPAN_RETENTION_COUNT`. Default 30 days, and of all ended
   * tasks the latest 100,000.
   */
  retention?: RetentionOptions | false;
}

/** Options with the environment read and each one checked. */
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

const DEFAULT_STORE = './taskspan.sqlite';
const DEFAULT_BUFFER_BYTES = 128 * 1024 * 1024;

const OPTIONS: readonly string[] = [
  'store',
  'serve',
  'endpoint',
  'serverUrl',
  'token',
  'serviceName',
  'sampler',
  'spanProcessors',
  'registerProvider',
  'bufferBytes',
  'handleSignals',
  'beatIntervalMs',
  'lostFinalMs',
  'retention',
] satisfies (keyof TaskspanOptions)[];

/** Throws a `TypeError` or `RangeError` that names the option, what was expected and what came. */
export function resolveOptions(options: TaskspanOptions, env: NodeJS.ProcessEnv = process.env): ResolvedOptions {
  checkKeys('startTaskspan', options, OPTIONS);
  const { serviceName, sampler, spanProcessors } = options;
  const endpoint = httpUrl('endpoint', options.endpoint) ?? httpUrl('TASKSPAN_ENDPOINT', textOf(env, 'TASKSPAN_ENDPOINT'));
  if (serviceName !== undefined && (typeof serviceName !== 'string' || serviceName === '')) {
    throw new TypeError(`serviceName: expected a string that is not empty, got ${received(serviceName)}`);
  }
  if (sampler !== undefined && typeof (sampler as Partial<Sampler> | null)?.shouldSample !== 'function') {
    throw new TypeError(`sampler: expected a Sampler, got ${received(sampler)}`);
  }
  if (spanProcessors !== undefined && !(Array.isArray(spanProcessors) && spanProcessors.every(isProcessor))) {
    throw new TypeError(`spanProcessors: expected a list of SpanProcessors, got ${received(spanProcessors)}`);
  }
  const { registerProvider, handleSignals } = options;
  if (registerProvider !== undefined && registerProvider !== 'auto' && typeof registerProvider !== 'boolean') {
    throw new TypeError(`registerProvider: expected 'auto', true or false, got ${received(registerProvider)}`);
  }
  if (handleSignals !== undefined && typeof handleSignals !== 'boolean') {
    throw new TypeError(`handleSignals: expected true or false, got ${received(handleSignals)}`);
  }
  const store = options.store ?? textOf(env, 'TASKSPAN_STORE') ?? DEFAULT_STORE;
  if (store === '' || (typeof store !== 'string' && !isTaskStore(store))) {
    throw new TypeError(`store: expected a path or a TaskStore, got ${received(store)}`);
  }
  const serve = serveOptions(options.serve, env);
  const isKept = options.store !== undefined || textOf(env, 'TASKSPAN_STORE') !== undefined || serve !== undefined;
  const serverUrl = httpUrl('serverUrl', options.serverUrl) ?? httpUrl('TASKSPAN_SERVER_URL', textOf(env, 'TASKSPAN_SERVER_URL'));
  if (options.token !== undefined) checkToken('token', options.token);
  const token = options.token ?? textOf(env, 'TASKSPAN_TOKEN');
  const sends = endpoint !== undefined && !isKept;
  if (sends && token !== undefined) checkToken('TASKSPAN_TOKEN', token);
  return {
    store: typeof store === 'string' ? fixedLocation(store) : store,
    serve,
    endpoint,
    sending: sends ? { endpoint, serverUrl: serverUrl ?? endpoint, token } : undefined,
    exports: endpoint !== undefined || exportsByEnv(env),
    serviceName,
    sampler,
    spanProcessors: spanProcessors ?? [],
    registerProvider: registerProvider ?? registerProviderIn(env) ?? 'auto',
    handleSignals: handleSignals ?? booleanOf(env, 'TASKSPAN_HANDLE_SIGNALS') ?? false,
    bufferBytes: bufferBytes(options.bufferBytes ?? numberOf(env, 'TASKSPAN_BUFFER_BYTES')),
    beatIntervalMs: checkedIntervalMs(options.beatIntervalMs ?? numberOf(env, 'TASKSPAN_BEAT_INTERVAL_MS')),
    lostFinalMs: checkedLostFinalMs(options.lostFinalMs ?? numberOf(env, 'TASKSPAN_LOST_FINAL_MS')),
    retention: retentionOptions(options.retention, env),
  };
}

function httpUrl(name: string, text: unknown): string | undefined {
  if (text === undefined) return undefined;
  if (typeof text === 'string' && URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new TypeError(`${name}: expected a URL of http or https, got ${received(text)}`);
}

function isProcessor(value: unknown): boolean {
  return typeof (value as Partial<SpanProcessor> | null)?.onEnd === 'function';
}

/** The exporter is added only where somebody named an endpoint. */
function exportsByEnv(env: NodeJS.ProcessEnv): boolean {
  if (textOf(env, 'OTEL_TRACES_EXPORTER')?.trim() === 'none') return false;
  return (textOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT') ?? textOf(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')) !== undefined;
}

function registerProviderIn(env: NodeJS.ProcessEnv): ResolvedOptions['registerProvider'] | undefined {
  const name = 'TASKSPAN_REGISTER_PROVIDER';
  return env[name]?.trim().toLowerCase() === 'auto' ? 'auto' : booleanOf(env, name, 'auto, true or false');
}

function bufferBytes(bytes = DEFAULT_BUFFER_BYTES): number {
  checkBufferBytes(bytes);
  return bytes;
}

function retentionOptions(retention: RetentionOptions | false | undefined, env: NodeJS.ProcessEnv): RetentionOptions {
  if (retention === false) return KEEP_ALL;
  if (retention !== undefined) checkRetention(retention);
  const days = retention?.days ?? numberOf(env, 'TASKSPAN_RETENTION_DAYS');
  const count = retention?.count ?? numberOf(env, 'TASKSPAN_RETENTION_COUNT');
  const resolved = {
    ...retention,
    ...(days !== undefined && { days }),
    ...(count !== undefined && { count }),
  };
  checkRetention(resolved);
  return resolved;
}
