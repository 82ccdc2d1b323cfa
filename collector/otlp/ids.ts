/** Stands for an id that is missing, of a wrong length or all zeros. */
export const NO_ID = '';

const SPAN_ID = /^[0-9a-f]{16}$/;
const TRACE_ID = /^[0-9a-f]{32}$/;
const ZEROS = '0'.repeat(32);

/** An id of so many hex digits, in lower case; {@link NO_ID} for anything else. */
export function hexId(text: unknown, digits: 16 | 32): string {
  if (typeof text !== 'string' || text.length !== digits || ZEROS.startsWith(text)) return NO_ID;
  const id = digits === 16 ? SPAN_ID : TRACE_ID;
  if (id.test(text)) return text;
  const lower = text.toLowerCase();
  return id.test(lower) ? lower : NO_ID;
}

/** A span id that stands in an attribute, in lower case; `undefined` for anything else. */
export function spanIdIn(text: string): string | undefined {
  const id = hexId(text, 16);
  return id === NO_ID ? undefined : id;
}
