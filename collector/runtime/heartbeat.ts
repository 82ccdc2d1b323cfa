import { hostname } from 'node:os';
import { report } from '../../src/report.ts';
import type { TimeSource } from '../../src/task-clock.ts';
import { clearTimeout, performance, setTimeout } from '../../src/timers.ts';
import { Listener } from '../record/liveness.ts';
import type { TaskStore } from '../store/task-store.ts';
import { Trouble } from './trouble.ts';
import { LoopWatch } from './loop-watch.ts';

/** How a process beats; it can be sent to a thread. */
export interface HeartbeatSettings {
  /** Identity of the process, as its task spans name it. */
  workerId: string;
  /** Milliseconds between two signs of life. */
  intervalMs: number;
  /** After how long a silence a lost worker's tasks are so for good, in milliseconds. */
  lostFinalMs: number;
}

/** Options of {@link Heartbeat}. */
export interface HeartbeatOptions extends HeartbeatSettings {
  store: Pick<TaskStore, 'beat' | 'workers' | 'silence'>;
  /** Count that grows while the event loop of the tasks turns; absent where it is not watched. */
  loopTicks?: (() => number) | undefined;
  /** Told when signs of life can't be given or heard, and when they can again, in one line each. Default: `diag` is. */
  report?: (message: string) => void;
  /** Called with each look that failed, which then is told nobody else. */
  onFailure?: (error: unknown) => void;
  /** Default: the system's. */
  time?: TimeSource;
}

/** How many times it looks in an interval, and how often at the most, in milliseconds. */
const LOOKS = 5;
const LONGEST_LOOK_MS = 500;
/** A look that comes later than so many times its time: the process was away. */
const LATE = 1.5;

/**
 * Gives a process's signs of life and listens to those of others.
 *
 * It looks several times in an interval. While the process has live tasks it beats once an
 * interval. While others have some it does so too: only who can write the store at that time
 * may say that somebody else is silent. Else it only reads.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #time: TimeSource;
  readonly #lookMs: number;
  readonly #listener: Listener;
  readonly #loop: LoopWatch;
  readonly #trouble: Trouble;
  #beatAt = -Infinity;
  #busyTold: number | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: HeartbeatOptions) {
    const { intervalMs, lostFinalMs } = options;
    this.#options = options;
    this.#time = options.time ?? { wall: () => Date.now(), monotonic: () => performance.now() };
    this.#lookMs = Math.min(intervalMs / LOOKS, LONGEST_LOOK_MS);
    this.#listener = new Listener({ lostFinalMs, longestLookMs: LATE * this.#lookMs });
    this.#loop = new LoopWatch(LATE * this.#lookMs);
    this.#trouble = new Trouble({
      begins: 'signs of life can not be given or heard, trying again',
      ends: 'signs of life are given and heard again',
      report: options.report ?? report,
    });
  }

  /** Looks again and again, until {@link stop}. It keeps no process alive. */
  start(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.look().then(() => this.start());
    }, this.#lookMs);
    this.#timer.unref();
  }

  /** Looks no more. Resolves when the store is not used any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
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
      const lives = others.length < workers.length;
      const due = now - this.#beatAt >= intervalMs - this.#lookMs / 2;
      const turned = lives && busySince !== this.#busyTold;
      // That a trouble is over shows only where something was given, though nobody may need it.
      if (turned || this.#trouble.isOn || (due && workers.length > 0)) await this.#beat(now, busySince);
      if (silences.length > 0) await store.silence(silences);
      this.#trouble.over();
    } catch (error) {
      this.#listener.forget();
      const { onFailure } = this.#options;
      if (onFailure === undefined) this.#trouble.failed(error);
      else onFailure(error);
    }
  }

  async #beat(now: number, busySince: number | null): Promise<void> {
    const { store, workerId, intervalMs } = this.#options;
    const time = Math.floor(this.#time.wall() * 1000);
    await store.beat([{ workerId, host: hostname(), pid: process.pid, intervalMs, time, busySince }]);
    this.#beatAt = now;
    this.#busyTold = busySince;
  }
}
