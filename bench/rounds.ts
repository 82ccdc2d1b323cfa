import { medianOf, spreadOf } from './figure.ts';
import type { Figure, Target } from './figure.ts';

/** How long to measure. */
export interface Effort {
  /** Whether the run is only to see that all works: fewer, shorter rounds and smaller amounts. */
  readonly quick: boolean;
  readonly rounds: number;
  /** How long a side's part of a round lasts, in milliseconds. */
  readonly roundMs: number;
}

export function effortOf(quick: boolean): Effort {
  return quick ? { quick, rounds: 5, roundMs: 40 } : { quick, rounds: 21, roundMs: 200 };
}

/** Does the thing so many times. */
export type Work = (count: number) => void | Promise<void>;

/** Cost of doing it once, in nanoseconds. */
export interface Timing {
  readonly cpu: number;
  readonly wall: number;
}

/** Options of {@link measureRounds}. */
export interface RoundsOptions {
  readonly effort: Effort;
  /** How much CPU time has been used, in microseconds. Default: by this thread. */
  readonly cpuTime?: () => number | Promise<number>;
  /** What happens before each side's part of a round, outside the timing. */
  readonly settle?: () => void | Promise<void>;
  /** A count for all rounds. Default: as many as {@link Effort.roundMs} takes. */
  readonly count?: number;
  /** How many times one count does the thing. Default 1. */
  readonly per?: number;
  /** Splits a side's part of a round into bursts of this count, with a {@link settle} before each. */
  readonly burst?: number;
}

/**
 * Measures sides against each other: after warming up, each round does one after the other, in
 * an order that turns from round to round, so that what disturbs the machine disturbs all of them.
 */
export async function measureRounds<Side extends string>(
  sides: Record<Side, Work>,
  options: RoundsOptions,
): Promise<Record<Side, Timing[]>> {
  const names = Object.keys(sides) as Side[];
  const counts = new Map<Side, number>();
  const timings = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Side, Timing[]>;
  for (const name of names) counts.set(name, options.count ?? (await calibrate(sides[name], options)));
  for (let round = -WARM_ROUNDS; round < options.effort.rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(turn + round + WARM_ROUNDS) % names.length]!;
      const timing = await timeRound(sides[name], counts.get(name)!, options);
      if (round >= 0) timings[name].push(timing);
    }
  }
  return timings;
}

const WARM_ROUNDS = 2;

/** The figure of two sides that were measured in the same rounds. */
export function figureOf(
  name: string,
  { ours, bare }: Record<'ours' | 'bare', readonly Timing[]>,
  target?: Target,
): Figure {
  const by = (clock: keyof Timing): { ours: number; bare: number; ratio: ReturnType<typeof spreadOf> } => ({
    ours: medianOf(ours.map((timing) => timing[clock])),
    bare: medianOf(bare.map((timing) => timing[clock])),
    ratio: spreadOf(ours.map((timing, round) => timing[clock] / bare[round]![clock])),
  });
  return { name, unit: 'ns', ...by('cpu'), wall: by('wall'), target };
}

/**
 * How many times make a part of a round long enough. Doing it so often warms up, too. By CPU time:
 * on a busy machine doing it once can take as long.
 */
async function calibrate(work: Work, options: RoundsOptions): Promise<number> {
  const { roundMs } = options.effort;
  for (let count = 1; ; count *= 2) {
    const { cpu } = await timeRound(work, count, options);
    const ms = (cpu * count * (options.per ?? 1)) / 1e6;
    if (ms >= roundMs / 2) return Math.ceil((count * roundMs) / ms);
  }
}

async function timeRound(work: Work, count: number, options: RoundsOptions): Promise<Timing> {
  const { cpuTime = threadCpuTime, settle, burst = count, per = 1 } = options;
  let [cpu, wall] = [0, 0];
  for (let left = count; left > 0; left -= burst) {
    await settle?.();
    // Collecting the garbage of the other side is no cost of this side.
    globalThis.gc?.({ type: burst === count ? 'major' : 'minor' });
    const cpuBefore = await cpuTime();
    const before = performance.now();
    await work(Math.min(burst, left));
    wall += performance.now() - before;
    cpu += (await cpuTime()) - cpuBefore;
  }
  return { cpu: (cpu * 1e3) / (count * per), wall: (wall * 1e6) / (count * per) };
}

function threadCpuTime(): number {
  nap();
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

/** CPU time of all threads of this process, in microseconds. */
export function processCpuTime(): number {
  nap();
  const { user, system } = process.cpuUsage();
  return user + system;
}

const neverNotified = new Int32Array(new SharedArrayBuffer(4));

/** The kernel books a thread's time when the thread gives way, else only every few milliseconds. */
function nap(): void {
  Atomics.wait(neverNotified, 0, 0, 0.05);
}
