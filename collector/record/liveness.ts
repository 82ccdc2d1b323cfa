import { isoTime } from './iso-time.ts';

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
 * So a count is never more than the time that has passed.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #heard = new Map<string, { beats: number; silentMs: number }>();
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
    const heard = new Map<string, { beats: number; silentMs: number }>();
    const silences: Silence[] = [];
    for (const { id, intervalMs, beats, silentMs: told } of workers) {
      const before = this.#heard.get(id);
      const silentMs = before?.beats === beats ? Math.max(before.silentMs + listened, told) : told;
      heard.set(id, { beats, silentMs });
      const lostAt = LOST_INTERVALS * intervalMs;
      const lost = silentMs >= lostAt;
      const final = lost && silentMs >= lostFinalMs;
      // Told on the way too, for those who begin to listen later.
      if (final || (lost && told < lostAt) || silentMs - told >= intervalMs) {
        silences.push({ id, beats, silentMs: Math.round(silentMs), lost, final });
      }
    }
    this.#heard = heard;
    return silences;
  }

  /** Forgets what was counted and not told: while the store could not be written no worker could be heard. */
  forget(): void {
    this.#heard.clear();
    this.#lookedAt = undefined;
  }
}
