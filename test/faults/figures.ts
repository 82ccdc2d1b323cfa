import type { Evidence } from './evidence.ts';
import { wasDelayed } from './laws-of-facts.ts';
import { reportsOf } from './reports.ts';

/** Counts what a run of rounds has checked. */
export class Figures {
  readonly #counts = new Map<string, number>();
  #longestLostMs = 0;

  /** How many facts were acknowledged. */
  get acknowledged(): number {
    return this.#counts.get('facts acknowledged') ?? 0;
  }

  add(evidence: Evidence): void {
    const { schedule, workers, answers, streams, list } = evidence;
    const facts = workers.flatMap(reportsOf);
    const kills = workers.flatMap((worker) => (worker.killedAt === undefined ? [] : [{ worker, killedAt: worker.killedAt }]));
    this.#count('rounds', 1);
    this.#count('facts reported', facts.length);
    this.#count('facts acknowledged', facts.filter(({ isAcknowledged }) => isAcknowledged).length);
    for (const { kind } of schedule.faults) this.#count(kind, 1);
    this.#count('kills without a fault before', kills.filter(({ worker, killedAt }) => !wasDelayed(worker, killedAt, evidence.storeFaults)).length);
    this.#count('answers', answers.length);
    this.#count('streamed events', streams.flatMap(({ events }) => events).length + list.length);
    this.#longestLostMs = Math.max(this.#longestLostMs, ...workers.flatMap(({ lostAfterMs }) => lostAfterMs));
  }

  toString(): string {
    const counts = [...this.#counts].map(([what, count]) => `${count} ${what}`);
    return [...counts, `lost at most ${this.#longestLostMs} ms after a kill`].join(', ');
  }

  #count(what: string, more: number): void {
    this.#counts.set(what, (this.#counts.get(what) ?? 0) + more);
  }
}
