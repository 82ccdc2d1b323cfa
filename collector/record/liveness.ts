import { isoTime } from '../../src/task-record.ts';

/*
 * Whether a task's worker is alive is decided by processes that listen to heartbeats, and stands in the store, so that
 * all readers see the same. It is decided by silence that a process has listened to, and never by comparing the clocks of
 * two machines: a process that was suspended, or whose machine slept, has listened to nothing and counts nothing. The
 * monotonic clock of one machine is one clock: by it a process also knows the silence before it began to listen.
 */

/** What a store knows of a task's worker, beside the task's state. Times are microseconds since the epoch. */
export interface Liveness {
  /** When the worker's last heartbeat came. */
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

/** A worker that has live tasks, with its heartbeats as the store has them. */
export interface HeardWorker {
  id: string;
  /** Milliseconds between two heartbeats. */
  intervalMs: number;
  /** Grows with each heartbeat. */
  beats: number;
  /** How long it has been silent since, in milliseconds that a process has listened to and stored. */
  silentMs: number;
  /** The relay by which its heartbeats come, if they do: a process that serves many workers, such as an OpenTelemetry Collector. */
  via?: string;
  /** When its last heartbeat was written. Absent where it came from elsewhere, and where the system has no such clock. */
  written?: BootTime;
}

/** An instant on the monotonic clock of a machine, which all its processes share from one start of the machine to the next. */
export interface BootTime {
  /** Identity of that start. */
  boot: string;
  ms: number;
}

/** How long a worker has been silent, as a listener stores it. It counts for nothing if the worker was heard meanwhile. */
export interface Silence {
  id: string;
  /** {@link HeardWorker.beats} after which the silence came. */
  beats: number;
  silentMs: number;
  /** Whether its tasks are lost: after three intervals. The next heartbeat takes that back. */
  lost: boolean;
  /** Whether they are lost for good. */
  final: boolean;
}

/** After how many silent intervals a worker is lost. */
const LOST_INTERVALS = 3;

/**
 * The silence by which a worker is lost, measured instead of listened to. `undefined` where it can't be measured, where the
 * worker is not lost by it, and where the store has it already.
 */
export function measuredSilence(worker: HeardWorker, now: BootTime, lostFinalMs: number): Silence | undefined {
  const { id, intervalMs, beats, silentMs: stored, written } = worker;
  if (written === undefined || written.boot !== now.boot) return undefined;
  const silentMs = Math.round(now.ms - written.ms);
  const lostAt = LOST_INTERVALS * intervalMs;
  const final = silentMs >= Math.max(lostAt, lostFinalMs);
  return final || (silentMs >= lostAt && stored < lostAt) ? { id, beats, silentMs, lost: true, final } : undefined;
}

/** What a listener knows of a worker. */
interface Listened {
  beats: number;
  silentMs: number;
  /** How much of the silence is the relay's: then the relay was suspected, and not the worker. */
  excusedMs: number;
}

/** Options of {@link Listener}. */
interface ListenerOptions {
  /** After how long a silence a lost worker's tasks are so for good, in milliseconds. */
  lostFinalMs: number;
  /** The most that counts between two looks, in milliseconds: a listener that looks later was suspended. */
  longestLookMs: number;
}

/**
 * Counts the silence of workers from look to look.
 *
 * Several processes may listen: each takes over what other processes have stored, and no time counts twice. So a count
 * is never more than the time that has passed. A silence for which {@link isRelaySuspected} blames their relay
 * makes no worker lost, unless it goes on until they are lost for good.
 */
export class Listener {
  readonly #options: ListenerOptions;
  #heard = new Map<string, Listened>();
  #lookedAt: number | undefined;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /**
   * Compares the workers with the look before, and gives the silences that the store should have.
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
      const stored = workers[at]!.silentMs;
      const before = this.#heard.get(id);
      const isSuspected = isRelaySuspected(worker, silent);
      const excusedMs = isSuspected ? silentMs : before?.beats === beats ? before.excusedMs : 0;
      heard.set(id, { beats, silentMs, excusedMs });
      const lostAt = LOST_INTERVALS * intervalMs;
      const final = silentMs >= Math.max(lostAt, lostFinalMs);
      const lost = final || silentMs - excusedMs >= lostAt;
      // Stored once an interval too, for processes that begin to listen later.
      if (final || (lost && stored - excusedMs < lostAt) || silentMs - stored >= intervalMs) {
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

  /** Forgets what was counted and not stored: while the store could not be written no worker could be heard. */
  forget(): void {
    this.#heard.clear();
    this.#lookedAt = undefined;
  }
}

/** From so many silent intervals on a worker is overdue: a heartbeat may be a little late. */
const OVERDUE_INTERVALS = 1.25;
/** After so many silent intervals the relay may be suspected: by then a worker that is alive has been heard. */
const JUDGED_INTERVALS = 2.5;

/**
 * Whether the relay that a worker shares with other workers is blamed for its silence: some of them fell silent together
 * with it, and none was heard lately.
 *
 * @param workers All that are live, with their silence as it is now.
 */
function isRelaySuspected(worker: HeardWorker, workers: readonly HeardWorker[]): boolean {
  const { id, via, intervalMs, silentMs } = worker;
  if (via === undefined || silentMs < JUDGED_INTERVALS * intervalMs) return false;
  let together = false;
  for (const other of workers) {
    if (other.id === id || other.via !== via) continue;
    if (other.silentMs <= OVERDUE_INTERVALS * other.intervalMs) return false;
    const apart = Math.abs(other.silentMs - silentMs);
    together ||= apart <= OVERDUE_INTERVALS * Math.max(intervalMs, other.intervalMs);
  }
  return together;
}
