import { PbfReader } from 'pbf';
import { NO_ID } from '../../facts/span-ids.ts';
import { MalformedError } from './otlp-items.ts';

/** The wire types of Protocol Buffers that OTLP has. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

/**
 * Reads Protocol Buffers from an untrusted sender: a field that would reach beyond its message is a
 * {@link MalformedError}. A field of an unexpected wire type has another key, and is skipped as an unknown one.
 */
export class WireReader extends PbfReader {
  readonly #bytes: Buffer;
  #traceId = NO_ID;
  #traceIdAt = -1;

  constructor(bytes: Buffer) {
    super(bytes);
    this.#bytes = bytes;
  }

  /** Key of the next field (its number times 8, plus its wire type); 0 at the end of the message. */
  next(end: number): number {
    if (this.pos >= end) {
      if (this.pos > end) throw outside();
      return 0;
    }
    const key = this.readVarint();
    if (key < 8) throw new MalformedError('a field has the number 0');
    return key;
  }

  /** Reads the length of a message; gives the position at which the message ends. */
  messageEnd(end: number): number {
    const length = this.readVarint();
    const messageEnd = this.pos + length;
    if (messageEnd > end) throw outside();
    return messageEnd;
  }

  /** Moves on behind a value that is not needed. */
  skipValue(key: number, end: number): void {
    if ((key & 7) === BYTES) this.pos = this.messageEnd(end);
    else this.skip(key);
  }

  text(end: number): string {
    const textEnd = this.messageEnd(end);
    const start = this.pos;
    this.pos = textEnd;
    const known = texts.get(this.dataView, start, textEnd);
    if (known !== undefined) return known;
    const text = this.#bytes.toString('utf8', start, textEnd);
    texts.set(this.dataView, start, textEnd, text);
    return text;
  }

  /** Bytes as base64 text. */
  base64(end: number): string {
    const bytesEnd = this.messageEnd(end);
    const text = this.#bytes.toString('base64', this.pos, bytesEnd);
    this.pos = bytesEnd;
    return text;
  }

  /** A signed whole number of 64 bits, exactly: as text where no number holds it. */
  integer(): number | string {
    const start = this.pos;
    const number = this.readVarint(true);
    if (Number.isSafeInteger(number)) return number;
    let bits = 0n;
    for (let at = start, shift = 0n; at < this.pos; at++, shift += 7n) bits |= BigInt(this.buf[at]! & 0x7f) << shift;
    return String(BigInt.asIntN(64, bits));
  }

  /** An id of so many bytes in hex; `""` for one of another length or of zeros. Most trace ids are the same as the one before. */
  id(end: number, length: 8 | 16): string {
    const idEnd = this.messageEnd(end);
    const start = this.pos;
    this.pos = idEnd;
    if (idEnd - start !== length) return NO_ID;
    if (length === 8) return this.#isZero(start, idEnd) ? NO_ID : this.#bytes.toString('hex', start, idEnd);
    if (this.#traceIdAt !== -1 && this.#isSame(start, this.#traceIdAt, length)) return this.#traceId;
    this.#traceIdAt = start;
    this.#traceId = this.#isZero(start, idEnd) ? NO_ID : this.#bytes.toString('hex', start, idEnd);
    return this.#traceId;
  }

  /**
   * Nanoseconds as whole microseconds, rounded down; NaN where those are no safe integer. The nanoseconds themselves
   * would be inexact as a number.
   */
  micros(end: number): number {
    if (this.pos + 8 > end) throw outside();
    const low = this.dataView.getUint32(this.pos, true);
    const high = this.dataView.getUint32(this.pos + 4, true);
    this.pos += 8;
    // 2 ** 32 is 4,294,967 * 1000 + 296.
    const micros = high * 4_294_967 + Math.floor((high * 296 + low) / 1000);
    return Number.isSafeInteger(micros) ? micros : NaN;
  }

  /** Whether these bytes are at a position. */
  isAt(position: number, bytes: Uint8Array): boolean {
    const { buf } = this;
    for (let at = 0; at < bytes.length; at++) if (buf[position + at] !== bytes[at]) return false;
    return true;
  }

  #isZero(start: number, end: number): boolean {
    const { buf } = this;
    for (let at = start; at < end; at++) if (buf[at] !== 0) return false;
    return true;
  }

  #isSame(first: number, second: number, length: number): boolean {
    const { buf } = this;
    for (let at = 0; at < length; at++) if (buf[first + at] !== buf[second + at]) return false;
    return true;
  }
}

function outside(): MalformedError {
  return new MalformedError('a field reaches beyond its message');
}

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

/** Texts that were read before. */
const texts = new RecentBytes<string>();

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
