import { UNITS } from './scope-state.ts';
import type { ScopeState } from './scope-state.ts';
import type { TaskFold } from './task-fold.ts';

/**
 * How far a scope is: the greatest share that its own progress told, or what the scopes inside
 * it have done of its plan, whichever is more; 1 when it has completed; `null` if nobody said.
 * So it never falls, in whatever order facts arrive.
 */
export function progressOf(scope: ScopeState): number | null {
  if (scope.end?.outcome === 'completed') return 1;
  const planned = plannedShare(scope);
  if (scope.share === null) return planned;
  return planned === null ? scope.share : Math.max(scope.share, planned);
}

/**
 * Takes a scope's changed progress into the scopes around it. Where these lie in a circle, which only a
 * foreign sender can make, it stops when it comes by the scope that it has marked last.
 */
export function rollUp(task: TaskFold, scope: ScopeState): void {
  let inside = scope;
  let marked = scope;
  for (let steps = 1, markAt = 2; ; steps++) {
    task.change(inside);
    const around = task.around(inside);
    if (around === undefined) return;
    // What has ended is over, however it ended: a failed part holds nobody up.
    const units = inside.end === null ? Math.floor((progressOf(inside) ?? 0) * UNITS) : UNITS;
    const gained = units - inside.units;
    if (gained <= 0) return;
    inside.units = units;
    around.insideUnits += gained;
    addByName(around, inside);
    task.change(around);
    if (around.plan === null) return;
    inside = around;
    if (inside === marked) return;
    if (steps < markAt) continue;
    marked = inside;
    markAt *= 2;
  }
}

/** With a plan by name, keeps the most that a scope of each planned name has done. */
export function addByName(around: ScopeState, inside: ScopeState): void {
  const plan = around.plan?.plan;
  if (typeof plan !== 'object' || !Object.hasOwn(plan, inside.name)) return;
  const known = around.insideByName[inside.name] ?? 0;
  if (inside.units > known) around.insideByName[inside.name] = inside.units;
}

function plannedShare(scope: ScopeState): number | null {
  const plan = scope.plan?.plan;
  if (plan === undefined) return null;
  if (typeof plan === 'number') return Math.min(1, scope.insideUnits / (plan * UNITS));
  return weightedShare(plan, scope.insideByName, 1) ?? weightedShare(plan, scope.insideByName, SMALL)!;
}

/** For weights whose sum no number can hold; a power of two, so that it changes none. */
const SMALL = 2 ** -64;

/** `undefined` where the sum of the weights is too great. */
function weightedShare(plan: Readonly<Record<string, number>>, insideByName: Record<string, number>, scale: number): number | undefined {
  let done = 0;
  let all = 0;
  for (const [name, weight] of Object.entries(plan)) {
    all += weight * scale;
    done += weight * scale * ((insideByName[name] ?? 0) / UNITS);
  }
  return all === Infinity ? undefined : Math.min(1, done / all);
}
