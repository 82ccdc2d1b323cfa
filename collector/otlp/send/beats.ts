import type { Beat, TaskStore } from '../../store/task-store.ts';
import type { ReceivedBeat } from '../receive/received.ts';

/** The last beats of one worker: the times it gave them, and when they came, in milliseconds. */
interface Heard {
  latest: number;
  older: number;
  olderAt: number;
}

const MOST_WORKERS = 10_000;

/**
 * Hands signs of life on to the store, as of when they came: clocks of others say little. One that
 * was sent before the last is delivered again, and says nothing of now.
 */
export class Beats {
  readonly #store: Pick<TaskStore, 'beat'>;
  readonly #heard = new Map<string, Heard>();

  constructor(store: Pick<TaskStore, 'beat'>) {
    this.#store = store;
  }

  /** @param path By which way they came, where that is one of many workers. */
  async take(beats: Iterable<ReceivedBeat>, path: string | undefined): Promise<void> {
    // Of a worker's heartbeats in one request the latest counts.
    const fresh = new Map<string, { sent: number; beat: Beat; accept: () => void }>();
    for (const { workerId, host, pid, intervalMs, time, busyMs } of beats) {
      const now = Date.now() * 1000;
      const accept = this.#accept(workerId, time, intervalMs, now);
      if (accept === undefined || (fresh.get(workerId)?.sent ?? -Infinity) >= time) continue;
      const busySince = busyMs === undefined ? null : Math.max(0, now - busyMs * 1000);
      const beat: Beat = { workerId, host, pid, intervalMs, time: now, busySince, ...(path !== undefined && { path }) };
      fresh.set(workerId, { sent: time, beat, accept });
    }
    if (fresh.size === 0) return;
    await this.#store.beat([...fresh.values()].map(({ beat }) => beat));
    for (const { accept } of fresh.values()) accept();
  }

  /** What is to be remembered once it is stored; `undefined` for one that says nothing of now. */
  #accept(workerId: string, time: number, intervalMs: number, now: number): (() => void) | undefined {
    const heard = this.#heard.get(workerId);
    if (heard !== undefined && time <= heard.latest) {
      // A clock that was set back goes on from there, interval by interval; old beats come all at once.
      const goesOn = time > heard.older && heard.older > 0 && now - heard.olderAt > intervalMs * 500;
      if (time > heard.older || heard.older === 0) Object.assign(heard, { older: time, olderAt: now });
      if (!goesOn) return undefined;
    }
    return () => {
      this.#heard.delete(workerId);
      this.#heard.set(workerId, { latest: time, older: 0, olderAt: 0 });
      if (this.#heard.size > MOST_WORKERS) this.#heard.delete(this.#heard.keys().next().value!);
    };
  }
}
