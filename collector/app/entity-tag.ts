// Liveness is not told yet. When it is, its state stands here: it changes a record without a commit.
const LIVENESS = 0;

/**
 * The strong `ETag` of a task's representation: its version, its liveness and which one it is.
 *
 * @param representation A short name, such as `json`.
 */
export function entityTag(version: number, representation: string): string {
  return `"${version}-${LIVENESS}-${representation}"`;
}

/** Whether `If-None-Match` names the tag: in a list, as a weak one, or by `*` (RFC 9110, 13.1.2). */
export function isNoneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  // A tag of another server may hold a comma, but never a quote.
  return header.match(/"[^"]*"/g)?.includes(tag) ?? false;
}
