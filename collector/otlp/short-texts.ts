const SLOTS = 1024;
const LONGEST = 64;

interface Slot {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * Short texts that came lately: the names of attributes, a task's UUID and name, which stand on
 * each of its spans. Found by their bytes they need not be decoded again, nor kept twice.
 */
export class ShortTexts {
  readonly #slots: (Slot | undefined)[] = Array.from({ length: SLOTS }, () => undefined);

  /** The text that these bytes are in UTF-8. */
  read(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > LONGEST) return bytes.toString('utf8', start, end);
    if (length === 0) return '';
    let hash = length;
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    const index = (hash ^ (hash >>> 15)) & (SLOTS - 1);
    const slot = this.#slots[index];
    if (slot !== undefined && isSame(slot.bytes, bytes, start, length)) return slot.text;
    const text = bytes.toString('utf8', start, end);
    this.#slots[index] = { bytes: Uint8Array.prototype.slice.call(bytes, start, end), text };
    return text;
  }
}

function isSame(known: Uint8Array, bytes: Buffer, start: number, length: number): boolean {
  if (known.length !== length) return false;
  for (let at = 0; at < length; at++) if (known[at] !== bytes[start + at]) return false;
  return true;
}
