import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';

const COLLECTOR = /collector|otelcol/i;

/**
 * The way by which a request came, where it is one of many workers: the address of an OpenTelemetry
 * Collector, which `User-Agent` tells. A worker that sends by itself has no way but its own.
 */
export function pathOf(c: Context): string | undefined {
  if (!COLLECTOR.test(c.req.header('User-Agent') ?? '')) return undefined;
  const { incoming } = (c.env ?? {}) as { incoming?: IncomingMessage };
  return incoming?.socket.remoteAddress;
}
