import type { ScopeLine, ScopeNode } from '../task-record.ts';

/** Which steps a page shows, and which of them open: the same on the server and in the browser. */

/** Whether a step is what somebody looks for: it runs or has failed, or something inside it does or has. */
export function isUrgent({ outcome, failed, running }: ScopeLine): boolean {
  return outcome === 'running' || outcome === 'failed' || outcome === 'timed_out' || outcome === 'lost' || failed > 0 || running > 0;
}

/** How many steps inside a step are not in its node. */
export function leftOut({ steps, scopes }: ScopeNode): number {
  return Math.max(0, scopes.reduce((left, inner) => left - 1 - inner.steps, steps));
}

/** So many rows of one list are shown at once, but for those that are urgent. */
const ROWS = 200;

/**
 * The steps of a list that are shown, in the order of their starts: the urgent ones, and the latest of the others.
 *
 * @param isWhole Whether all of them are, since a person has asked for them.
 */
export function shownOf(scopes: readonly ScopeNode[], isWhole = false): readonly ScopeNode[] {
  const inOrder = scopes.toSorted(byStart);
  if (isWhole || scopes.length <= ROWS) return inOrder;
  const urgent = inOrder.filter(isUrgent).slice(-2 * ROWS);
  const others = urgent.length < ROWS ? inOrder.filter((step) => !isUrgent(step)).slice(urgent.length - ROWS) : [];
  const shown = new Set([...urgent, ...others]);
  return inOrder.filter((step) => shown.has(step));
}

function byStart(one: ScopeLine, other: ScopeLine): number {
  const [start, otherStart] = [one.start ?? '~', other.start ?? '~'];
  if (start !== otherStart) return start < otherStart ? -1 : 1;
  return one.span_id < other.span_id ? -1 : 1;
}
