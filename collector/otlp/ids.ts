/** Stands for an id that is missing, of a wrong length or all zeros. */
export const NO_ID = '';

const SPAN_ID = /^[0-9a-f]{16}$/;
const ZEROS = /^0*$/;

/** An id of so many hex digits, in lower case; {@link NO_ID} for anything else. */
export function hexId(text: unknown, digits: 16 | 32): string {
  if (typeof text !== 'string' || text.length !== digits) return NO_ID;
  const lower = text.toLowerCase();
  return isHex(lower) && !ZEROS.test(lower) ? lower : NO_ID;
}

/** A span id that stands in an attribute, in lower case; `undefined` for anything else. */
export function spanIdIn(text: string): string | undefined {
  if (SPAN_ID.test(text)) return text;
  const id = hexId(text, 16);
  return id === NO_ID ? undefined : id;
}

function isHex(text: string): boolean {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false;
  }
  return true;
}
