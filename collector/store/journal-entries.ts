import { ENTRY_KINDS } from '../record/journal.ts';
import type { JournalEntry } from '../record/journal.ts';

/**
 * The entries of a commit as bytes: three or more varints an entry, so that knowing whose a line
 * is costs a few bytes a line. Unsigned LEB128; times as differences to the entry before, in
 * zigzag; a notification's extra as JSON.
 */
export function encodeEntries(entries: readonly JournalEntry[]): Uint8Array {
  const out = new ByteWriter(entries.length * 8 + 16);
  let time = 0;
  for (const { kind, scope, bytes, time: at, notification } of entries) {
    const { named = false, message, attributes } = notification ?? {};
    const extra = message !== undefined || attributes !== undefined;
    out.varint(scope * 64 + ENTRY_KINDS.indexOf(kind) * 4 + (named ? 2 : 0) + (extra ? 1 : 0));
    out.varint(bytes);
    out.varint(zigzag(at - time));
    time = at;
    if (extra) out.text(JSON.stringify({ message, attributes }));
  }
  return out.written();
}

export function decodeEntries(bytes: Uint8Array): JournalEntry[] {
  const entries: JournalEntry[] = [];
  const read = new ByteReader(bytes);
  let time = 0;
  while (read.hasMore) {
    const head = read.varint();
    const kind = ENTRY_KINDS[Math.floor((head % 64) / 4)];
    if (kind === undefined) throw new RangeError('journal entries: expected the kind of an entry');
    const entry: JournalEntry = { kind, scope: Math.floor(head / 64), bytes: read.varint(), time: 0 };
    time += unzigzag(read.varint());
    entry.time = time;
    if (kind === 'message') {
      const extra = head % 2 === 0 ? {} : (JSON.parse(read.text()) as object);
      entry.notification = { named: head % 4 >= 2, ...extra };
    }
    entries.push(entry);
  }
  return entries;
}

// Times are beyond 32 bits: arithmetic instead of bit operators.
function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

class ByteWriter {
  #bytes: Uint8Array;
  #at = 0;

  constructor(size: number) {
    // Small ones come from a pool: nearly every commit makes one.
    this.#bytes = Buffer.allocUnsafe(size);
  }

  varint(value: number): void {
    this.#room(10);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#at++] = rest;
  }

  text(text: string): void {
    const encoded = Buffer.from(text, 'utf8');
    this.varint(encoded.length);
    this.#room(encoded.length);
    this.#bytes.set(encoded, this.#at);
    this.#at += encoded.length;
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new RangeError('journal entries: expected more bytes');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
  }

  text(): string {
    const length = this.varint();
    const from = this.#at;
    this.#at += length;
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, length).toString('utf8');
  }
}
