import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import type { Beat, TaskStore } from '../../store/task-store.ts';
import type { ReceivedHeartbeat } from './otlp-items.ts';

/** The last heartbeats of one worker: the times that it gave them, and when the older one came, in microseconds. */
interface Heard {
  latest: number;
  older: number;
  olderAt: number;
}

const MOST_WORKERS = 10_000;

/**
 * Stores received heartbeats under the time at which they came, since the sender's clock may be wrong. A heartbeat that
 * was sent before the last one is a repeated delivery, and is dropped.
 */
export class Heartbeats {
  readonly #store: Pick<TaskStore, 'beat'>;
  readonly #heard = new Map<string, Heard>();

  constructor(store: Pick<TaskStore, 'beat'>) {
    this.#store = store;
  }

  /**
   * @param heartbeats The heartbeats of one request, one of each worker.
   * @param via The address that they came from, where it sends those of many workers.
   */
  async store(heartbeats: Iterable<ReceivedHeartbeat>, via: string | undefined): Promise<void> {
    const beats: Beat[] = [];
    const accepts: (() => void)[] = [];
    for (const { workerId, host, pid, intervalMs, time, busyMs } of heartbeats) {
      const now = Date.now() * 1000;
      const accept = this.#accept(workerId, time, intervalMs, now);
      if (accept === undefined) continue;
      const busySince = busyMs === undefined ? null : Math.max(0, now - busyMs * 1000);
      beats.push({ workerId, host, pid, intervalMs, time: now, busySince, ...(via !== undefined && { via }) });
      accepts.push(accept);
    }
    if (beats.length === 0) return;
    await this.#store.beat(beats);
    for (const accept of accepts) accept();
  }

  /** Gives what remembers the heartbeat once it is stored; `undefined` for a repeated delivery. */
  #accept(workerId: string, time: number, intervalMs: number, now: number): (() => void) | undefined {
    const heard = this.#heard.get(workerId);
    if (heard !== undefined && time <= heard.latest) {
      // A clock that was set back goes on from there, interval by interval; repeated deliveries come all at once.
      const goesOn = time > heard.older && heard.older > 0 && now - heard.olderAt > intervalMs * 500;
      if (time > heard.older || heard.older === 0) Object.assign(heard, { older: time, olderAt: now });
      if (!goesOn) return undefined;
    }
    return () => {
      const stored = this.#heard.get(workerId);
      // A later one was stored meanwhile.
      if (stored !== heard && stored !== undefined && stored.latest > time) return;
      this.#heard.delete(workerId);
      this.#heard.set(workerId, { latest: time, older: 0, olderAt: 0 });
      if (this.#heard.size > MOST_WORKERS) this.#heard.delete(this.#heard.keys().next().value!);
    };
  }
}

const COLLECTOR = /collector|otelcol/i;

/**
 * The address that a request came from, where it sends for many workers: that of an OpenTelemetry Collector, as
 * `User-Agent` shows. `undefined` for a worker that sends by itself.
 */
export function collectorAddress(c: Context): string | undefined {
  if (!COLLECTOR.test(c.req.header('User-Agent') ?? '')) return undefined;
  const { incoming } = (c.env ?? {}) as { incoming?: IncomingMessage };
  return incoming?.socket.remoteAddress;
}
