import type { ScopeNode } from '../task-record.ts';
import { hide, make, one, put, putIcon } from './dom.ts';
import { isUrgent, leftOut, noteOf, shownOf, shownState } from './steps.ts';
import { figure, plain, text } from './words.ts';

/** What all rows of a task need. */
interface StepContext {
  readonly now: number;
  /** Whether its worker is lost: what was open then has not ended by itself. */
  readonly isLost: boolean;
  /** The row of which new ones are copies. */
  readonly template: HTMLElement;
  /** Steps that a person has asked for, by the span id of the step around them. */
  readonly asked: ReadonlyMap<string, readonly ScopeNode[]>;
}

/** What each row shows just now. */
const shown = new WeakMap<Element, ScopeNode>();

/**
 * Brings a list of steps up to date in place. Rows that have not changed are not touched; what a person has opened or
 * closed stays so; while the pointer is over the list nothing closes under it.
 */
export function patchSteps(list: Element, around: ScopeNode, context: StepContext): void {
  const asked = context.asked.get(around.span_id);
  const scopes = asked === undefined ? around.scopes : joined(asked, around.scopes);
  const steps = shownOf(scopes, asked !== undefined);
  const rows = new Map<string, HTMLElement>();
  for (const row of list.querySelectorAll<HTMLElement>(':scope > [id]')) rows.set(row.id, row);
  let at = list.firstElementChild;
  for (const step of steps) {
    const id = `s-${step.span_id}`;
    const row = rows.get(id) ?? newRow(id, context.template);
    rows.delete(id);
    if (row === at) at = row.nextElementSibling;
    else list.insertBefore(row, at);
    patchRow(row, step, context);
  }
  // What is over is not shown for ever; it comes again on request.
  for (const row of rows.values()) row.remove();
  patchMore(list, leftOut({ ...around, scopes: [...steps] }), around.span_id);
}

/** Steps that were asked for once, with what has changed in them since. */
function joined(asked: readonly ScopeNode[], known: readonly ScopeNode[]): ScopeNode[] {
  const byId = new Map(asked.map((step) => [step.span_id, step]));
  for (const step of known) byId.set(step.span_id, step);
  return [...byId.values()];
}

function newRow(id: string, template: HTMLElement): HTMLElement {
  const row = template.cloneNode(true) as HTMLElement;
  row.id = id;
  return row;
}

function patchRow(row: HTMLElement, step: ScopeNode, context: StepContext): void {
  const { now, isLost } = context;
  const before = shown.get(row);
  const isOver = step.outcome !== 'running' && step.running === 0;
  if (before === step && isOver && !context.asked.has(step.span_id)) return;
  shown.set(row, step);
  const state = shownState(step, isLost);
  if (step.steps > 0) toDetails(row, step);
  const details = row.firstElementChild instanceof HTMLDetailsElement ? row.firstElementChild : undefined;
  const line = details === undefined ? row.firstElementChild! : details.firstElementChild!;
  if (row.dataset['state'] !== state) {
    row.dataset['state'] = state;
    putIcon(one(line, '.icon'), state);
  }
  put(one(line, '.name bdi'), plain(step.name));
  put(one(line, '.figure'), figure(step, now));
  patchNote(line, step);
  if (details === undefined) return;
  const isKept = 'kept' in details.dataset || (before !== undefined && isUrgent(before) === isUrgent(step) && before !== step);
  if (!isKept && details.open !== isUrgent(step) && (isUrgent(step) || !row.parentElement!.closest('.steps')!.matches(':hover'))) details.open = isUrgent(step);
  // What is closed is brought up to date when it is opened.
  if (details.open) patchSteps(details.lastElementChild!, step, context);
}

/** A step in which another one has begun becomes one that can be opened. */
function toDetails(row: HTMLElement, step: ScopeNode): void {
  const line = row.firstElementChild!;
  if (line instanceof HTMLDetailsElement) return;
  const details = make('details');
  const summary = make('summary');
  summary.append(...line.childNodes);
  const inside = make('ul');
  inside.dataset['of'] = step.span_id;
  details.append(summary, ...[...row.children].slice(1), inside);
  details.open = isUrgent(step);
  line.replaceWith(details);
}

function patchNote(line: Element, step: ScopeNode): void {
  const words = noteOf(step);
  const next = line.nextElementSibling as HTMLElement | null;
  let note = next?.matches('.said') ? next : null;
  if (note === null && words === undefined) return;
  if (note === null) {
    note = make('p');
    note.append(make('bdi'));
    line.after(note);
  }
  note.className = step.error === null ? 'said' : 'said error';
  hide(note, words === undefined);
  if (words !== undefined) put(one(note, 'bdi'), words);
}

/** The link to the steps that are left out, at the end of a list. */
function patchMore(list: Element, count: number, spanId: string): void {
  let more = one(list, ':scope > .more');
  if (count === 0) {
    more?.remove();
    return;
  }
  if (more === null) {
    more = make('li', 'more');
    const link = make('a');
    link.href = `?of=${spanId}`;
    more.append(link);
  }
  if (list.lastElementChild !== more) list.append(more);
  put(more.firstElementChild, list.children.length === 1 ? text.moreSteps(count) : text.furtherSteps(count));
}
