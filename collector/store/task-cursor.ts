/**
 * The place of a task in the order of first commits, as an opaque text for the `next` of a page.
 */
export function cursorOf(place: number): string {
  return Buffer.from(`t${place}`).toString('base64url');
}

/** `RangeError` for what {@link cursorOf} did not give. */
export function placeOf(cursor: string): number {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (!/^t\d{1,15}$/.test(text)) {
    throw new RangeError(`cursor: expected the "next" of a page before, got ${JSON.stringify(cursor.slice(0, 100))}`);
  }
  return Number(text.slice(1));
}
