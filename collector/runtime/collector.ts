import { describeFailure } from '../../src/failure.ts';
import { within } from '../async.ts';
import { accessRules } from '../server/access.ts';
import type { CollectorMetrics } from '../server/metrics.ts';
import type { ServeOptions } from '../server/serve-options.ts';
import { serveTasks } from '../server/serve-tasks.ts';
import type { TasksServer } from '../server/serve-tasks.ts';
import { createTasksApp } from '../server/tasks-app.ts';
import type { Committer } from '../store/committer.ts';
import { isTaskStore } from '../store/task-store.ts';
import type { TaskStore } from '../store/task-store.ts';
import { startCollecting } from './collecting.ts';
import type { CollectingOptions, FactDestination } from './collecting.ts';
import type { CollectorFailure } from './messages.ts';

/** What a collector is made of; the same in a thread of its own and in the task's. */
export interface CollectorOptions extends Omit<CollectingOptions, 'observer'> {
  /** Only of a {@link TaskStore} something can be served. */
  store: FactDestination;
  /** Finds out why requests to cancel can't be heard, where that is in question; `undefined` if they can. */
  unheard?: (() => Promise<string | undefined>) | undefined;
  serve: ServeOptions | undefined;
}

/** A running collector. */
export interface Collector {
  readonly committer: Committer;
  /** Where it serves; `undefined` if it does not. */
  readonly url: string | undefined;
  /** What does not work. */
  readonly failures: readonly CollectorFailure[];
  /** Whether requests to cancel are heard. */
  readonly hears: boolean;
  /** Stops serving and committing. What has not been committed stays in the ring. The store is the caller's to close. */
  close(): Promise<void>;
}

export const DEFAULT_PORT = 4320;

/** How long the start waits for the store to say whether it can be written. */
const PROBE_MS = 5000;

/** Commits facts and serves records until it is closed. What does not work is told, not thrown. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const { source, store, serve, heartbeat } = options;
  const failures: CollectorFailure[] = [];
  const asking = options.unheard?.();
  try {
    const probe = store.append([]);
    if (!(await within(PROBE_MS, probe))) throw new Error('the store does not answer');
    await probe;
  } catch (error) {
    failures.push(failureOf('store', error));
  }
  // Loaded only where it is asked for.
  const served = serve !== undefined && isTaskStore(store) ? store : undefined;
  const metrics = served && (await import('../server/metrics.ts')).collectorMetrics(source, served);
  const collecting = startCollecting({ ...options, observer: metrics?.commits });
  const listen = heartbeat === undefined;
  let server: TasksServer | undefined;
  try {
    if (serve !== undefined && served !== undefined) server = await startServer(serve, served, listen, metrics);
    // In a thread of its own the thread is not waited for; in the task's the server must not be either.
    server?.unref();
  } catch (error) {
    failures.push(failureOf('server', error));
  }
  const unheard = await asking;
  if (unheard !== undefined) options.report(`requests to cancel tasks are not heard: ${unheard}`);
  return {
    committer: collecting.committer,
    url: server?.url,
    failures,
    hears: unheard === undefined,
    async close() {
      await collecting.stop();
      await server?.close();
    },
  };
}

async function startServer(
  serve: ServeOptions,
  store: TaskStore,
  listen: boolean,
  metrics: CollectorMetrics | undefined,
): Promise<TasksServer> {
  const { port = DEFAULT_PORT, host, token, allowedHosts, allowedOrigins, receive, streams } = serve;
  const access = {
    ...serve.access,
    ...(allowedHosts !== undefined && { allowedHosts }),
    ...(allowedOrigins !== undefined && { allowedOrigins }),
    ...(token !== undefined && { token }),
  };
  const app = createTasksApp({ store, access, listen, ...(streams && { streams }), ...(metrics && { metrics }) });
  if (receive !== undefined && receive !== false) {
    // Loaded only where it is asked for.
    const { createReceiver } = await import('../otlp/receive/receiver.ts');
    const refusal = accessRules(access).rules.change.refusal;
    app.route('/', createReceiver({ store, refusal, ...(metrics && { observer: metrics.received }), ...(receive !== true && receive) }));
  }
  const isProtected = token !== undefined || access.guarded === true;
  return serveTasks({ app, port, isProtected, ...(host !== undefined && { host }) });
}

function failureOf(part: CollectorFailure['part'], error: unknown): CollectorFailure {
  const code = (error as { code?: unknown } | null)?.code;
  return { part, message: describeFailure(error).message, code: typeof code === 'string' ? code : undefined };
}
