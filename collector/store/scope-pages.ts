import { layeredMap, valueIn } from '../../src/layered-map.ts';
import { plannedNames } from '../../src/progress.ts';
import type { PlannedNames } from '../../src/progress.ts';
import type { SeqSet } from '../record/fact-sequence.ts';
import type { ScopeState } from '../record/scope-state.ts';

/** Of so many names a plan stands in the scope's row. */
const MOST_IN_ROW = 64;
/** So many names have what they have done in one page. */
const NAMES_IN_PAGE = 128;

/** What a page has: a plan by names; what some of its names have done; some of the sequence numbers that were seen. */
const KINDS = ['plan', 'units', 'seen'] as const;

/** A part of a scope that has its own row, so that a commit writes only the parts that it changes. */
export interface ScopePage {
  /** Index among {@link KINDS}. */
  readonly kind: number;
  readonly page: number;
  /** JSON. */
  readonly data: string;
}

/** Whether a plan's names are kept in pages. */
export function areInPages(names: PlannedNames): boolean {
  return names.weights.length > MOST_IN_ROW;
}

/** The pages that a draft of a scope has changed. */
export function changedPages({ plan, names, seenPages }: ScopeState): ScopePage[] {
  const pages: ScopePage[] = [];
  if (plan !== null && names !== null && areInPages(names)) {
    if (!names.isStored) pages.push(pageOf('plan', 0, plan.plan));
    for (const page of changedNamePages(names)) pages.push(pageOf('units', page, unitsIn(names, page)));
  }
  if (seenPages !== null) for (const [page, set] of seenPages.pages.changed) pages.push(pageOf('seen', page, set));
  return pages;
}

/** Whether the row of a scope lacks what is in pages. */
export function lacksPages({ names, seenPages }: ScopeState): boolean {
  return seenPages !== null || (names !== null && names.weights.length === 0);
}

/** Adds what is in pages to the scope of a row. */
export function addPages(scope: ScopeState, pages: Iterable<ScopePage>): void {
  const units = layeredMap<number, number>();
  for (const { kind, page, data } of pages) {
    const value = JSON.parse(data) as unknown;
    if (KINDS[kind] === 'seen') scope.seenPages!.pages.kept.set(page, value as SeqSet);
    else if (KINDS[kind] === 'plan') {
      const plan = value as Record<string, number>;
      scope.plan = { ...scope.plan!, plan };
      scope.names = { ...plannedNames(plan), done: scope.names!.done, units, isStored: true };
    } else {
      (value as number[]).forEach((done, at) => done > 0 && units.kept.set(page * NAMES_IN_PAGE + at, done));
    }
  }
}

function pageOf(kind: (typeof KINDS)[number], page: number, value: unknown): ScopePage {
  return { kind: KINDS.indexOf(kind), page, data: JSON.stringify(value) };
}

/** A new plan overwrites all pages of one that was known before. */
function changedNamePages({ isStored, weights, units }: PlannedNames): Iterable<number> {
  if (!isStored) return Array.from({ length: Math.ceil(weights.length / NAMES_IN_PAGE) }, (_, page) => page);
  return new Set([...units.changed.keys()].map((number) => Math.floor(number / NAMES_IN_PAGE)));
}

function unitsIn({ weights, units }: PlannedNames, page: number): number[] {
  const first = page * NAMES_IN_PAGE;
  return Array.from({ length: Math.min(NAMES_IN_PAGE, weights.length - first) }, (_, at) => valueIn(units, first + at) ?? 0);
}
