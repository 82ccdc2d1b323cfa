import type { Attributes } from '@opentelemetry/api';
import { hostname } from 'node:os';
import type { TimeSource } from '../../src/clock.ts';
import { report } from '../../src/report.ts';
import { performance } from '../timers.ts';
import { OutageReporter, pause, repeat } from '../async.ts';
import type { Repeated } from '../async.ts';
import { Listener } from '../record/liveness.ts';
import type { BootTime } from '../record/liveness.ts';
import { bootTime, findSilentWorkers, markOwnWorker } from './measured-silence.ts';
import type { Beat, TaskStore } from './task-store.ts';

/** How a process sends heartbeats. It can be posted to a thread. */
export interface HeartbeatSettings {
  /** Identity of the process, as its task spans name it. */
  workerId: string;
  /** Milliseconds between two heartbeats. */
  intervalMs: number;
  /** The silence after which a lost worker's tasks are lost for good, in milliseconds. */
  lostFinalMs: number;
  /** The attributes of the process's resource, by {@link resourceJson}. */
  resource?: string | undefined;
}

/** Of a resource as a worker's row keeps it: the longest text, and how many attributes are looked at. */
const RESOURCE_LENGTH = 1024;
const MOST_ATTRIBUTES = 100;
/** What names a service and its process: it is kept first. */
const FIRST = ['service.name', 'service.namespace', 'service.version', 'service.instance.id', 'host.name', 'process.pid'];

/** The attributes of a resource as JSON of at most 1,024 characters: those that name a service first, and no lists. */
export function resourceJson(attributes: Attributes): string {
  let json = '';
  let looked = 0;
  const keep = (key: string): void => {
    const value = attributes[key];
    if (value === undefined || typeof value === 'object' || key.length + String(value).length > RESOURCE_LENGTH) return;
    const entry = `${json === '' ? '' : ','}${JSON.stringify(key)}:${JSON.stringify(value)}`;
    if (json.length + entry.length + 2 <= RESOURCE_LENGTH) json += entry;
  };
  for (const key of FIRST) keep(key);
  for (const key in attributes) {
    if (++looked > MOST_ATTRIBUTES) break;
    if (!FIRST.includes(key)) keep(key);
  }
  return `{${json}}`;
}

/** Options of {@link Heartbeat}. */
export interface HeartbeatOptions extends HeartbeatSettings {
  store: Pick<TaskStore, 'beat' | 'workers' | 'silence'>;
  /** A count that grows while the event loop of the tasks turns; absent where the loop is not watched. */
  loopTicks?: (() => number) | undefined;
  /** Called when heartbeats can't be stored or read, and when they can again, with one line each. Default: {@link report}. */
  report?: (message: string) => void;
  /** Called with each look that failed, instead of `report`. */
  onFailure?: (error: unknown) => void;
  /** Default: the system's. */
  time?: TimeSource;
  /** The monotonic clock of the machine. Default: the system's. */
  clock?: () => BootTime | undefined;
}

/** How many times it looks in an interval, and the longest time between two looks, in milliseconds. */
const LOOKS = 5;
const LONGEST_LOOK_MS = 500;
/** A look that comes after more than so many times its time is late: the process stood still meanwhile. */
const LATE = 1.5;

/**
 * Sends the heartbeats of this process and listens to those of other processes.
 *
 * It looks several times in an interval. While the process has live tasks it sends a heartbeat once an interval. While
 * other processes have live tasks it does so too: only a process that can write the store at that time may find another
 * one silent. Otherwise it only reads. When it starts it also finds those that fell silent before.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #time: TimeSource;
  readonly #lookMs: number;
  readonly #listener: Listener;
  readonly #loop: LoopWatch;
  readonly #outage: OutageReporter;
  #sentAt = -Infinity;
  #busySinceSent: number | null = null;
  readonly #stopped = new AbortController();
  #looking: Repeated | undefined;
  #searching: Promise<void> | undefined;

  constructor(options: HeartbeatOptions) {
    const { intervalMs, lostFinalMs } = options;
    this.#options = options;
    this.#time = options.time ?? { wall: () => Date.now(), monotonic: () => performance.now() };
    this.#lookMs = Math.min(intervalMs / LOOKS, LONGEST_LOOK_MS);
    this.#listener = new Listener({ lostFinalMs, longestLookMs: LATE * this.#lookMs });
    this.#loop = new LoopWatch(LATE * this.#lookMs);
    this.#outage = new OutageReporter({
      begins: 'heartbeats can not be stored or read, trying again',
      ends: 'heartbeats are stored and read again',
      report: options.report ?? report,
    });
    markOwnWorker(options.workerId);
  }

  /**
   * Looks again and again, until {@link stop}. It keeps no process alive.
   *
   * Resolves when the workers of this machine that fell silent before are found: in a second, or at once where there are
   * none. Never rejects.
   */
  start(): Promise<void> {
    this.#looking ??= repeat(this.#lookMs, async () => {
      await this.look();
      return this.#lookMs;
    });
    return (this.#searching ??= this.search());
  }

  /** Looks no more. Resolves when the store is not used any more. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all([this.#looking?.stop(), this.#searching]);
  }

  /** Finds the workers of this machine that fell silent before. Never rejects. */
  async search(wait?: (ms: number) => Promise<void>): Promise<void> {
    const { signal } = this.#stopped;
    const { store, workerId, lostFinalMs, clock = bootTime } = this.#options;
    try {
      await findSilentWorkers({
        store,
        workerId,
        heartbeat: () => this.#heartbeat(null),
        lostFinalMs,
        clock,
        wait: wait ?? ((ms) => pause(ms, { signal, ref: false })),
        signal,
      });
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    const { store, workerId, intervalMs, loopTicks } = this.#options;
    const now = this.#time.monotonic();
    const busySince = loopTicks === undefined ? null : this.#loop.look(loopTicks(), now, this.#time.wall());
    try {
      const workers = await store.workers();
      const others = workers.filter(({ id }) => id !== workerId);
      const silences = this.#listener.look(others, now);
      const hasTasks = others.length < workers.length;
      const isDue = now - this.#sentAt >= intervalMs - this.#lookMs / 2;
      const isNewlyBusy = hasTasks && busySince !== this.#busySinceSent;
      // Only a heartbeat that is stored shows that an outage is over, though no task may need the heartbeat.
      if (isNewlyBusy || this.#outage.isOut || (isDue && workers.length > 0)) await this.#send(now, busySince);
      if (silences.length > 0) await store.silence(silences);
      this.#outage.succeeded();
    } catch (error) {
      this.#listener.forget();
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { onFailure } = this.#options;
    if (onFailure === undefined) this.#outage.failed(error);
    else onFailure(error);
  }

  async #send(now: number, busySince: number | null): Promise<void> {
    await this.#options.store.beat([this.#heartbeat(busySince)]);
    this.#sentAt = now;
    this.#busySinceSent = busySince;
  }

  #heartbeat(busySince: number | null): Beat {
    const { workerId, intervalMs, resource, clock = bootTime } = this.#options;
    const time = Math.floor(this.#time.wall() * 1000);
    const written = clock();
    const known = { ...(written && { written }), ...(resource !== undefined && { resource }) };
    return { workerId, host: hostname(), pid: process.pid, intervalMs, time, busySince, ...known };
  }
}

/** How long the event loop of tasks has to stand still until it counts as busy, in milliseconds. */
const BUSY_MS = 1000;

/** How often the tasks' thread counts that its loop turns, in milliseconds. */
export const LOOP_TICK_MS = 250;

/** Watches from another thread whether an event loop turns. */
class LoopWatch {
  readonly #longestLookMs: number;
  #ticks: number | undefined;
  #lookedAt = 0;
  /** Wall time at which the loop was last seen to turn, in microseconds. */
  #turnedAt = 0;
  #stillMs = 0;

  /** @param longestLookMs The most that the time between two looks counts: if the whole process stood still, the loop was not busy. */
  constructor(longestLookMs: number) {
    this.#longestLookMs = longestLookMs;
  }

  /**
   * @param ticks How many times the loop has counted that it turns.
   * @param now Monotonic time in milliseconds.
   * @param wall Wall time in milliseconds.
   * @returns Since when the loop has been blocked, in microseconds since the epoch; `null` if it is not.
   */
  look(ticks: number, now: number, wall: number): number | null {
    const passed = Math.min(Math.max(0, now - this.#lookedAt), this.#longestLookMs);
    this.#lookedAt = now;
    if (ticks !== this.#ticks) {
      this.#ticks = ticks;
      this.#turnedAt = Math.floor(wall * 1000);
      this.#stillMs = 0;
      return null;
    }
    this.#stillMs += passed;
    return this.#stillMs >= BUSY_MS ? this.#turnedAt : null;
  }
}

/** How many things in this process listen to the workers of a store: a collector in its own thread above all. */
const listeners = new WeakMap<object, number>();

/** Notes that something listens to the workers of this store, until the returned function is called once. */
export function markListened(store: object): () => void {
  listeners.set(store, (listeners.get(store) ?? 0) + 1);
  return () => void listeners.set(store, listeners.get(store)! - 1);
}

/** Whether something listens to the workers of this store. */
export function hasListener(store: object): boolean {
  return (listeners.get(store) ?? 0) > 0;
}
