/** Stands for an id that is missing, of a wrong length or all zeros. */
export const NO_ID = '';

/** Why what has one of these for an id can't be taken. */
export const EXPECTED_IDS = 'expected a trace id of 16 bytes and a span id of 8, not all zeros';

/** An id of so many hex digits, in lower case; {@link NO_ID} for anything else. */
export function hexId(text: unknown, digits: 16 | 32): string {
  if (typeof text !== 'string' || text.length !== digits) return NO_ID;
  let isZero = true;
  let isLower = true;
  // By hand: a regular expression takes longer, and each span has some.
  for (let at = 0; at < digits; at++) {
    const code = text.charCodeAt(at);
    const isDigit = code >= 0x30 && code <= 0x39;
    if (!isDigit && !isBetweenAAndF(code | 0x20)) return NO_ID;
    isZero &&= code === 0x30;
    isLower &&= isDigit || (code & 0x20) !== 0;
  }
  if (isZero) return NO_ID;
  return isLower ? text : text.toLowerCase();
}

function isBetweenAAndF(code: number): boolean {
  return code >= 0x61 && code <= 0x66;
}

/** A span id that stands in an attribute, in lower case; `undefined` for anything else. */
export function spanIdIn(value: unknown): string | undefined {
  const id = hexId(value, 16);
  return id === NO_ID ? undefined : id;
}
