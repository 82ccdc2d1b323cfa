import type { ScopeLine, ScopeNode, TaskState } from '../task-record.ts';
import { plain } from './words.ts';

/** Which steps a page shows, which of them open, and how: the same on the server and in the browser. */

/**
 * The state as which a step is shown.
 *
 * @param isLost Whether its worker is lost: what was open then has not ended by itself.
 */
export function shownState({ outcome }: Pick<ScopeLine, 'outcome'>, isLost = false): TaskState {
  if (outcome === 'running' && isLost) return 'lost';
  if (outcome === 'timed_out') return 'failed';
  return outcome === 'skipped' ? 'cancelled' : outcome;
}

/** How many characters of a message stand in a row. */
const NOTE_CHARACTERS = 300;

/** What stands below a step: its error, or its latest message while it runs or where it was lost. */
export function noteOf({ error, last, outcome }: ScopeLine): string | undefined {
  const note = error ?? (outcome === 'running' || outcome === 'lost' ? last?.message : undefined);
  return note === undefined ? undefined : plain(note.slice(0, NOTE_CHARACTERS));
}

/** Whether a step stands out: it runs or has failed, or a step inside it does or has. */
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
