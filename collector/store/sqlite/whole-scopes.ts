import { inSlices, Slices } from '../../async.ts';
import type { JournalRow } from '../../record/journal.ts';
import type { ScopeState } from '../../record/scope-state.ts';
import { scopeTreeSteps } from '../../record/scope-tree.ts';
import { recentOffsets, RecentNotifications } from '../stored-log.ts';
import type { StoredScopes } from '../task-store.ts';
import type { ScopeRows } from './reads.ts';
import { scopesOfGroup } from './scopes.ts';

/**
 * Makes the tree of a task's scopes from their rows, in slices: of a hundred thousand scopes that takes a second.
 *
 * @param journalRow Reads the row of the log at an offset. Only the rows that have the last notifications of a scope are
 *   read.
 */
export async function wholeScopes(
  { version, isLostForGood, attempts, groups }: ScopeRows,
  journalRow: (offset: number) => Promise<Pick<JournalRow, 'text' | 'entries'> | undefined>,
): Promise<StoredScopes> {
  const slices = new Slices();
  const scopes: ScopeState[] = [];
  for (const group of groups) {
    scopes.push(...scopesOfGroup(group, attempts));
    await slices.next();
  }
  const recent = new RecentNotifications();
  for (const offset of recentOffsets(scopes)) {
    const row = await journalRow(offset);
    if (row !== undefined) recent.add(row);
    await slices.next();
  }
  const tree = await inSlices(scopeTreeSteps(scopes, recent.close(), isLostForGood));
  return { version, attempts: tree, ...(isLostForGood && { isLostForGood }) };
}
