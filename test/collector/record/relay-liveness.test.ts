import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Listener } from '../../../collector/record/liveness.ts';
import type { HeardWorker, Silence } from '../../../collector/record/liveness.ts';

const INTERVAL_MS = 1000;
const LOOK_MS = 200;
const LOST_FINAL_MS = 20_000;

interface Beating {
  id: string;
  via: string | undefined;
  /** When it beats first; from then on once an interval. */
  phase: number;
  /** When it dies. */
  dies: number;
  intervalMs: number;
}

/** Workers that send heartbeats by relays, what a store has heard of them, and a listener, in simulated time. */
class Relays {
  readonly #workers: readonly Beating[];
  readonly #heard = new Map<string, HeardWorker>();
  readonly #listener = new Listener({ lostFinalMs: LOST_FINAL_MS, longestLookMs: 1.5 * LOOK_MS });
  /** Which workers were ever lost, and when first; and for good. */
  readonly lost = new Map<string, number>();
  readonly final = new Map<string, number>();
  #now = 0;

  constructor(workers: readonly Beating[]) {
    this.#workers = workers;
    for (const { id, intervalMs, via } of workers) {
      this.#heard.set(id, { id, intervalMs, beats: 1, silentMs: 0, ...(via !== undefined && { via }) });
    }
  }

  /** @param isOpen Whether a relay passes heartbeats on at a time. */
  passUntil(end: number, isOpen: (via: string | undefined, time: number) => boolean = () => true): void {
    for (; this.#now < end; this.#now += LOOK_MS) {
      for (const { id, via, phase, dies, intervalMs } of this.#workers) {
        const due = (this.#now - phase) % intervalMs;
        if (this.#now < dies && due >= 0 && due < LOOK_MS && isOpen(via, this.#now)) {
          const worker = this.#heard.get(id)!;
          this.#heard.set(id, { ...worker, beats: worker.beats + 1, silentMs: 0 });
        }
      }
      for (const silence of this.#listener.look([...this.#heard.values()], this.#now)) this.#take(silence);
    }
  }

  #take({ id, beats, silentMs, lost, final }: Silence): void {
    const worker = this.#heard.get(id)!;
    if (worker.beats !== beats) return;
    this.#heard.set(id, { ...worker, silentMs });
    if (lost && !this.lost.has(id)) this.lost.set(id, this.#now);
    if (!final) return;
    this.final.set(id, this.#now);
    this.#heard.delete(id);
  }
}

const worker = (id: string, more: Partial<Beating> = {}): Beating => ({
  id, via: 'collector', phase: 0, dies: Infinity, intervalMs: INTERVAL_MS, ...more,
});

const anyWorkers = fc
  .array(fc.nat(INTERVAL_MS / LOOK_MS - 1), { minLength: 2, maxLength: 6 })
  .map((phases) => phases.map((phase, at) => worker(`w${at}`, { phase: phase * LOOK_MS })));

describe('of workers that share a relay', () => {
  test('none is lost while the relay is unreachable, nor when it is back', () => {
    fc.assert(
      fc.property(anyWorkers, fc.nat(60), fc.integer({ min: 1, max: 80 }), (workers, from, looks) => {
        const begin = 5000 + from * LOOK_MS;
        const end = begin + looks * LOOK_MS;
        const relays = new Relays(workers);
        relays.passUntil(end + 10_000, (_, time) => time < begin || time >= end);
        expect([...relays.lost]).toEqual([]);
      }),
    );
  });

  test('one that dies is lost after three intervals as ever', () => {
    fc.assert(
      fc.property(anyWorkers, fc.integer({ min: 5, max: 60 }), fc.nat(1), (workers, looks, which) => {
        const dies = looks * LOOK_MS;
        const relays = new Relays(workers.map((one, at) => (at === which ? { ...one, dies } : one)));
        relays.passUntil(dies + 10_000);
        expect([...relays.lost.keys()]).toEqual([`w${which}`]);
        // Its last beat was up to an interval before; a look may come a little later.
        expect(relays.lost.get(`w${which}`)! - dies).toBeLessThanOrEqual(3 * INTERVAL_MS + LOOK_MS);
        expect(relays.lost.get(`w${which}`)! - dies).toBeGreaterThanOrEqual(2 * INTERVAL_MS - LOOK_MS);
      }),
    );
  });

  test('one that died while the relay was unreachable is lost three intervals after it is back', () => {
    const relays = new Relays([worker('lives'), worker('dies', { phase: 400, dies: 8000 })]);
    relays.passUntil(30_000, (_, time) => time < 5000 || time >= 12_000);
    expect([...relays.lost.keys()]).toEqual(['dies']);
    expect(relays.lost.get('dies')).toBeGreaterThanOrEqual(12_000 + 3 * INTERVAL_MS - LOOK_MS);
    expect(relays.lost.get('dies')).toBeLessThanOrEqual(12_000 + 4 * INTERVAL_MS);
  });

  test('all are lost for good in the end, if the relay stays unreachable', () => {
    const relays = new Relays([worker('one'), worker('two', { phase: 600 })]);
    relays.passUntil(40_000, (_, time) => time < 5000);
    expect([...relays.lost.keys(), ...relays.final.keys()]).toEqual(['one', 'two', 'one', 'two']);
    expect(Math.min(...relays.lost.values())).toBeGreaterThanOrEqual(5000 - INTERVAL_MS + LOST_FINAL_MS);
  });

  test('two that die more than an interval apart do not blame the relay', () => {
    const relays = new Relays([worker('first', { dies: 5000 }), worker('second', { dies: 7000 })]);
    relays.passUntil(15_000);
    expect([...relays.lost.keys()]).toEqual(['first', 'second']);
  });

  test('one heartbeat that does not come does not blame the relay', () => {
    const relays = new Relays([worker('dies', { dies: 5000 }), worker('lives', { phase: 600 })]);
    relays.passUntil(10_000, (_, time) => time < 5500 || time >= 5700);
    expect([...relays.lost]).toEqual([['dies', 4000 + 3 * INTERVAL_MS]]);
  });

  test('a worker with a long interval that is not overdue does not blame the relay', () => {
    const relays = new Relays([worker('often', { dies: 2000 }), worker('seldom', { intervalMs: 60_000 })]);
    relays.passUntil(15_000);
    expect([...relays.lost.keys()]).toEqual(['often']);
  });
});

describe('lost as ever', () => {
  test.each([
    ['is the only worker of a relay', [worker('one', { dies: 5000 }), worker('other', { via: 'another' })]],
    ['are workers of no known relay', [worker('one', { dies: 5000, via: undefined }), worker('two', { dies: 5000, via: undefined })]],
  ])('%s', (_, workers) => {
    const relays = new Relays(workers);
    relays.passUntil(15_000);
    expect([...relays.lost.keys()]).toEqual(workers.filter(({ dies }) => dies < Infinity).map(({ id }) => id));
    expect(Math.max(...relays.lost.values())).toBeLessThanOrEqual(5000 + 3 * INTERVAL_MS + LOOK_MS);
  });
});
