import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { capture } from '../src/capture.ts';
import type { TaskProcessor } from '../src/capture.ts';
import { print, report, warnings } from '../src/report.ts';
import { shared } from '../src/shared.ts';
import { liveTasks, worker } from '../src/worker.ts';
import { within } from './async.ts';
import { RingSpanProcessor } from './capture/ring-span-processor.ts';
import { reportLost, RingWriter } from './capture/ring-writer.ts';
import { exporterTo } from './export/export-processor.ts';
import { lostTraceSender } from './export/lost-traces.ts';
import { resourceOf } from './export/provider.ts';
import { startSpanPipeline } from './export/span-pipeline.ts';
import { variableText } from './options/read.ts';
import { INSIDE_COLLECTOR } from './runtime/collector-thread.ts';
import type { CollectorFailure } from './runtime/collector.ts';
import { sinkSettings, spanHeaders } from './runtime/destination.ts';
import { FLUSH_MS, startProcessCollector } from './runtime/process-collector.ts';
import { watchProcessExit } from './runtime/process-exit.ts';
import { sqlite } from './store/sqlite/file.ts';
import { unavailableStore } from './store/store-at.ts';
import type { TaskStoreErrorCode, TaskStore } from './store/task-store.ts';
import { resolveOptions } from './taskspan-options.ts';
import type { ResolvedOptions, TaskspanOptions } from './taskspan-options.ts';

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

/** Makes the handle at once, so that a second call finds it; `ready` resolves when the rest is known. */
function start(options: ResolvedOptions): { handle: Taskspan; ready: Promise<void> } {
  const { store, sending, exports, endpoint, serve, serviceName, retention, beatIntervalMs, lostFinalMs, handleSignals } = options;
  const failures: Error[] = [];
  const ring = new RingWriter({ limitBytes: options.bufferBytes });
  ring.onFull = () =>
    report(`${sending === undefined ? 'the store' : 'the endpoint'} has been unreachable for too long: facts are being dropped`);
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
    destination: sending === undefined ? store : sinkSettings(sending, resourceOf(serviceName).attributes, beatIntervalMs),
    serve,
    retention,
    beatIntervalMs,
    lostFinalMs,
    sendLostTraces: lostTraces && lostTraceSender({ exporter: lostTraces, resource: resourceOf(serviceName) }),
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
    withFacts: sending && { headers: spanHeaders(sending), mark: () => ring.mark() },
    onUnused: (error) => failures.push(error),
  });

  let url: string | undefined;
  let hears = false;
  const listen = (): void => {
    hears = true;
    worker.listeners++;
  };
  // Whether requests to a server can be heard has to be found out; until then task spans do not promise it.
  if (sending === undefined) listen();
  const ready = collector.ready.then((found) => {
    url = found.url;
    failures.push(...found.failures.map(errorOf));
    if (found.failures.some(({ component, code }) => component === 'store' && UNUSABLE.has(code))) ring.close();
    if (sending !== undefined && found.hears && closed === undefined) listen();
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
    if (hears) worker.listeners--;
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
