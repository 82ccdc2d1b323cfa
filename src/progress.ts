import type { Outcome } from './conventions.ts';
import type { Plan } from './fact.ts';

/**
 * How far a scope is: one rule, for the record and for the process in which the scope runs.
 *
 * A scope's share is a number from 0 to 1. It is the greatest share that the scope itself has reported,
 * or what the scopes inside it have done of its plan, whichever is more. So it never falls, and the order
 * in which reports arrive makes no difference.
 */
export interface ScopeProgress {
  readonly name: string;
  /** The greatest share that the scope, or a child task for which it stands, has reported; `null` if none. */
  share: number | null;
  plan: { readonly plan: Plan } | null;
  /** Sum of what the scopes inside have done, in {@link UNITS} each. */
  insideUnits: number;
  /** With a plan by name: the most that a scope of each planned name has done, in {@link UNITS}. */
  insideByName: Record<string, number>;
  /** What the scope has added to the scope around it, in {@link UNITS}. */
  units: number;
}

/** The whole of one scope. It is an integer, so that sums do not depend on their order. */
const UNITS = 1_000_000_000;

/** The share that `done` steps of `total` are. */
export function shareDone(done: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, done / total);
}

/** The share of a scope that runs; `null` if nothing has been reported. */
export function shareOf({ share, plan, insideUnits, insideByName }: ScopeProgress): number | null {
  if (plan === null) return share;
  return Math.max(share ?? 0, plannedShare(plan.plan, insideUnits, insideByName));
}

/** Adds what a scope has newly done to the scope around it. Returns `false` where it has done nothing new. */
export function addToOuter(inner: ScopeProgress, hasEnded: boolean, outer: ScopeProgress): boolean {
  // What has ended is over, however it ended: a failed scope delays no other.
  const units = hasEnded ? UNITS : Math.floor((shareOf(inner) ?? 0) * UNITS);
  const gained = units - inner.units;
  if (gained <= 0) return false;
  inner.units = units;
  outer.insideUnits += gained;
  addByName(outer, inner);
  return true;
}

/** With a plan by name, keeps the most that a scope of each planned name has done. */
export function addByName(outer: ScopeProgress, inner: Pick<ScopeProgress, 'name' | 'units'>): void {
  const plan = outer.plan?.plan;
  if (typeof plan !== 'object' || !Object.hasOwn(plan, inner.name)) return;
  const known = outer.insideByName[inner.name] ?? 0;
  if (inner.units > known) outer.insideByName[inner.name] = inner.units;
}

function plannedShare(plan: Plan, insideUnits: number, insideByName: Readonly<Record<string, number>>): number {
  if (typeof plan === 'number') return Math.min(1, insideUnits / (plan * UNITS));
  return weightedShare(plan, insideByName, 1) ?? weightedShare(plan, insideByName, SMALL)!;
}

/** Scales weights whose sum no number can hold. It is a power of two, so that it rounds none. */
const SMALL = 2 ** -64;

/** The share of a plan by name; `undefined` where the sum of the weights is too great. */
function weightedShare(plan: Readonly<Record<string, number>>, insideByName: Readonly<Record<string, number>>, scale: number): number | undefined {
  let done = 0;
  let all = 0;
  for (const [name, weight] of Object.entries(plan)) {
    all += weight * scale;
    done += weight * scale * ((insideByName[name] ?? 0) / UNITS);
  }
  return all === Infinity ? undefined : Math.min(1, done / all);
}

/** How many names of inner scopes are kept until their scope has a plan. */
const MOST_NAMES = 1000;

/**
 * Follows how far a scope is in the process in which it runs. The outermost one reports each greater share.
 *
 * Its share is the record's, but for a plan that comes after a thousand scopes of different names: later names
 * count as not begun then, since a process keeps no list of scopes that have ended.
 */
export class ProgressTracker implements ScopeProgress {
  readonly name: string;
  share: number | null = null;
  plan: { readonly plan: Plan } | null = null;
  insideUnits = 0;
  insideByName: Record<string, number> = namesOnly();
  units = 0;
  readonly #outer: ProgressTracker | undefined;
  readonly #onShare: ((share: number) => void) | undefined;
  #reported = 0;
  #hasEnded = false;
  /** Until there is a plan: the most that a scope of each name has done. */
  #unplanned: Map<string, number> | undefined;

  /** @param onShare Called with each greater share of the outermost scope. It must not throw. */
  constructor(name: string, outer: ProgressTracker | undefined, onShare?: (share: number) => void) {
    this.name = name;
    this.#outer = outer;
    this.#onShare = onShare;
  }

  reportDone(done: number, total: number | undefined): void {
    if (total === undefined) return;
    this.share = Math.max(this.share ?? 0, shareDone(done, total));
    this.#changed();
  }

  /** The first plan counts. */
  setPlan(plan: Plan): void {
    if (this.plan !== null) return;
    this.plan = { plan };
    for (const [name, units] of this.#unplanned ?? []) addByName(this, { name, units });
    this.#unplanned = undefined;
    this.#changed();
  }

  end(outcome: Outcome): void {
    this.#hasEnded = true;
    if (this.#outer !== undefined) this.#changed();
    // A task that has reported nothing stays without a share in its own process.
    else if (outcome === 'completed' && shareOf(this) !== null) this.#report(1);
  }

  #changed(): void {
    const outer = this.#outer;
    if (outer === undefined) this.#report(shareOf(this) ?? 0);
    else if (addToOuter(this, this.#hasEnded, outer)) outer.#grownInside(this);
  }

  #grownInside({ name, units }: ProgressTracker): void {
    if (this.plan !== null) {
      this.#changed();
      return;
    }
    this.#unplanned ??= new Map();
    const known = this.#unplanned.get(name);
    if (known === undefined ? this.#unplanned.size < MOST_NAMES : units > known) this.#unplanned.set(name, units);
  }

  #report(share: number): void {
    if (share <= this.#reported) return;
    this.#reported = share;
    this.#onShare?.(share);
  }
}

/** An object whose keys may be any names, `__proto__` among them. */
export function namesOnly(entries: Readonly<Record<string, number>> = {}): Record<string, number> {
  return Object.assign(Object.create(null) as Record<string, number>, entries);
}
