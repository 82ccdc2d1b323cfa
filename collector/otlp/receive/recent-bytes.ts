const SLOT_BITS = 11;
const SLOTS = 1 << SLOT_BITS;
const LONGEST = 64;
const WORDS = LONGEST / 4;

/**
 * Remembers what short pieces of request bodies were read as. Most of a span's attributes are on other spans too: a
 * piece that is found by its bytes is neither read again nor kept twice in memory.
 */
export class RecentBytes<T> {
  readonly #values: (T | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  /** The length of each piece, and its bytes: four in a word. */
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #words = new Int32Array(SLOTS * WORDS);

  /** What the bytes from `start` to `end` were read as; `undefined` where that is not known. */
  get(view: DataView, start: number, end: number): T | undefined {
    if (end - start > LONGEST) return undefined;
    const slot = slotOf(view, start, end);
    if (this.#lengths[slot] !== end - start) return undefined;
    for (let at = start, word = slot * WORDS; at < end; at += 4, word++) {
      if (this.#words[word] !== wordAt(view, at, end)) return undefined;
    }
    return this.#values[slot];
  }

  /** Remembers what the bytes were read as, if they are few; it replaces another piece of the same slot. */
  set(view: DataView, start: number, end: number, value: T): void {
    if (end - start > LONGEST) return;
    const slot = slotOf(view, start, end);
    this.#values[slot] = value;
    this.#lengths[slot] = end - start;
    for (let at = start, word = slot * WORDS; at < end; at += 4, word++) this.#words[word] = wordAt(view, at, end);
  }
}

/** The upper bits of a product to which all bytes contribute. */
function slotOf(view: DataView, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += 4) hash = Math.imul(hash ^ wordAt(view, at, end), 0x9e3779b1);
  return hash >>> (32 - SLOT_BITS);
}

/** Four bytes as a number; at the end the bytes that are left. */
function wordAt(view: DataView, start: number, end: number): number {
  if (start + 4 <= end) return view.getInt32(start, true);
  let word = 0;
  for (let at = end - 1; at >= start; at--) word = (word << 8) | view.getUint8(at);
  return word;
}
