import { describeFailure } from '../../src/failure.ts';
import { reportOnce } from '../../src/report.ts';
import { OutageReporter, within } from '../async.ts';
import type { Repeated } from '../async.ts';
import { OPTIONS } from '../options/table.ts';
import type { ReceiverLimits } from '../otlp/receive/request-body.ts';
import type { LostTrace } from '../record/lost-trace.ts';
import { accessRules } from '../server/access.ts';
import type { AccessOptions } from '../server/access.ts';
import type { StreamOptions } from '../server/live/event-stream.ts';
import type { CollectorMetrics } from '../server/metrics.ts';
import { serveTasks } from '../server/serve-tasks.ts';
import type { TasksServer } from '../server/serve-tasks.ts';
import { createTasksApp } from '../server/tasks-app.ts';
import { Committer } from '../store/committer.ts';
import type { FactSource } from '../store/committer.ts';
import { Heartbeat } from '../store/heartbeat.ts';
import type { HeartbeatOptions } from '../store/heartbeat.ts';
import { isTaskStore } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import type { FactDestination } from './fact-destination.ts';
import { startSendingLostTraces, watchCancellations } from './duties.ts';
import type { CancellationOptions, CancellationWatch } from './duties.ts';
import { startUpkeep } from './store-upkeep.ts';
import type { UpkeepLimits } from './store-upkeep.ts';

/** What a collector is made of, in its own thread and in the task's thread alike. */
export interface CollectorOptions extends Omit<CancellationOptions, 'store'> {
  /** Where the facts of this process wait: the reading end of its ring. */
  source: FactSource;
  /** Resolves when facts have come. */
  sleep: () => Promise<void>;
  /** Where the facts go. Only a {@link TaskStore} can be served, and has old tasks deleted. */
  store: FactDestination;
  /** Whether the collector closes the store at its own end. */
  closesStore: boolean;
  /** How it sends heartbeats and listens to other workers; not at all if absent. */
  heartbeat: Omit<HeartbeatOptions, 'store' | 'report'> | undefined;
  /** When the tasks of the store end and are deleted. */
  upkeep: UpkeepLimits;
  /** Where records are served; nowhere if absent. */
  serve?: ServeOptions | undefined;
  /** Sends the open spans of lost tasks to a tracing backend; absent where there is none. */
  sendLostTraces?: ((traces: readonly LostTrace[]) => Promise<void>) | undefined;
}

/** Where and for whom a collector serves its tasks. */
export interface ServeOptions extends Pick<AccessOptions, 'token' | 'allowedHosts' | 'allowedOrigins'> {
  /** 0 takes a free one. Default 4320. */
  port?: number;
  /** A loopback address; with a `token`, or where access is guarded, any. Default `127.0.0.1`. */
  host?: string;
  /** What is in front of the server. */
  access?: ProxyOptions;
  /**
   * Whether OTLP/HTTP is received at `/v1/traces` and `/v1/logs`, and how much at a time. Default `false`;
   * `taskspan serve` receives it.
   */
  receive?: boolean | ReceiverLimits;
  /** How live streams behave; the defaults suit. */
  streams?: StreamOptions;
  /** Where the trace of a task is shown: a URL with `{trace_id}` in it. Default: pages have no link to a trace. */
  traceUrl?: string;
  /** Origins whose pages may show a task in a frame, by `?embed=1`. Default: none. */
  frameAncestors?: readonly string[];
  /** Whether `/` leads to the list of tasks. Default `true`. */
  index?: boolean;
}

/** What is in front of the server: `trustProxy` and `guarded`, both `false` by default. */
export type ProxyOptions = Pick<AccessOptions, 'trustProxy' | 'guarded'>;

/** What a collector has found once it has tried its store and its port. */
export interface CollectorReady {
  /** Where it serves; `undefined` if it does not. */
  url: string | undefined;
  failures: readonly CollectorFailure[];
  /** Whether the collector receives requests to cancel. */
  receivesCancellations: boolean;
}

/** Why a component of the collector does not work. */
export interface CollectorFailure {
  component: 'store' | 'server' | 'thread';
  /** One line. */
  message: string;
  code: string | undefined;
}

/** How long the start waits for the store to answer whether it can be written. */
const PROBE_MS = 5000;

/**
 * Connects the tasks of a process with their store until it is closed: it commits facts, sends
 * heartbeats, receives cancellations, does the store's duties and serves records. What does not work is in
 * {@link CollectorReady.failures}, and tried again where that can help.
 */
export class Collector {
  readonly #options: CollectorOptions;
  readonly #committer: Committer;
  readonly #cancellations: CancellationWatch;
  readonly #heartbeat: Heartbeat | undefined;
  #duties: readonly Repeated[] = [];
  #server: TasksServer | undefined;
  /** Resolves when it has tried its store and its port. Never rejects. */
  readonly ready: Promise<CollectorReady>;

  constructor(options: CollectorOptions) {
    const { source, sleep, store, heartbeat, report } = options;
    this.#options = options;
    this.#heartbeat = heartbeat && new Heartbeat({ ...heartbeat, store, report });
    this.#cancellations = watchCancellations(options);
    const outage = new OutageReporter({
      begins: 'facts could not be committed, trying again',
      ends: 'facts are being committed again',
      report,
    });
    this.#committer = new Committer({
      source,
      store,
      // Before it sleeps it has committed what woke it: a task may have begun.
      sleep: () => {
        this.#cancellations.wake();
        return sleep();
      },
      onFailure: (error) => outage.failed(error),
      onRecovery: () => outage.succeeded(),
      onRefused: ({ span }, { message, cause }) => {
        // A task without room refuses each of its facts: they may be many.
        if (cause === undefined) reportOnce(message, `facts are dropped: ${message}`);
        else report(`a fact of task ${span.taskUuid} was dropped, the store can't take it: ${message}`);
      },
    });
    this.ready = this.#start();
  }

  /** Commits all that waits. Resolves when that is done, or this time is over. */
  async drain(limitMs: number): Promise<void> {
    await within(limitMs, this.#committer.drain(limitMs));
  }

  /** Commits all that waits before it returns, as at the exit of the process, where the store can do so. */
  drainNow(): void {
    this.#committer.drainNow();
  }

  /** Task code has received the request to cancel of this number. */
  heard(number: number): void {
    this.#cancellations.heard(number);
  }

  /** Ends it. What has not been committed stays where it waits. */
  async close(): Promise<void> {
    const { store, closesStore } = this.#options;
    this.#committer.stop();
    // What is sent may wait for its answer for long: it is broken off.
    if (!isTaskStore(store)) await store.close();
    await this.ready;
    this.#cancellations.stop();
    await Promise.all([this.#heartbeat?.stop(), ...this.#duties.map((duty) => duty.stop())]);
    await this.#server?.close();
    if (closesStore && isTaskStore(store)) await store.close();
  }

  async #start(): Promise<CollectorReady> {
    const { source, store, serve, upkeep, sendLostTraces, report } = this.#options;
    const asked = store.cancellationProblem?.();
    const served = serve !== undefined && isTaskStore(store) ? store : undefined;
    // Loaded only where it is needed.
    const metrics = served && (await import('../server/metrics.ts')).collectorMetrics(source, served);
    this.#committer.observer = metrics?.commits;
    if (metrics !== undefined) this.#duties = [metrics.eventLoop];
    void this.#committer.run();
    this.#cancellations.wake();
    void this.#heartbeat?.start();
    if (isTaskStore(store)) {
      this.#duties = [
        ...this.#duties,
        startUpkeep({ ...upkeep, store, report }),
        ...(sendLostTraces ? [startSendingLostTraces({ store, send: sendLostTraces, report })] : []),
      ];
    }
    const [storeFailure, serverFailure, cancellationProblem] = await Promise.all([
      failureOf('store', () => this.#probe()),
      failureOf('server', async () => {
        if (serve !== undefined && served !== undefined) await this.#serve(serve, served, metrics);
      }),
      asked,
    ]);
    if (cancellationProblem !== undefined) report(`requests to cancel tasks are not received: ${cancellationProblem}`);
    return {
      url: this.#server?.url,
      failures: [storeFailure, serverFailure].filter((failure) => failure !== undefined),
      receivesCancellations: cancellationProblem === undefined,
    };
  }

  /** Finds out whether the store can be written. */
  async #probe(): Promise<void> {
    const probe = this.#options.store.append([]);
    if (!(await within(PROBE_MS, probe))) throw new Error('the store does not answer');
    await probe;
  }

  async #serve(serve: ServeOptions, store: TaskStore, metrics: CollectorMetrics | undefined): Promise<void> {
    const { port = OPTIONS['serve.port'].default, host, receive, streams, access: proxy, traceUrl, frameAncestors, index = true, ...names } = serve;
    const access: AccessOptions = { ...names, ...proxy };
    const listen = this.#heartbeat === undefined;
    const pages = { index, ...(traceUrl !== undefined && { traceUrl }), ...(frameAncestors && { frameAncestors }) };
    const app = createTasksApp({ store, access, listen, ...pages, ...(streams && { streams }), ...(metrics && { metrics }) });
    if (receive !== undefined && receive !== false) {
      // Loaded only where it is needed.
      const { createReceiver } = await import('../otlp/receive/receiver.ts');
      const refusal = accessRules(access).rules.change.refusal;
      app.route('/', createReceiver({ store, refusal, ...(metrics && { observer: metrics.received }), ...(receive !== true && receive) }));
    }
    const isProtected = access.token !== undefined || access.guarded === true;
    this.#server = await serveTasks({ app, port, isProtected, ...(host !== undefined && { host }) });
    // The thread of the collector is not waited for; in the task's thread the server must not be either.
    this.#server.unref();
  }
}

async function failureOf(component: CollectorFailure['component'], work: () => Promise<void>): Promise<CollectorFailure | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    return { component, message: describeFailure(error).message, code: typeof code === 'string' ? code : undefined };
  }
}
