import type { Context } from 'hono';
import type { WatcherGauge } from './live/task-watchers.ts';

/** What `GET /metrics` serves, in whatever way it is counted. */
export interface TasksMetrics {
  /** Live streams that are open: the app counts each in and out. */
  readonly watchers: WatcherGauge;
  /** Media type of {@link text}. */
  readonly contentType: string;
  /** All of it as it is now, in Prometheus's text format. */
  text(): Promise<string>;
}

/** `GET /metrics`: the collector's own figures for Prometheus. */
export function metricsRoute(metrics: TasksMetrics): (c: Context) => Promise<Response> {
  return async () =>
    new Response(await metrics.text(), {
      headers: { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' },
    });
}
