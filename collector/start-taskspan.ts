import { hostname } from 'node:os';
import type { Sampler, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { checkKeys } from '../src/arguments.ts';
import { capture } from '../src/capture.ts';
import type { TaskProcessor } from '../src/capture.ts';
import { serviceNameIn } from '../src/conventions.ts';
import { received } from '../src/failure.ts';
import { print, report, warnings } from '../src/report.ts';
import { shared } from '../src/shared-between-copies.ts';
import { liveTasks, worker } from '../src/worker.ts';
import { FLUSH_MS, within } from './async.ts';
import { RingSpanProcessor } from './capture/ring-span-processor.ts';
import { reportLost, RingWriter } from './capture/ring-writer.ts';
import { endpointFault, exportsByEnv, protocolFault } from './export/environment.ts';
import { exporterTo } from './export/export-processor.ts';
import { lostTraceSender } from './export/lost-traces.ts';
import { resourceOf } from './export/provider.ts';
import { startSpanPipeline } from './export/span-pipeline.ts';
import { groupValues, membersOf, optionValue, valueSource, variableText } from './options/read.ts';
import { resolveLimits } from './otlp/receive/request-body.ts';
import { INSIDE_COLLECTOR } from './runtime/collector-thread.ts';
import type { CollectorFailure, ServeOptions } from './runtime/collector.ts';
import { sinkSettings, spanHeaders } from './runtime/fact-destination.ts';
import type { SendingOptions } from './runtime/fact-destination.ts';
import { startProcessCollector } from './runtime/process-collector.ts';
import { watchProcessExit } from './runtime/process-exit.ts';
import { resourceJson } from './store/heartbeat.ts';
import { resolveRetention } from './store/retention.ts';
import type { RetentionOptions } from './store/retention.ts';
import { sqlite } from './store/sqlite/open-file.ts';
import { fixedLocation, unavailableStore } from './store/store-at.ts';
import { isTaskStore } from './store/task-store.ts';
import type { TaskStore, TaskStoreErrorCode } from './store/task-store.ts';

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
   * After how many milliseconds without a fact a task that promises no heartbeats is lost for good; 0 never.
   * `TASKSPAN_QUIET_FINAL_MS`. Default 86,400,000, a day.
   */
  quietFinalMs?: number;
  /**
   * After how many milliseconds a queued task without an attempt has expired; 0 never. An announcement may have its own.
   * `TASKSPAN_QUEUED_FINAL_MS`. Default 604,800,000, seven days.
   */
  queuedFinalMs?: number;
  /**
   * How many ended tasks are kept, and how long; `false` keeps all without limit, as `{ days: 0, count: 0 }` does.
   * `TASKSPAN_RETENTION_DAYS` and `TASKSPAN_RETENTION_COUNT`. Default: 30 days, and the latest 100,000.
   */
  retention?: RetentionOptions | false;
}

/** What {@link startTaskspan} gives: a running collector and what belongs to it. */
export interface Taskspan extends AsyncDisposable {
  /** The span processor. A provider needs it only for spans of other code that follows the contract. */
  readonly processor: SpanProcessor;
  /** The store of the collector, for `createTasksApp` in an application. It is closed by {@link close}. */
  readonly store: TaskStore;
  /** Where records are served, such as `http://127.0.0.1:4320`; `undefined` if they are not. */
  readonly url: string | undefined;
  /** What does not work, one error each; empty if all is well. Task code runs all the same. */
  readonly failures: readonly Error[];
  /** Waits until all that was reported is committed and sent, for at most two seconds each. */
  flush(): Promise<void>;
  /** Flushes, then ends server, collector and provider. Never rejects. Without effect the second time. */
  close(): Promise<void>;
}

/** The one collector of this process, while it runs: of all copies of this package that were loaded. */
const collecting: { running: { handle: Taskspan; ready: Promise<void> } | undefined } = shared('collecting', () => ({
  running: undefined,
}));

/**
 * Starts the collector of this process in one call: it takes every task, in a thread beside the task, and with `serve`
 * it serves them. Where the application registers no OpenTelemetry provider, one is registered, with an exporter if an
 * endpoint is given.
 *
 * What does not work (a taken port, a database that can't be opened) is reported in `failures` and printed; task code
 * runs all the same. A second call gives a handle to the same collector whose `close()` does nothing.
 *
 * With `OTEL_SDK_DISABLED=true` there are no spans; tasks are recorded all the same.
 *
 * @throws TypeError or RangeError for invalid options.
 */
export async function startTaskspan(options: TaskspanOptions = {}): Promise<Taskspan> {
  const resolved = resolveOptions(options);
  if (variableText(process.env, INSIDE_COLLECTOR) !== undefined) return inertHandle();
  warnOnStandardError();
  try {
    sqlite();
  } catch (error) {
    report((error as Error).message);
    return inertHandle([error as Error]);
  }
  if (collecting.running !== undefined) {
    report('a collector runs in this process already: this second start changes nothing');
    const { handle, ready } = collecting.running;
    await ready;
    return secondHandle(handle);
  }
  const started = start(resolved);
  collecting.running = started;
  await started.ready;
  for (const { message } of started.handle.failures) report(message);
  return started.handle;
}

/** Why a store is not tried again. */
const UNUSABLE: ReadonlySet<string | undefined> = new Set<TaskStoreErrorCode>(['FOREIGN', 'CORRUPT', 'NEWER_SCHEMA']);

/** The longest interval between heartbeats that are sent: that of a receiver. */
const LONGEST_SENT_INTERVAL_MS = 60_000;

/** Makes the handle at once, so that a second call finds it; `ready` resolves when the rest is known. */
function start(options: ResolvedOptions): { handle: Taskspan; ready: Promise<void> } {
  const { store, sending, exports, endpoint, serve, serviceName, lostFinalMs, handleSignals } = options;
  // A server lets no worker be silent for longer.
  const beatIntervalMs = sending === undefined ? options.beatIntervalMs : Math.min(options.beatIntervalMs, LONGEST_SENT_INTERVAL_MS);
  const { retention, quietFinalMs, queuedFinalMs } = options;
  const failures: Error[] = [];
  const faults = exports ? [protocolFault(), endpoint === undefined ? endpointFault() : undefined] : [];
  for (const fault of faults) if (fault !== undefined) failures.push(new Error(fault));
  const ring = new RingWriter({ limitBytes: options.bufferBytes });
  ring.onFull = () =>
    report(`${sending === undefined ? 'the store' : 'the endpoint'} has been unreachable for too long: facts are being dropped`);
  const resource = resourceOf(serviceName);
  worker.serviceName = serviceNameIn(resource.attributes);
  const processor = new RingSpanProcessor(ring);
  capture.always.add(processor);
  capture.everStarted = true;

  // Before the collector: what is open has to be ended before the last facts are committed.
  const flushSpans = (): Promise<void> => spans.flushAtEnd();
  const finish = async (): Promise<void> => {
    await Promise.all([collector.flush(FLUSH_MS), flushSpans()]);
    reportLost(ring);
  };
  const exit = watchProcessExit({ flushSpans, ...(handleSignals && { finish }) });

  const lostTraces = exports && serve !== undefined ? exporterTo(endpoint) : undefined;
  const collector = startProcessCollector({
    ring,
    destination: sending === undefined ? store : sinkSettings(sending, resource.attributes, beatIntervalMs),
    serve,
    upkeep: { retention, quietFinalMs, queuedFinalMs },
    beatIntervalMs,
    lostFinalMs,
    resource: resourceJson({ ...resource.attributes, 'host.name': hostname(), 'process.pid': process.pid }),
    sendLostTraces: lostTraces && lostTraceSender({ exporter: lostTraces }),
    onReplaced: () => processor.startAgain(),
  });
  const flushFacts = async (): Promise<void> => void (await collector.flush(FLUSH_MS));
  const handleProcessor: SpanProcessor = {
    onStart: (span) => processor.onStart(span),
    onEnd: (span) => processor.onEnd(span),
    forceFlush: flushFacts,
    shutdown: flushFacts,
  };
  const spans = startSpanPipeline({
    ...options,
    processor: handleProcessor,
    sendsLostTraces: lostTraces !== undefined,
    withFacts: sending && { headers: spanHeaders(sending), mark: () => ring.mark() },
    onUnused: (error) => failures.push(error),
  });

  let url: string | undefined;
  let receivesCancellations = false;
  const listen = (): void => {
    receivesCancellations = true;
    worker.cancelReceivers++;
  };
  // Whether requests to a server can be heard has to be found out; until then task spans do not promise it.
  if (sending === undefined) listen();
  const ready = collector.ready.then((found) => {
    url = found.url;
    failures.push(...found.failures.map(errorOf));
    if (found.failures.some(({ component, code }) => component === 'store' && UNUSABLE.has(code))) ring.close();
    if (sending !== undefined && found.receivesCancellations && closed === undefined) listen();
  });

  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await ready;
    await Promise.all([flushFacts(), spans.shutdown()]);
    exit.stop();
    reportOpen(processor);
    capture.always.delete(processor);
    spans.unregister();
    ring.close();
    if (receivesCancellations) worker.cancelReceivers--;
    await collector.close();
    if (lostTraces !== undefined) await within(FLUSH_MS, lostTraces.shutdown());
    reportLost(ring);
    if (collecting.running?.handle === handle) collecting.running = undefined;
  };
  const handle: Taskspan = {
    processor: handleProcessor,
    get store() {
      return collector.store;
    },
    get url() {
      return url;
    },
    failures,
    async flush() {
      await Promise.all([flushFacts(), spans.flush()]);
    },
    close: () => (closed ??= close()),
    [Symbol.asyncDispose]: () => handle.close(),
  };
  return { handle, ready };
}

/** A task that goes on after the end of its collector stays `running` in its record: mostly an `await` was forgotten. */
function reportOpen(processor: TaskProcessor): void {
  const open = [...liveTasks].filter(({ processors }) => processors.includes(processor)).length;
  if (open > 0) report(`${open} ${open === 1 ? 'task is' : 'tasks are'} still open at close(): what is reported from now on is not recorded`);
}

/** Prints warnings where the application has set no logger for OpenTelemetry's `diag`. `OTEL_LOG_LEVEL=none` keeps it silent. */
function warnOnStandardError(): void {
  if (process.env['OTEL_LOG_LEVEL']?.trim().toLowerCase() === 'none') return;
  warnings.write ??= (line) => print('stderr', `${line}\n`);
}

function errorOf({ message, code }: CollectorFailure): Error {
  return code === undefined ? new Error(message) : Object.assign(new Error(message), { code });
}

/** A handle to a collector that another handle closes. */
function secondHandle(first: Taskspan): Taskspan {
  return {
    processor: first.processor,
    store: first.store,
    get url() {
      return first.url;
    },
    failures: first.failures,
    flush: () => first.flush(),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A handle to nothing: for a preload in the collector's own thread, and where no collector can run. */
function inertHandle(failures: readonly Error[] = []): Taskspan {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    processor: { onStart: () => undefined, onEnd: () => undefined, forceFlush: nothing, shutdown: nothing },
    store: unavailableStore('no collector runs in this process'),
    url: undefined,
    failures,
    flush: nothing,
    close: nothing,
    [Symbol.asyncDispose]: nothing,
  };
}

/** The options, checked, with those of the environment and the defaults. */
interface ResolvedOptions extends Required<Pick<TaskspanOptions, OptionsAsGiven>> {
  serve: ServeOptions | undefined;
  endpoint: string | undefined;
  /** Where facts are sent instead of being kept here. */
  sending: SendingOptions | undefined;
  /** Whether spans are sent at all. */
  exports: boolean;
  serviceName: string | undefined;
  sampler: Sampler | undefined;
  retention: RetentionOptions;
}

type OptionsAsGiven =
  | 'store'
  | 'spanProcessors'
  | 'registerProvider'
  | 'bufferBytes'
  | 'handleSignals'
  | 'beatIntervalMs'
  | 'lostFinalMs'
  | 'quietFinalMs'
  | 'queuedFinalMs';

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
    quietFinalMs: optionValue('quietFinalMs', options.quietFinalMs, { env }),
    queuedFinalMs: optionValue('queuedFinalMs', options.queuedFinalMs, { env }),
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
  const isPortSet = valueSource('serve.port', undefined, { env }) !== undefined;
  const given = optionValue('serve', serve === undefined ? isPortSet : serve);
  if (given === false) return undefined;
  const { token, traceUrl, access, receive, streams, ...rest } = groupValues('serve', given === true ? {} : given, { env });
  return {
    ...rest,
    ...(token !== undefined && { token }),
    ...(traceUrl !== undefined && { traceUrl }),
    access: groupValues('serve.access', access, { env }),
    receive: receive === false ? false : resolveLimits(receive === true ? {} : receive, { env }),
    streams: groupValues('serve.streams', streams, { env }),
  };
}
