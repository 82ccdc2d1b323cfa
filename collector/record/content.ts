/**
 * Of two contents for one fact the longer wins, then the greater by bytes: one may have been cut
 * by a limit on its way, and every reader has to choose alike.
 */
export function isGreaterContent(one: unknown, other: unknown): boolean {
  const text = contentText(one);
  const otherText = contentText(other);
  return text.length === otherText.length ? text > otherText : text.length > otherText.length;
}

/** The same text for the same content, whatever the order of its keys. */
function contentText(content: unknown): string {
  if (typeof content === 'string') return content;
  return JSON.stringify(content, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  });
}
