import type { Outcome } from './conventions.ts';
import type { Plan } from './fact.ts';
import { draftOf, layeredMap, valueIn } from './layered-map.ts';
import type { LayeredMap } from './layered-map.ts';

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
  /** With a plan by names: what scopes of these names have done. */
  names: PlannedNames | null;
  /** What the scope has added to the scope around it, in {@link UNITS}. */
  units: number;
}

/** The whole of one scope. It is an integer, so that sums do not depend on their order. */
const UNITS = 1_000_000_000;

/**
 * A plan by names, so that one more step costs the same however many names there are. Sums are integers of any size: a
 * sum of floating-point numbers would depend on the order of the steps.
 */
export interface PlannedNames {
  /** Which number a name has, from 0. */
  readonly numbers: ReadonlyMap<string, number>;
  /** The weight of each name, by its number. */
  readonly weights: readonly bigint[];
  /** The sum of all weights, in {@link UNITS}. */
  readonly whole: bigint;
  /** The sum of what each name has done, by its weight, in {@link UNITS}. */
  done: bigint;
  /** The most that a scope of each name has done, by the name's number, in {@link UNITS}. */
  readonly units: LayeredMap<number, number>;
  /** Whether a store has the plan. */
  isStored: boolean;
}

/** The names of a plan, of which nothing is done yet. */
export function plannedNames(plan: Readonly<Record<string, number>>): PlannedNames {
  const entries = Object.entries(plan);
  const greatest = entries.reduce((most, [, weight]) => Math.max(most, weight), 0);
  // Powers of two: nothing is rounded but weights that are nothing beside the greatest.
  const scale = 2 ** Math.floor(Math.log2(greatest));
  const weights = entries.map(([, weight]) => BigInt(Math.round((weight / scale) * WEIGHT)));
  const whole = weights.reduce((sum, weight) => sum + weight, 0n) * BigInt(UNITS);
  const numbers = new Map(entries.map(([name], number) => [name, number]));
  return { numbers, weights, whole, done: 0n, units: layeredMap(), isStored: false };
}

/** What the greatest weight is at least, and less than twice as much. */
const WEIGHT = 2 ** 115;

/** The most names that a plan may have. */
export const MOST_PLANNED = 20_000;

/** The most scopes around a scope, its task among them: a deeper one counts at that depth, as if it stood beside the scope around it. */
export const DEEPEST_SCOPE = 200;

/** Copies what changes: the copy is a draft. */
export function draftOfNames(names: PlannedNames): PlannedNames {
  return { ...names, units: draftOf(names.units) };
}

/** The share that `done` steps of `total` are. */
export function shareDone(done: number, total: number): number {
  return total === 0 ? 1 : Math.min(1, done / total);
}

/** The share of a scope that runs; `null` if nothing has been reported. */
export function shareOf({ share, plan, insideUnits, names }: Omit<ScopeProgress, 'name' | 'units'>): number | null {
  if (plan === null) return share;
  return Math.max(share ?? 0, names === null ? plannedShare(plan.plan, insideUnits) : quotient(names.done, names.whole));
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

/** With a plan by names, keeps the most that a scope of each planned name has done. */
export function addByName({ names }: ScopeProgress, inner: Pick<ScopeProgress, 'name' | 'units'>): void {
  const number = names?.numbers.get(inner.name);
  if (names === null || number === undefined) return;
  const known = valueIn(names.units, number) ?? 0;
  if (inner.units <= known) return;
  names.units.changed.set(number, inner.units);
  names.done += names.weights[number]! * BigInt(inner.units - known);
}

function plannedShare(plan: Plan, insideUnits: number): number {
  return typeof plan === 'number' ? Math.min(1, insideUnits / (plan * UNITS)) : 0;
}

/** The quotient of two integers, as exact as a number is. */
function quotient(part: bigint, whole: bigint): number {
  return Number((part << 64n) / whole) / 2 ** 64;
}

/** How many names of inner scopes are kept until their scope has a plan. */
const MOST_NAMES = 1000;

/** What a task is doing: a scope, and its steps done and to do as far as they are known. */
export interface CurrentScope {
  readonly name: string;
  readonly done: number | null;
  readonly total: number | null;
}

/**
 * Follows how far a scope is in the process in which it runs. The outermost one reports each greater share, and until
 * there is one the scope that has begun or progressed last.
 *
 * Its share is the record's, but for a plan that comes after a thousand scopes of different names: later names
 * count as not begun then, since a process keeps no list of scopes that have ended.
 */
export class ProgressTracker implements ScopeProgress, CurrentScope {
  readonly name: string;
  done: number | null = null;
  total: number | null = null;
  share: number | null = null;
  plan: { readonly plan: Plan } | null = null;
  insideUnits = 0;
  names: PlannedNames | null = null;
  units = 0;
  readonly #outer: ProgressTracker | undefined;
  readonly #depth: number;
  readonly #onShare: ((share: number) => void) | undefined;
  readonly #onCurrent: ((scope: CurrentScope) => void) | undefined;
  readonly #outermost: ProgressTracker;
  /** Of the outermost scope: the one inside that has begun or progressed last. */
  #current: ProgressTracker | undefined;
  #isScopeShown = false;
  #reported = 0;
  #hasEnded = false;
  /** Until there is a plan: the most that a scope of each name has done. */
  #unplanned: Map<string, number> | undefined;

  /** @param onShare Called with each greater share of the outermost scope. Neither function may throw. */
  constructor(
    name: string,
    outer: ProgressTracker | undefined,
    onShare?: (share: number) => void,
    onCurrent?: (scope: CurrentScope) => void,
  ) {
    this.name = name;
    this.#outer = outer !== undefined && outer.#depth >= DEEPEST_SCOPE ? outer.#outer : outer;
    this.#depth = this.#outer === undefined ? 0 : this.#outer.#depth + 1;
    this.#outermost = outer === undefined ? this : outer.#outermost;
    this.#onShare = onShare;
    this.#onCurrent = onCurrent;
  }

  begin(): void {
    this.#outermost.#showCurrent(this);
  }

  reportDone(done: number, total: number | undefined): void {
    this.done = done;
    this.total = total ?? null;
    if (total !== undefined) {
      this.share = Math.max(this.share ?? 0, shareDone(done, total));
      this.#changed();
    }
    this.#outermost.#showCurrent(this);
  }

  /** The first plan counts. */
  setPlan(plan: Plan): void {
    if (this.plan !== null) return;
    this.plan = { plan };
    if (typeof plan === 'object') this.names = plannedNames(plan);
    for (const [name, units] of this.#unplanned ?? []) addByName(this, { name, units });
    this.#unplanned = undefined;
    this.#changed();
  }

  end(outcome: Outcome): void {
    this.#hasEnded = true;
    if (this.#outer !== undefined) this.#changed();
    // A task that has reported nothing stays without a share in its own process.
    else if (outcome === 'completed' && shareOf(this) !== null) this.#report(1);
    if (this.#outermost.#current === this && this.#outer !== undefined) this.#outermost.#showCurrent(this.#outer);
  }

  /** Shows the scope, or the nearest around it that is open. A task that only has scopes shows them, not itself. */
  #showCurrent(scope: ProgressTracker): void {
    let current = scope;
    while (current.#hasEnded && current.#outer !== undefined) current = current.#outer;
    this.#current = current;
    if (this.#onCurrent === undefined || shareOf(this) !== null || (current === this && this.done === null)) return;
    this.#isScopeShown = true;
    this.#onCurrent(current);
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
    if (share <= this.#reported && !this.#isScopeShown) return;
    this.#isScopeShown = false;
    this.#reported = share;
    this.#onShare?.(share);
  }
}
