import { basicOutcome } from '../../src/conventions.ts';
import { DEEPEST_SCOPE } from '../../src/progress.ts';
import { isAttempt } from './scope-state.ts';
import type { AttemptState, InsideCounts, ScopeState } from './scope-state.ts';
import type { SpanIds } from './span-map.ts';

/*
 * How many scopes are inside each scope, at any depth, how many of these have failed, and how many run: so that a line can
 * show it without the scopes. The counts are kept as facts come, and do not depend on their order:
 *
 * - An attempt counts all of its scopes.
 * - A scope counts in each scope around it. While the scope around it is not known, it counts in its attempt alone.
 * - Scopes that lie around each other in a circle, as only a foreign sender can make it, count in their attempt alone,
 *   and what is inside one of them counts in that one.
 */

/** What is needed of a task: of its draft. */
interface CountedTask {
  attemptOf(span: Pick<ScopeState, 'traceId' | 'taskSpanId'>): AttemptState;
  /** A state that may be changed. */
  get(traceId: string, spanId: string): ScopeState | undefined;
  /** The scope or task span in which a scope counts, not to be changed. */
  seenAround(scope: ScopeState): ScopeState | undefined;
  change(scope: ScopeState): void;
}

/** A scope of which the first fact has come. */
export function countNew(task: CountedTask, scope: ScopeState): void {
  const attempt = task.attemptOf(scope);
  scope.within = attempt.number;
  attempt.stepsInside++;
  attempt.runningInside++;
  task.change(attempt);
}

/** A scope turns out to be the task span of an attempt: no scope counts it any more. */
export function countNoMore(task: CountedTask, scope: ScopeState): void {
  leave(task, scope);
  const attempt = task.attemptOf(scope);
  add(attempt, { stepsInside: 1, failedInside: Number(hasFailed(scope)), runningInside: Number(isOpen(scope)) }, -1);
  task.change(attempt);
}

/** Ends a scope: it counts as failed or as neither, and no longer as running. */
export function endCounted(task: CountedTask, scope: ScopeState, end: NonNullable<ScopeState['end']>): void {
  const [wasOpen, hadFailed] = [isOpen(scope), hasFailed(scope)];
  scope.end = end;
  const change = { stepsInside: 0, failedInside: Number(hasFailed(scope)) - Number(hadFailed), runningInside: wasOpen ? -1 : 0 };
  if (isAttempt(scope) || (change.failedInside === 0 && change.runningInside === 0)) return;
  const attempt = task.attemptOf(scope);
  add(attempt, change, 1);
  task.change(attempt);
  if (isInAttempt(scope)) return;
  const { around, isCircle } = scopesAround(task, scope);
  if (!isCircle) addToAll(task, around, change, 1);
}

/** Takes a scope, with all that is inside it, out of the scopes around it, before it gets another one around it. */
export function leave(task: CountedTask, scope: ScopeState): void {
  if (isAttempt(scope) || isInAttempt(scope)) return;
  const { around, isCircle } = scopesAround(task, scope);
  if (isCircle) openCircle(task, [...around, scope].map((member) => ownOf(task, member)));
  else addToAll(task, around, withInside(scope), -1);
}

/** Takes a scope, with all that is inside it, into the scopes that are around it now. */
export function enter(task: CountedTask, scope: ScopeState): void {
  if (isAttempt(scope)) return;
  const outer = isInAttempt(scope) ? undefined : task.seenAround(scope);
  scope.within = (outer ?? task.attemptOf(scope)).number;
  if (outer === undefined) return;
  const { around, isCircle } = scopesAround(task, scope);
  if (isCircle) closeCircle(task, [...around, scope].map((member) => ownOf(task, member)));
  else addToAll(task, around, withInside(scope), 1);
}

/** The circle goes up from the first member to the last. Each but the first has counted the one before it, and stops that. */
function closeCircle(task: CountedTask, members: readonly ScopeState[]): void {
  for (let at = members.length - 1; at >= 0; at--) {
    const member = members[at]!;
    if (at > 0) add(member, withInside(members[at - 1]!), -1);
    member.within = task.attemptOf(member).number;
    task.change(member);
  }
}

/** The last member leaves the circle. Each but the first counts the one before it again. */
function openCircle(task: CountedTask, members: readonly ScopeState[]): void {
  members.forEach((member, at) => {
    const inside = members[at - 1];
    if (inside !== undefined) {
      inside.within = member.number;
      add(member, withInside(inside), 1);
    }
    task.change(member);
  });
}

function addToAll(task: CountedTask, scopes: readonly ScopeState[], counts: InsideCounts, times: 1 | -1): void {
  for (const scope of scopes) {
    const own = ownOf(task, scope);
    add(own, counts, times);
    task.change(own);
  }
}

function add(scope: ScopeState, { stepsInside, failedInside, runningInside }: InsideCounts, times: 1 | -1): void {
  scope.stepsInside += times * stepsInside;
  scope.failedInside += times * failedInside;
  scope.runningInside += times * runningInside;
}

function isOpen({ end }: ScopeState): boolean {
  return end === null;
}

function hasFailed({ end }: ScopeState): boolean {
  return end !== null && basicOutcome(end.outcome) === 'failed';
}

/** A scope with all that is inside it, as it counts in those around it. */
function withInside(scope: ScopeState): InsideCounts {
  const { stepsInside, failedInside, runningInside } = scope;
  return { stepsInside: stepsInside + 1, failedInside: failedInside + Number(hasFailed(scope)), runningInside: runningInside + Number(isOpen(scope)) };
}

/** The state of a scope that may be changed. */
function ownOf(task: CountedTask, scope: SpanIds): ScopeState {
  return task.get(scope.traceId, scope.spanId)!;
}

/** Mostly a scope lies in its attempt: then nothing else has to be looked for. */
function isInAttempt({ hangsIn, parentSpanId, taskSpanId }: ScopeState): boolean {
  const outer = hangsIn === '' ? parentSpanId : hangsIn;
  return outer === '' || outer === taskSpanId;
}

/** How many scopes around one are looked at. A deeper scope counts in one of them, unless the scopes around it came later. */
const MOST_AROUND = 2 * DEEPEST_SCOPE;

/**
 * The scopes around a scope that count it, innermost first; they are not to be changed. Where it lies in a circle itself, the
 * others of the circle.
 */
function scopesAround(task: CountedTask, scope: ScopeState): { around: readonly ScopeState[]; isCircle: boolean } {
  let outer = task.seenAround(scope);
  const around: ScopeState[] = [];
  let marked: ScopeState | undefined;
  for (let markAt = 2; outer !== undefined && !isAttempt(outer) && around.length < MOST_AROUND; outer = task.seenAround(outer)) {
    if (outer.spanId === scope.spanId && outer.traceId === scope.traceId) return { around, isCircle: true };
    around.push(outer);
    if (outer === marked) return { around: untilCircle(around), isCircle: false };
    if (around.length < markAt) continue;
    marked = outer;
    markAt *= 2;
  }
  return { around, isCircle: false };
}

/** The scopes up to the first of a circle, which they reach. */
function untilCircle(around: readonly ScopeState[]): readonly ScopeState[] {
  const seen = new Set<ScopeState>();
  const again = around.find((scope) => seen.size === seen.add(scope).size)!;
  return around.slice(0, around.indexOf(again) + 1);
}
