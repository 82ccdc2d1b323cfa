import type { IncomingMessage } from 'node:http';
import type { Context } from 'hono';
import { turn } from '../../async.ts';
import type { Beat, TaskStore } from '../../store/task-store.ts';
import { MOST_WORKERS } from './otlp-items.ts';
import type { ReceivedHeartbeat } from './otlp-items.ts';

/** The last heartbeats of one worker, in microseconds. */
interface Heard {
  /** The time that it gave the latest one, and until when that lets it live, by the clock here. */
  latest: number;
  liveUntil: number;
  /** The time that it gave an older one, and when that came. */
  older: number;
  olderAt: number;
}

/** How many heartbeats one turn of the event loop stores. */
const MOST_AT_ONCE = 1000;

/** A worker lives for so many intervals after a heartbeat. */
const LIVE_INTERVALS = 3;

/**
 * Stores received heartbeats under the time at which they came, since the sender's clock may be wrong. A heartbeat that
 * was sent before the last one is a repeated delivery, and is dropped. Where as many workers live as may, one of a
 * further worker is rejected.
 */
export class Heartbeats {
  readonly #store: Pick<TaskStore, 'beat'>;
  readonly #heard = new Map<string, Heard>();

  constructor(store: Pick<TaskStore, 'beat'>) {
    this.#store = store;
  }

  /**
   * @param heartbeats The heartbeats of one request, by their workers.
   * @param via The address that they came from, where it sends those of many workers.
   * @returns How many are rejected.
   */
  async store(heartbeats: ReadonlyMap<string, ReceivedHeartbeat>, via: string | undefined): Promise<number> {
    let rejected = 0;
    let newWorkers = 0;
    if (this.#heard.size + heartbeats.size > MOST_WORKERS) this.#forgetDead();
    const beats: Beat[] = [];
    const accepts: (() => void)[] = [];
    for (const { workerId, host, pid, intervalMs, time, busyMs, resource } of heartbeats.values()) {
      const now = Date.now() * 1000;
      if (this.#heard.size + newWorkers >= MOST_WORKERS && !this.#heard.has(workerId)) {
        rejected++;
        continue;
      }
      if (!this.#heard.has(workerId)) newWorkers++;
      const accept = this.#accept(workerId, time, intervalMs, now);
      if (accept === undefined) continue;
      const busySince = busyMs === undefined ? null : Math.max(0, now - busyMs * 1000);
      beats.push({ workerId, host, pid, intervalMs, time: now, busySince, resource, ...(via !== undefined && { via }) });
      accepts.push(accept);
    }
    for (let at = 0; at < beats.length; at += MOST_AT_ONCE) {
      if (at > 0) await turn();
      await this.#store.beat(beats.slice(at, at + MOST_AT_ONCE));
      for (const accept of accepts.slice(at, at + MOST_AT_ONCE)) accept();
    }
    return rejected;
  }

  #forgetDead(): void {
    const now = Date.now() * 1000;
    for (const [workerId, { liveUntil }] of this.#heard) if (liveUntil < now) this.#heard.delete(workerId);
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
      this.#heard.set(workerId, { latest: time, liveUntil: now + LIVE_INTERVALS * intervalMs * 1000, older: 0, olderAt: 0 });
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
  return incomingOf(c)?.socket.remoteAddress;
}

/** The request as Node.js has it; `undefined` on another server, and in a test without one. */
export function incomingOf(c: Context): IncomingMessage | undefined {
  return ((c.env ?? {}) as { incoming?: IncomingMessage }).incoming;
}
