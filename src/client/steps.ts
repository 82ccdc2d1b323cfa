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

/** The steps of a list that are shown, in their order: the urgent ones, and the latest of the others. */
export function shownOf(scopes: readonly ScopeNode[]): readonly ScopeNode[] {
  if (scopes.length <= ROWS) return scopes;
  const urgent = scopes.filter(isUrgent).slice(-2 * ROWS);
  const rest = Math.max(0, ROWS - urgent.length);
  const shown = new Set([...urgent, ...(rest === 0 ? [] : scopes.filter((step) => !isUrgent(step)).slice(-rest))]);
  return scopes.filter((step) => shown.has(step));
}
