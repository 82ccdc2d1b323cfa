import { RECENT_NOTIFICATIONS } from '../record/commit.ts';
import { ENTRY_KINDS, isContinuation, LINE_FEED, wholeEnd } from '../record/journal.ts';
import type { JournalEntry, JournalRow } from '../record/journal.ts';
import type { ScopeState } from '../record/scope-state.ts';
import { isoTime } from '../../src/task-record.ts';
import type { NotificationRecord } from '../../src/task-record.ts';
import type { LogEntry, LogRange } from './task-store.ts';

/*
 * What a store keeps of a task's log, whatever its database is: the entries of a row as bytes, the cut of its texts to
 * the range that a reader wants, and the last notifications of each scope.
 */

/**
 * Encodes the entries of a row: three or more varints an entry, so that the scope of a line costs a few bytes. Varints
 * are unsigned LEB128, a time is the difference to the entry before in zigzag, a notification's extra is JSON.
 */
export function encodeEntries(entries: readonly JournalEntry[]): Uint8Array {
  const out = new ByteWriter(entries.length * 8 + 16);
  let time = 0;
  for (const { kind, scope, bytes, time: at, notification } of entries) {
    const { named = false, message, attributes } = notification ?? {};
    const extra = message !== undefined || attributes !== undefined;
    out.varint(scope * 64 + ENTRY_KINDS.indexOf(kind) * 4 + (named ? 2 : 0) + (extra ? 1 : 0));
    out.varint(bytes);
    out.signed(at - time);
    time = at;
    if (extra) out.text(JSON.stringify({ message, attributes }));
  }
  return out.written();
}

/** Decodes the entries of a row. */
export function decodeEntries(bytes: Uint8Array): JournalEntry[] {
  const entries: JournalEntry[] = [];
  const read = new ByteReader(bytes);
  let time = 0;
  while (read.hasMore) {
    const head = read.varint();
    const kind = ENTRY_KINDS[Math.floor((head % 64) / 4)];
    if (kind === undefined) throw new RangeError('journal entries: expected the kind of an entry');
    const entry: JournalEntry = { kind, scope: Math.floor(head / 64), bytes: read.varint(), time: 0 };
    time += read.signed();
    entry.time = time;
    if (kind === 'message') {
      const extra = head % 2 === 0 ? {} : (JSON.parse(read.text()) as object);
      entry.notification = { named: head % 4 >= 2, ...extra };
    }
    entries.push(entry);
  }
  return entries;
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

  /** A varint in zigzag. The zigzag number itself may be beyond what a number holds exactly. */
  signed(value: number): void {
    const sign = value < 0 ? 1 : 0;
    const size = value < 0 ? -(value + 1) : value;
    const low = (size % 0x40) * 2 + sign;
    if (size < 0x40) {
      this.varint(low);
      return;
    }
    this.#room(1);
    this.#bytes[this.#at++] = low | 0x80;
    this.varint(Math.floor(size / 0x40));
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

  signed(): number {
    const low = this.#bytes[this.#at++];
    if (low === undefined) throw new RangeError('journal entries: expected more bytes');
    const size = ((low & 0x7f) >> 1) + (low < 0x80 ? 0 : this.varint() * 0x40);
    return low % 2 === 0 ? size : -size - 1;
  }

  text(): string {
    const length = this.varint();
    const from = this.#at;
    this.#at += length;
    return Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, length).toString('utf8');
  }
}

/** A row's text and where it begins. */
export interface LogPiece {
  offset: number;
  text: string;
}

/** Resolves a range to bytes of the whole log: its first byte, and the one after its last. */
export function resolveRange(range: LogRange | undefined, logBytes: number): { from: number; to: number } {
  const { from = 0, limit = Infinity } = range ?? {};
  const begin = Math.min(logBytes, from < 0 ? Math.max(0, logBytes + from) : from);
  return { from: begin, to: Math.min(logBytes, begin + Math.max(0, limit)) };
}

/**
 * Cuts pieces to a range, with no character cut in two: the text ends with a line where it can,
 * and with a whole character in any case. From the log's end it begins with a line.
 */
export function cutLog(pieces: readonly LogPiece[], range: LogRange | undefined, logBytes: number): LogPiece {
  const { from, to } = resolveRange(range, logBytes);
  const first = pieces[0];
  if (first === undefined || from >= to) return { offset: from, text: '' };
  if (first.offset === from && to === logBytes) return { offset: from, text: joined(pieces) };
  const bytes = Buffer.from(joined(pieces), 'utf8');
  let begin = from - first.offset;
  if ((range?.from ?? 0) < 0 && begin > 0 && bytes[begin - 1] !== LINE_FEED) {
    begin = bytes.indexOf(LINE_FEED, begin) + 1 || bytes.length;
  }
  while (begin < bytes.length && isContinuation(bytes[begin]!)) begin++;
  let end = to - first.offset;
  if (end < bytes.length) end = wholeEnd(bytes, begin, end);
  return { offset: first.offset + begin, text: bytes.toString('utf8', begin, end) };
}

function joined(pieces: readonly LogPiece[]): string {
  return pieces.length === 1 ? pieces[0]!.text : pieces.map((piece) => piece.text).join('');
}

/** A row of the journal, as {@link entriesOf} reads it. */
type EntryRow = Pick<JournalRow, 'offset' | 'text' | 'entries'>;

/** An entry with the number of its scope. */
type NumberedEntry = Omit<LogEntry, 'spanId'> & { scope: number };

/**
 * The entries of rows in their order, of which the first begins with an entry: those that end after `from`, up to the
 * first that begins at `to` or later.
 */
export function entriesOf(rows: Iterable<EntryRow>, { from, to }: { from: number; to: number }): NumberedEntry[] {
  const found: NumberedEntry[] = [];
  let current: NumberedEntry | undefined;
  let end = 0;
  for (const { offset, text, entries } of rows) {
    const bytes = Buffer.from(text);
    let at = 0;
    for (const entry of entries) {
      const lines = bytes.toString('utf8', at, at + entry.bytes);
      if (entry.kind === 'continued') {
        if (current !== undefined) current.text += lines;
      } else {
        if (current !== undefined && end > from) found.push(current);
        if (found.length > 0 && offset + at >= to) return found;
        const { kind, scope, time, notification } = entry;
        const { attributes } = notification ?? {};
        current = { offset: offset + at, time, scope, kind, text: lines, ...(attributes !== undefined && { attributes }) };
      }
      at += entry.bytes;
      end = offset + at;
    }
  }
  if (current !== undefined && end > from) found.push(current);
  return found;
}

/** The offsets of the rows that have the last notifications of any scope, in their order. */
export function recentOffsets(scopes: Iterable<ScopeState>): number[] {
  const offsets = new Set<number>();
  // Pairs: the offset of a row, and how many notifications of the scope it has.
  for (const { recent } of scopes) for (let at = 0; at < recent.length; at += 2) offsets.add(recent[at]!);
  return [...offsets].toSorted((one, other) => one - other);
}

/** Gathers the last notifications of each scope, by its number, from rows in their order. Other rows may be left out. */
export class RecentNotifications {
  readonly byScope: Map<number, NotificationRecord[]> = new Map();

  add({ text, entries }: Pick<JournalRow, 'text' | 'entries'>): void {
    const bytes = Buffer.from(text, 'utf8');
    let at = 0;
    for (const entry of entries) {
      const from = at;
      at += entry.bytes;
      if (entry.notification === undefined) continue;
      const { named, message, attributes } = entry.notification;
      let list = this.byScope.get(entry.scope);
      if (list === undefined) this.byScope.set(entry.scope, (list = []));
      list.push({
        time: isoTime(entry.time),
        message: message ?? lineMessage(bytes.toString('utf8', from, at), named),
        ...(attributes !== undefined && { attributes }),
      });
      if (list.length >= 2 * RECENT_NOTIFICATIONS) list.splice(0, list.length - RECENT_NOTIFICATIONS);
    }
  }

  /** Cuts each list to the last ones. */
  close(): ReadonlyMap<number, NotificationRecord[]> {
    for (const list of this.byScope.values()) list.splice(0, Math.max(0, list.length - RECENT_NOTIFICATIONS));
    return this.byScope;
  }
}

/** The message of a verbatim line: without its tab and line feed, and without the name before it. */
function lineMessage(lines: string, named: boolean): string {
  const from = named ? lines.indexOf('\n') + 1 : 0;
  return lines.slice(from + 1, -1);
}
