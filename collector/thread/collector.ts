import { describeFailure } from '../../src/failure.ts';
import { createTasksApp } from '../app/tasks-app.ts';
import type { TasksAppOptions } from '../app/tasks-app.ts';
import { serveTasks } from '../app/serve-tasks.ts';
import type { TasksServer } from '../app/serve-tasks.ts';
import { watchCancellations } from '../store/cancel-watch.ts';
import { Committer } from '../store/committer.ts';
import type { FactSource } from '../store/committer.ts';
import type { LateStore } from '../store/late-store.ts';
import type { RetentionOptions } from '../store/retention.ts';
import { startSweeper } from '../store/sweeper.ts';
import type { TaskStore } from '../store/task-store.ts';
import { Heartbeat } from '../beat/heartbeat.ts';
import type { HeartbeatOptions } from '../beat/heartbeat.ts';
import { within } from '../ending/within.ts';
import type { CollectorFailure, ServeOptions } from './messages.ts';

/** What a collector is made of; the same in a thread of its own and in the task's. */
export interface CollectorOptions {
  source: FactSource;
  store: TaskStore | LateStore;
  serve: ServeOptions | undefined;
  /** How it beats and listens; not at all if absent. */
  heartbeat: Omit<HeartbeatOptions, 'store'> | undefined;
  /** What is kept of ended tasks. */
  retention: RetentionOptions;
  sleep: () => Promise<void>;
  /** The worker whose tasks are collected, and whether it has any that are open. */
  workerId: string;
  hasLiveTasks: () => boolean;
  /** Called with each attempt that somebody wants to be cancelled. */
  cancel: (taskUuid: string, spanId: string) => void;
  /** Told of troubles, each in one line. */
  report: (message: string) => void;
}

/** A running collector. */
export interface Collector {
  readonly committer: Committer;
  /** Where it serves; `undefined` if it does not. */
  readonly url: string | undefined;
  /** What does not work. */
  readonly failures: readonly CollectorFailure[];
  /** Stops serving and committing. What has not been committed stays in the ring. The store is the caller's to close. */
  close(): Promise<void>;
}

export const DEFAULT_PORT = 4320;

/** How long the start waits for the store to say whether it can be written. */
const PROBE_MS = 5000;

/** Commits facts and serves records until it is closed. What does not work is told, not thrown. */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const { source, store, serve, retention, sleep, report, workerId, hasLiveTasks, cancel } = options;
  const heartbeat = options.heartbeat && new Heartbeat({ ...options.heartbeat, store });
  const failures: CollectorFailure[] = [];
  try {
    if ('open' in store) store.open();
    const probe = store.append([]);
    if (!(await within(PROBE_MS, probe))) throw new Error('the store does not answer');
    await probe;
  } catch (error) {
    failures.push(failureOf('store', error));
  }
  const cancellations = watchCancellations({ store, workerId, hasLiveTasks, cancel, report });
  cancellations.wake();
  // Loaded only where it is asked for.
  const metrics = serve && (await import('../metrics/collector-metrics.ts')).collectorMetrics(source, store);
  let told = '';
  const committer = new Committer({
    source,
    store,
    // Before it falls asleep it has committed what woke it: a task may have begun.
    sleep: () => {
      cancellations.wake();
      return sleep();
    },
    observer: metrics?.commits,
    onFailure: (error) => {
      const { message } = describeFailure(error);
      if (message !== told) report(`facts could not be committed, trying again: ${message}`);
      told = message;
    },
    onRecovery: () => {
      told = '';
      report('facts are being committed again');
    },
    onRefused: ({ span }, { message }) => report(`a fact of task ${span.taskUuid} was given up, the store can't take it: ${message}`),
  });
  void committer.run();
  heartbeat?.start();
  const listen = heartbeat === undefined;
  const sweeper = startSweeper({ store, retention, report });
  let server: TasksServer | undefined;
  try {
    if (serve !== undefined) server = await startServer(serve, { store, listen, ...(metrics && { metrics }) });
    // In a thread of its own the thread is not waited for; in the task's the server must not be either.
    server?.unref();
  } catch (error) {
    failures.push(failureOf('server', error));
  }
  return {
    committer,
    url: server?.url,
    failures,
    async close() {
      committer.stop();
      cancellations.stop();
      await heartbeat?.stop();
      await sweeper.stop();
      await server?.close();
    },
  };
}

function startServer(serve: ServeOptions, app: Omit<TasksAppOptions, 'access'>): Promise<TasksServer> {
  const { port = DEFAULT_PORT, host, allowedHosts, allowedOrigins } = serve;
  const access = {
    ...(allowedHosts !== undefined && { allowedHosts }),
    ...(allowedOrigins !== undefined && { allowedOrigins }),
  };
  return serveTasks({ app: createTasksApp({ ...app, access }), port, ...(host !== undefined && { host }) });
}

function failureOf(part: CollectorFailure['part'], error: unknown): CollectorFailure {
  const code = (error as { code?: unknown } | null)?.code;
  return { part, message: describeFailure(error).message, code: typeof code === 'string' ? code : undefined };
}
