const SLOT_BITS = 11;
const SLOTS = 1 << SLOT_BITS;
const LONGEST = 64;
const WORDS = LONGEST / 4;

/**
 * What short pieces of bodies were lately read as. Most of what stands on a span stands on others
 * too: found by its bytes it need not be read again, nor be kept twice.
 */
export class RecentBytes<T> {
  readonly #values: (T | undefined)[] = Array.from({ length: SLOTS }, () => undefined);
  /** Of each piece how many bytes it has, and these: four in a word. */
  readonly #lengths = new Uint8Array(SLOTS);
  readonly #words = new Int32Array(SLOTS * WORDS);

  /** What the bytes from `start` to `end` are, where that is known. */
  get(view: DataView, start: number, end: number): T | undefined {
    if (end - start > LONGEST) return undefined;
    const slot = slotOf(view, start, end);
    if (this.#lengths[slot] !== end - start) return undefined;
    for (let at = start, word = slot * WORDS; at < end; at += 4, word++) {
      if (this.#words[word] !== wordAt(view, at, end)) return undefined;
    }
    return this.#values[slot];
  }

  /** Keeps what they are, if they are short; in the place of others. */
  set(view: DataView, start: number, end: number, value: T): void {
    if (end - start > LONGEST) return;
    const slot = slotOf(view, start, end);
    this.#values[slot] = value;
    this.#lengths[slot] = end - start;
    for (let at = start, word = slot * WORDS; at < end; at += 4, word++) this.#words[word] = wordAt(view, at, end);
  }
}

/** By the upper bits of a product, which all bytes have a part in. */
function slotOf(view: DataView, start: number, end: number): number {
  let hash = end - start;
  for (let at = start; at < end; at += 4) hash = Math.imul(hash ^ wordAt(view, at, end), 0x9e3779b1);
  return hash >>> (32 - SLOT_BITS);
}

/** Four bytes as a number; at the end what is left of them. */
function wordAt(view: DataView, start: number, end: number): number {
  if (start + 4 <= end) return view.getInt32(start, true);
  let word = 0;
  for (let at = end - 1; at >= start; at--) word = (word << 8) | view.getUint8(at);
  return word;
}
