import type { StoredTask } from '../store/task-store.ts';

/**
 * The strong `ETag` of a task's representation: its version, its liveness and which one it is.
 * Liveness changes a record without a commit; of log and scopes it is no part.
 *
 * @param representation `json` for the record; `text` for the log; `scopes` for the tree.
 */
export function entityTag(
  task: Pick<StoredTask, 'version'> & Partial<Pick<StoredTask, 'state' | 'liveness'>>,
  representation: 'json' | 'text' | 'scopes',
): string {
  return `"${task.version}-${representation === 'json' ? livenessTag(task) : '0'}-${representation}"`;
}

function livenessTag({ state, liveness }: Partial<Pick<StoredTask, 'state' | 'liveness'>>): string {
  if (liveness === undefined) return state === 'lost' ? 'lost' : '0';
  const { heard, busySince, final } = liveness;
  const kind = state === 'lost' ? (final ? 'final' : 'lost') : '';
  return `${kind}${heard.toString(36)}${busySince === null ? '' : `.${busySince.toString(36)}`}`;
}

/** Whether `If-None-Match` names the tag: in a list, as a weak one, or by `*` (RFC 9110, 13.1.2). */
export function isNoneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  // A tag of another server may hold a comma, but never a quote.
  return header.match(/"[^"]*"/g)?.includes(tag) ?? false;
}
