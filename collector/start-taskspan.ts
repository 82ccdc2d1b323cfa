import type { SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { capture } from '../src/capture.ts';
import type { TaskProcessor } from '../src/capture.ts';
import { describeFailure } from '../src/failure.ts';
import { report, warnings, print } from '../src/report.ts';
import { shared } from '../src/shared.ts';
import { liveTasks, worker } from '../src/worker.ts';
import { within } from './async.ts';
import { reportLost } from './capture/lost-facts.ts';
import { RingSpanProcessor } from './capture/ring-span-processor.ts';
import { RingWriter } from './capture/ring-writer.ts';
import { hasLiveTasks } from './capture/segment.ts';
import { textOf } from './environment.ts';
import { ExportProcessor, exporterTo } from './export/export-processor.ts';
import { lostTraceSender } from './export/lost-traces.ts';
import { registerProvider, resourceOf } from './export/provider.ts';
import { startCollectorHere } from './runtime/collector-here.ts';
import { CollectorThread, INSIDE_COLLECTOR } from './runtime/collector-thread.ts';
import type { CollectorOptions } from './runtime/collector.ts';
import { destinationAt } from './runtime/destination.ts';
import type { Destination } from './runtime/destination.ts';
import { startSendingLostTraces } from './runtime/duties.ts';
import type { CollectorFailure } from './runtime/messages.ts';
import { watchEndings } from './runtime/process-exit.ts';
import { sinkSettings, spanHeaders } from './runtime/sending.ts';
import { markListened } from './store/heartbeat.ts';
import type { HeartbeatSettings } from './store/heartbeat.ts';
import { sqlite } from './store/sqlite-file.ts';
import { redacted, storeAt, unavailableStore } from './store/store-at.ts';
import type { TaskStoreErrorCode } from './store/task-store-error.ts';
import { isSqliteStore } from './store/task-store.ts';
import type { TaskStore } from './store/task-store.ts';
import { resolveOptions } from './taskspan-options.ts';
import type { ResolvedOptions, TaskspanOptions } from './taskspan-options.ts';

/** What {@link startTaskspan} gives: a running collector and what belongs to it. */
export interface Taskspan extends AsyncDisposable {
  /** The span processor. A provider needs it only for spans of other code that follows the contract. */
  readonly processor: SpanProcessor;
  /** The store, for `createTasksApp` in an application of one's own. In this thread: a second connection to read with. */
  readonly store: TaskStore;
  /** Where records are served, such as `http://127.0.0.1:4320`; `undefined` if they are not. */
  readonly url: string | undefined;
  /** What does not work, one error each; empty if all is well. Task code runs all the same. */
  readonly failures: readonly Error[];
  /** Waits until all that was said is committed and sent, for at most two seconds each. */
  flush(): Promise<void>;
  /** Flushes, then ends server, collector and provider. Never rejects. Without effect the second time. */
  close(): Promise<void>;
}

const FLUSH_MS = 2000;

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
 * @throws TypeError or RangeError for options that can't be meant.
 */
export async function startTaskspan(options: TaskspanOptions = {}): Promise<Taskspan> {
  const resolved = resolveOptions(options);
  if (textOf(process.env, INSIDE_COLLECTOR) !== undefined) return inert();
  warnOnStandardError();
  try {
    sqlite();
  } catch (error) {
    report((error as Error).message);
    return inert([error as Error]);
  }
  if (collecting.running !== undefined) {
    report('a collector runs in this process already: this second start changes nothing');
    const { handle, ready } = collecting.running;
    await ready;
    return handleTo(handle);
  }
  const ring = new RingWriter({ limitBytes: resolved.bufferBytes });
  const away = resolved.sending === undefined ? 'the store' : 'the endpoint';
  ring.onGivenUp = () => report(`${away} has been away for too long: facts are being given up`);
  const started = start(resolved, ring);
  collecting.running = started;
  await started.ready;
  for (const { message } of started.handle.failures) report(message);
  return started.handle;
}

/** Makes the handle at once, so that a second call finds it; `ready` resolves when the rest is known. */
function start(options: ResolvedOptions, ring: RingWriter): { handle: Taskspan; ready: Promise<void> } {
  const failures: Error[] = [];
  const spans = new RingSpanProcessor(ring);
  capture.always.add(spans);
  capture.everStarted = true;
  const { sending } = options;
  let exporter: ExportProcessor | undefined;
  let url: string | undefined;
  // Before the collector: what is open has to be ended before the last facts are waited for.
  const flushSpans = async (): Promise<void> => exporter?.flushAtEnd();
  const endings = watchEndings({
    flushSpans,
    ...(options.handleSignals && {
      finish: async () => {
        await Promise.all([collector.flush(FLUSH_MS), flushSpans()]);
        reportLost(ring);
      },
    }),
  });
  const collector = startAnyCollector(options, ring, () => spans.startAgain());
  let hears = false;
  const listen = (): void => {
    hears = true;
    worker.listeners++;
  };
  // Whether somebody elsewhere can be heard has to be found out; until then task spans do not promise it.
  if (sending === undefined) listen();
  const { exports, endpoint, serve, serviceName } = options;
  const lostTraces = exports && serve !== undefined ? exporterTo(endpoint) : undefined;
  const sendingLost =
    lostTraces &&
    startSendingLostTraces({
      store: collector.store,
      send: lostTraceSender({ exporter: lostTraces, resource: resourceOf(serviceName) }),
      report,
    });
  const ready = collector.ready.then((told) => {
    url = told.url;
    failures.push(...told.failures.map(errorOf));
    if (sending !== undefined && told.hears && closed === undefined) listen();
  });
  const processor: SpanProcessor = {
    onStart: (span) => spans.onStart(span),
    onEnd: (span) => spans.onEnd(span),
    forceFlush: async () => void (await collector.flush(FLUSH_MS)),
    shutdown: async () => void (await collector.flush(FLUSH_MS)),
  };
  const unused = unusedOptions(options);
  const notUsed = (): void => {
    if (unused === undefined) return;
    failures.push(unused);
    report(unused.message);
  };
  if (options.registerProvider === false && unused !== undefined) failures.push(unused);
  const unregister =
    options.registerProvider === false
      ? () => undefined
      : registerProvider({
          ...options,
          registerProvider: options.registerProvider,
          spanProcessors: () => {
            if (options.exports) {
              const sent = sending && { headers: spanHeaders(sending), mark: () => ring.mark() };
              exporter = new ExportProcessor({ endpoint: options.endpoint, ...sent });
            }
            return [processor, ...(exporter ? [exporter] : []), ...options.spanProcessors];
          },
          onForeign: notUsed,
        });
  const further = async (how: 'forceFlush' | 'shutdown'): Promise<void> => {
    const all = options.spanProcessors.map(async (each) => each[how]());
    await within(FLUSH_MS, Promise.all(all).catch((error: unknown) => report(`a span processor of spanProcessors failed in ${how}()`, error)));
  };
  const flush = async (): Promise<void> => {
    await Promise.all([collector.flush(FLUSH_MS), exporter?.forceFlush(), further('forceFlush')]);
  };
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await ready;
    await Promise.all([collector.flush(FLUSH_MS), exporter?.shutdown(), further('shutdown')]);
    endings.stop();
    reportOpen(spans);
    capture.always.delete(spans);
    unregister();
    ring.close();
    if (hears) worker.listeners--;
    if (lostTraces && sendingLost) await within(FLUSH_MS, Promise.all([lostTraces.shutdown(), sendingLost.stop()]));
    await collector.close();
    reportLost(ring);
    if (collecting.running?.handle === handle) collecting.running = undefined;
  };
  const handle: Taskspan = {
    processor,
    store: collector.store,
    get url() {
      return url;
    },
    failures,
    flush,
    close: () => (closed ??= close()),
    [Symbol.asyncDispose]: () => handle.close(),
  };
  return { handle, ready };
}

/** Why a store is not tried again. */
const UNUSABLE: ReadonlySet<string | undefined> = new Set<TaskStoreErrorCode>(['FOREIGN', 'CORRUPT', 'NEWER_SCHEMA']);

/** A collector wherever it runs. */
interface AnyCollector {
  ready: Promise<{ url: string | undefined; failures: readonly CollectorFailure[]; hears: boolean }>;
  store: TaskStore;
  flush(limitMs: number): Promise<unknown>;
  close(): Promise<void>;
}

function startAnyCollector(options: ResolvedOptions, ring: RingWriter, onReplaced: () => void): AnyCollector {
  const { store, sending, serve, retention, beatIntervalMs, lostFinalMs } = options;
  const heartbeat: HeartbeatSettings | undefined =
    beatIntervalMs === 0 ? undefined : { workerId: worker.id, intervalMs: beatIntervalMs, lostFinalMs };
  if (sending === undefined && typeof store === 'object') {
    report('a store given as an object keeps the collector in the task\'s own thread');
    if (heartbeat !== undefined) markListened(store);
    if (isSqliteStore(store)) store.onReplaced(onReplaced);
    return here(ring, { store }, store, serve, heartbeat, retention);
  }
  // From now on task spans promise it. In the task's own thread it could not be kept while task code blocks.
  worker.intervalMs = beatIntervalMs;
  const location = sending === undefined ? (store as string) : sinkSettings(sending, options);
  const thread = new CollectorThread(ring, location, serve, heartbeat, retention);
  thread.onReplaced = onReplaced;
  let instead: AnyCollector | undefined;
  let destination: Destination | undefined;
  // Only where it is written too: else it is the thread that knows.
  const reading =
    sending === undefined
      ? storeAt(store as string)
      : unavailableStore(`records are not kept in this process: they are served at ${redacted(sending.serverUrl)}`);
  if (isSqliteStore(reading)) reading.onReplaced(() => instead && onReplaced());
  if (heartbeat !== undefined) markListened(reading);
  const ready = thread.ready.then(async ({ noThread, ...told }) => {
    if (noThread === undefined) {
      if (told.failures.some(({ part, code }) => part === 'store' && UNUSABLE.has(code))) ring.close();
      return told;
    }
    worker.intervalMs = 0;
    await thread.close();
    // Here an open question for cancellations would hold the process.
    const elsewhere = { hasLiveTasks: () => hasLiveTasks(ring.control), waitSeconds: 0, report };
    destination = typeof location === 'string' ? undefined : destinationAt(location, elsewhere);
    const collected = destination?.collected ?? { store: reading };
    instead = here(ring, collected, reading, serve, heartbeat, retention);
    const started = await instead.ready;
    return { ...started, failures: [threadFailure(noThread), ...started.failures] };
  });
  return {
    ready,
    store: reading,
    flush: (limitMs) => (instead ?? thread).flush(limitMs),
    async close() {
      worker.intervalMs = 0;
      destination?.breakOff();
      await (instead ?? thread).close();
      await reading.close();
    },
  };
}

function threadFailure(cause: unknown): CollectorFailure {
  const { name, message } = describeFailure(cause);
  return {
    part: 'thread',
    message:
      `no collector thread could be started: ${message || name}. The collector runs in the task's own thread, where a task ` +
      'that blocks the event loop delays it. Allow worker threads; docs/bundling.md of the package has the cases',
    code: 'NO_THREAD',
  };
}

function here(
  ring: RingWriter,
  collected: Pick<CollectorOptions, 'store' | 'unheard'>,
  store: TaskStore,
  serve: ResolvedOptions['serve'],
  heartbeat: HeartbeatSettings | undefined,
  retention: ResolvedOptions['retention'],
): AnyCollector {
  const starting = startCollectorHere(ring, collected, serve, heartbeat, retention);
  return {
    ready: starting,
    store,
    flush: (limitMs) => within(limitMs, starting.then(({ committer }) => committer.drain(limitMs))),
    close: async () => void (await within(FLUSH_MS, starting.then((collector) => collector.close()))),
  };
}

/** The options for spans that have no effect where another provider makes them; `undefined` if none was given. */
function unusedOptions({ sending, endpoint, sampler, spanProcessors }: ResolvedOptions): Error | undefined {
  const given = { endpoint: sending === undefined ? endpoint : undefined, sampler, spanProcessors: spanProcessors[0] };
  const names = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (names.length === 0) return undefined;
  return new Error(`spans are made by another OpenTelemetry provider than taskspan's: not used for them: ${names.join(', ')}`);
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

/** A handle to a collector that somebody else closes. */
function handleTo(taskspan: Taskspan): Taskspan {
  return {
    processor: taskspan.processor,
    store: taskspan.store,
    get url() {
      return taskspan.url;
    },
    failures: taskspan.failures,
    flush: () => taskspan.flush(),
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** A handle to nothing: for a preload in the collector's own thread, and where no collector can run. */
function inert(failures: readonly Error[] = []): Taskspan {
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
