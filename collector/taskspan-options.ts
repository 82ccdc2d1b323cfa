import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { received } from '../src/failure.ts';
import type { TaskStore } from './store/task-store.ts';
import type { ServeOptions } from './thread/messages.ts';

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
   * 127.0.0.1. `TASKSPAN_PORT` (setting it serves), `TASKSPAN_HOST`, and the lists by commas
   * `TASKSPAN_ALLOWED_HOSTS` and `TASKSPAN_ALLOWED_ORIGINS`. Default `false`.
   */
  serve?: boolean | ServeOptions;
  /**
   * Base URL to which spans are sent by OTLP/HTTP, such as `http://127.0.0.1:4318`.
   * `OTEL_EXPORTER_OTLP_ENDPOINT` and the rest of `OTEL_EXPORTER_OTLP_*`. Default: none are sent.
   */
  endpoint?: string;
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
   * Whether to register an OpenTelemetry provider. Without one add the handle's `processor` to your
   * own. `TASKSPAN_REGISTER_PROVIDER`. Default `true`.
   */
  registerProvider?: boolean;
  /**
   * The most memory that facts waiting for the store may take, in bytes, at least 1 MiB.
   * `TASKSPAN_BUFFER_BYTES`. Default 128 MiB.
   */
  bufferBytes?: number;
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
}

/** Options with the environment read and each one checked. */
export interface ResolvedOptions {
  store: string | TaskStore;
  serve: ServeOptions | undefined;
  endpoint: string | undefined;
  /** Whether spans are sent at all. */
  exports: boolean;
  serviceName: string | undefined;
  sampler: Sampler | undefined;
  spanProcessors: SpanProcessor[];
  registerProvider: boolean;
  bufferBytes: number;
  beatIntervalMs: number;
  lostFinalMs: number;
}

const DEFAULT_STORE = './taskspan.sqlite';
const DEFAULT_BUFFER_BYTES = 128 * 1024 * 1024;
const LEAST_BUFFER_BYTES = 1024 * 1024;
const DEFAULT_BEAT_MS = 5000;
const LEAST_BEAT_MS = 50;
const LONGEST_BEAT_MS = 3_600_000;
const DEFAULT_LOST_FINAL_MS = 600_000;

const OPTIONS: readonly string[] = [
  'store',
  'serve',
  'endpoint',
  'serviceName',
  'sampler',
  'spanProcessors',
  'registerProvider',
  'bufferBytes',
  'beatIntervalMs',
  'lostFinalMs',
] satisfies (keyof TaskspanOptions)[];

/** Throws a `TypeError` or `RangeError` that names the option, what was expected and what came. */
export function resolveOptions(options: TaskspanOptions, env: NodeJS.ProcessEnv = process.env): ResolvedOptions {
  for (const key of Object.keys(options)) {
    if (!OPTIONS.includes(key)) {
      throw new TypeError(`startTaskspan: expected options among ${OPTIONS.join(', ')}, got ${received(key)}`);
    }
  }
  const endpoint = options.endpoint;
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new TypeError(`endpoint: expected a URL, got ${received(endpoint)}`);
  }
  const store = options.store ?? (env['TASKSPAN_STORE'] || DEFAULT_STORE);
  if (typeof store !== 'object' && (typeof store !== 'string' || store === '')) {
    throw new TypeError(`store: expected a path or a TaskStore, got ${received(store)}`);
  }
  return {
    store,
    serve: serveOptions(options.serve, env),
    endpoint,
    exports: endpoint !== undefined || exportsByEnv(env),
    serviceName: options.serviceName,
    sampler: options.sampler,
    spanProcessors: options.spanProcessors ?? [],
    registerProvider: options.registerProvider ?? booleanOf(env, 'TASKSPAN_REGISTER_PROVIDER') ?? true,
    bufferBytes: bufferBytes(options.bufferBytes ?? numberOf(env, 'TASKSPAN_BUFFER_BYTES')),
    beatIntervalMs: beatIntervalMs(options.beatIntervalMs ?? numberOf(env, 'TASKSPAN_BEAT_INTERVAL_MS')),
    lostFinalMs: lostFinalMs(options.lostFinalMs ?? numberOf(env, 'TASKSPAN_LOST_FINAL_MS')),
  };
}

function serveOptions(serve: boolean | ServeOptions | undefined, env: NodeJS.ProcessEnv): ServeOptions | undefined {
  if (serve === false) return undefined;
  const port = numberOf(env, 'TASKSPAN_PORT');
  if (serve === undefined && port === undefined) return undefined;
  const host = env['TASKSPAN_HOST'] || undefined;
  const allowedHosts = listOf(env, 'TASKSPAN_ALLOWED_HOSTS');
  const allowedOrigins = listOf(env, 'TASKSPAN_ALLOWED_ORIGINS');
  const resolved: ServeOptions = {
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(allowedHosts !== undefined && { allowedHosts }),
    ...(allowedOrigins !== undefined && { allowedOrigins }),
    ...(typeof serve === 'object' && serve),
  };
  if (resolved.port !== undefined && !(Number.isInteger(resolved.port) && resolved.port >= 0 && resolved.port < 65536)) {
    throw new RangeError(`serve.port: expected a whole number from 0 to 65535, got ${received(resolved.port)}`);
  }
  return resolved;
}

/** The exporter is added only where somebody named an endpoint. */
function exportsByEnv(env: NodeJS.ProcessEnv): boolean {
  if (env['OTEL_TRACES_EXPORTER']?.trim() === 'none') return false;
  return Boolean(env['OTEL_EXPORTER_OTLP_ENDPOINT'] || env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT']);
}

function bufferBytes(bytes: number | undefined): number {
  if (bytes === undefined) return DEFAULT_BUFFER_BYTES;
  if (Number.isSafeInteger(bytes) && bytes >= LEAST_BUFFER_BYTES) return bytes;
  throw new RangeError(`bufferBytes: expected a whole number of at least ${LEAST_BUFFER_BYTES}, got ${received(bytes)}`);
}

function beatIntervalMs(ms: number = DEFAULT_BEAT_MS): number {
  if (Number.isInteger(ms) && (ms === 0 || (ms >= LEAST_BEAT_MS && ms <= LONGEST_BEAT_MS))) return ms;
  throw new RangeError(
    `beatIntervalMs: expected 0 or a whole number from ${LEAST_BEAT_MS} to ${LONGEST_BEAT_MS}, got ${received(ms)}`,
  );
}

function lostFinalMs(ms: number = DEFAULT_LOST_FINAL_MS): number {
  if (Number.isSafeInteger(ms) && ms >= 0) return ms;
  throw new RangeError(`lostFinalMs: expected a whole number of at least 0, got ${received(ms)}`);
}

function numberOf(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name]?.trim();
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isNaN(value)) throw new TypeError(`${name}: expected a number, got ${received(text)}`);
  return value;
}

function booleanOf(env: NodeJS.ProcessEnv, name: string): boolean | undefined {
  const text = env[name]?.trim().toLowerCase();
  if (!text) return undefined;
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new TypeError(`${name}: expected true or false, got ${received(text)}`);
}

function listOf(env: NodeJS.ProcessEnv, name: string): string[] | undefined {
  const items = env[name]?.split(',').map((item) => item.trim()).filter((item) => item !== '');
  return items === undefined || items.length === 0 ? undefined : items;
}
