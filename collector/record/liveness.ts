import { isoTime } from './task-record.ts';

/**
 * Whether a task's worker lives, as those have heard who listen.
 *
 * What is decided stands in the store, so that all who read it say the same. It is decided by
 * silence that somebody has listened to, never by comparing clocks: who was away, or whose
 * machine slept, has heard nothing and counts nothing.
 */

/** What a store knows of a task's worker, beside the task's state. Times are microseconds since the epoch. */
export interface Liveness {
  /** When the worker last gave a sign of life. */
  heard: number;
  /** Since when its event loop has been blocked; `null` if it is not. */
  busySince: number | null;
  /** Whether the task is lost for good: it has finished then. */
  final: boolean;
}

/** The exception of a task that is lost for good. */
export function lostException(heard: number): string {
  return `lost: last heard ${isoTime(heard)}`;
}

/** A worker that has live tasks, as a store has heard it. */
export interface HeardWorker {
  id: string;
  /** Milliseconds between two signs of life. */
  intervalMs: number;
  /** Grows with each sign of life. */
  beats: number;
  /** How long it has been silent since, in milliseconds that somebody listened to and told the store. */
  silentMs: number;
  /** By which way its beats come, where that is one that can fail for many at once. */
  path?: string;
}

/** What a listener has to say of a worker that is silent. Of no account if it was heard meanwhile. */
export interface Silence {
  id: string;
  /** {@link HeardWorker.beats} that the silence came after. */
  beats: number;
  silentMs: number;
  /** Whether its tasks are lost: three intervals. A sign of life takes it back. */
  lost: boolean;
  /** Whether they are lost for good. */
  final: boolean;
}

/** After how many silent intervals a worker is lost. */
export const LOST_INTERVALS = 3;

/** What a listener knows of a worker. */
interface Listened {
  beats: number;
  silentMs: number;
  /** How much of the silence is the path's: then it was suspected, not the worker. */
  excusedMs: number;
}

/** Options of {@link Listener}. */
export interface ListenerOptions {
  /** After how long a silence a lost worker's tasks are so for good, in milliseconds. */
  lostFinalMs: number;
  /** The most that one look after another counts, in milliseconds: who comes later was away. */
  longestLookMs: number;
}

/**
 * Counts the silence of workers from look to look.
 *
 * Several may listen: each takes over what others have told the store, and no time counts twice.
 * So a count is never more than the time that has passed. What {@link isPathSuspected} lays on the
 * path of many workers makes none of them lost, unless it goes on until they are so for good.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #heard = new Map<string, Listened>();
  #lookedAt: number | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /**
   * Takes in how the workers are now and says whose silence the store should know of.
   *
   * @param now Monotonic time in milliseconds.
   */
  look(workers: readonly HeardWorker[], now: number): Silence[] {
    const { lostFinalMs, longestLookMs } = this.#options;
    const listened = this.#lookedAt === undefined ? 0 : Math.min(Math.max(0, now - this.#lookedAt), longestLookMs);
    this.#lookedAt = now;
    const heard = new Map<string, Listened>();
    const silent = workers.map((worker) => ({ ...worker, silentMs: this.#silence(worker, listened) }));
    const silences: Silence[] = [];
    for (const [at, worker] of silent.entries()) {
      const { id, intervalMs, beats, silentMs } = worker;
      const told = workers[at]!.silentMs;
      const before = this.#heard.get(id);
      const isSuspected = isPathSuspected(worker, silent);
      const excusedMs = isSuspected ? silentMs : before?.beats === beats ? before.excusedMs : 0;
      heard.set(id, { beats, silentMs, excusedMs });
      const lostAt = LOST_INTERVALS * intervalMs;
      const final = silentMs >= Math.max(lostAt, lostFinalMs);
      const lost = final || silentMs - excusedMs >= lostAt;
      // Told on the way too, for those who begin to listen later.
      if (final || (lost && told - excusedMs < lostAt) || silentMs - told >= intervalMs) {
        silences.push({ id, beats, silentMs: Math.round(silentMs), lost, final });
      }
    }
    this.#heard = heard;
    return silences;
  }

  #silence({ id, beats, silentMs }: HeardWorker, listened: number): number {
    const before = this.#heard.get(id);
    return before?.beats === beats ? Math.max(before.silentMs + listened, silentMs) : silentMs;
  }

  /** Forgets what was counted and not told: while the store could not be written no worker could be heard. */
  forget(): void {
    this.#heard.clear();
    this.#lookedAt = undefined;
  }
}

/** From so many silent intervals on a worker is overdue: a beat may be a little late. */
const OVERDUE_INTERVALS = 1.25;
/** Not before so many it is asked whether the path is at fault: by then one that lives has been heard. */
const JUDGED_INTERVALS = 2.5;

/**
 * Whether a worker's silence is laid on the path that it shares with others: some of them fell silent
 * together with it, and none was heard lately.
 *
 * @param workers All that are live, with their silence as it is now.
 */
export function isPathSuspected(worker: HeardWorker, workers: readonly HeardWorker[]): boolean {
  const { id, path, intervalMs, silentMs } = worker;
  if (path === undefined || silentMs < JUDGED_INTERVALS * intervalMs) return false;
  let together = false;
  for (const other of workers) {
    if (other.id === id || other.path !== path) continue;
    if (other.silentMs <= OVERDUE_INTERVALS * other.intervalMs) return false;
    const apart = Math.abs(other.silentMs - silentMs);
    together ||= apart <= OVERDUE_INTERVALS * Math.max(intervalMs, other.intervalMs);
  }
  return together;
}
