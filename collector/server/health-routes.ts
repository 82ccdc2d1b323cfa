import { performance } from '../timers.ts';
import type { TaskStore } from '../store/task-store.ts';
import { problem, reportStoreFailure, uncachedJson } from './answers.ts';
import type { WatcherGauge } from './live/store-watch.ts';

/** `GET /healthz`: 200 if the app answers at all. It does not depend on the store. */
export function health(): Response {
  return uncachedJson({ status: 'ok' });
}

/** How long the result of a check of the store counts, in milliseconds, so that many requests make one check. */
const CHECK_MS = 1000;

/** `GET /readyz`: 200 if the store could be read and written within the last second, else 503. */
export function readyRoute(store: TaskStore): () => Promise<Response> {
  let check: { at: number; isReady: Promise<boolean> } | undefined;
  const isReady = async (): Promise<boolean> => {
    try {
      await store.tasks({ limit: 1 });
      await store.append([]);
      return true;
    } catch (error) {
      reportStoreFailure(error);
      return false;
    }
  };
  return async () => {
    const now = performance.now();
    if (check === undefined || now - check.at >= CHECK_MS) check = { at: now, isReady: isReady() };
    if (await check.isReady) return uncachedJson({ status: 'ready' });
    return problem(503, 'the store of the tasks can not be read and written just now', { 'Retry-After': '1' });
  };
}

/** The figures that `GET /metrics` serves. */
export interface TasksMetrics {
  /** Open live streams: the app increments it for each that begins and decrements it for each that ends. */
  readonly watchers: WatcherGauge;
  /** Media type of {@link text}. */
  readonly contentType: string;
  /** Gives the present figures in Prometheus's text format. */
  text(): Promise<string>;
}

/** `GET /metrics`: the collector's own figures for Prometheus. */
export function metricsRoute(metrics: TasksMetrics): () => Promise<Response> {
  return async () =>
    new Response(await metrics.text(), {
      headers: { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' },
    });
}
