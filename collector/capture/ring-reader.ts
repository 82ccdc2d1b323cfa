import type { Fact, SpanRef } from '../../src/fact.ts';
import { setImmediate } from '../timers.ts';
import { factOfEntry } from './ring-facts.ts';
import type { RingWriter } from './ring-writer.ts';
import { CONTROL, DOUBLE, FIRST_ENTRY, HEADER, KIND, ENTRY_HEADER, WORD } from './segment.ts';
import type { Kind, Segment } from './segment.ts';

/**
 * The reading end of the ring. Facts are read in the order of writing and stay in the ring until
 * {@link acknowledge}; a new reader begins with those that are not acknowledged.
 */
export class RingReader {
  readonly #control: Int32Array;
  readonly #segments = new Map<number, Segment>();
  #current: Segment | undefined;
  #at = FIRST_ENTRY;
  /** Spans by their handles, as the current segment names them. */
  #spans = new Map<number, SpanRef>();
  #attempt: Omit<SpanRef, 'spanId'> = { traceId: '', taskSpanId: '', taskUuid: '' };
  /** Where the facts read end, segment by segment, until they are acknowledged. */
  #read: { readonly segment: Segment; readonly end: number; readonly passed: boolean }[] = [];

  constructor(control: Int32Array) {
    this.#control = control;
  }

  /** Makes a segment known; the first one made known is the first one read. */
  add(segment: Segment): void {
    this.#segments.set(segment.id, segment);
    if (this.#current === undefined) this.#enter(segment);
  }

  /** Forgets a segment that is not written any more. */
  drop(id: number): void {
    if (this.#current?.id !== id) this.#segments.delete(id);
  }

  /** The next facts, at least one if there are any, until they have about so many bytes or are so many. */
  read(limitBytes: number, limitFacts: number): Fact[] {
    const facts: Fact[] = [];
    let bytes = 0;
    while (this.#current !== undefined && (bytes < limitBytes || facts.length === 0) && facts.length < limitFacts) {
      const { words } = this.#current;
      // Asked for before what is written: a segment that has a next one is written no more.
      const next = Atomics.load(words, HEADER.next);
      const written = Atomics.load(words, HEADER.written);
      const begin = this.#at;
      while (
        this.#at < written &&
        (bytes + this.#at - begin < limitBytes || facts.length === 0) &&
        facts.length < limitFacts
      ) {
        const fact = this.#readEntry(this.#current);
        if (fact !== undefined) facts.push(fact);
      }
      bytes += this.#at - begin;
      if (this.#at < written) this.#passTo(undefined, begin);
      else if (next === 0 || !this.#segments.has(next - 1)) {
        this.#passTo(undefined, begin);
        break;
      } else this.#passTo(this.#segments.get(next - 1), begin);
    }
    return facts;
  }

  /** Whether there are facts to read. */
  get hasFacts(): boolean {
    if (this.#current === undefined) return false;
    const { words } = this.#current;
    const next = Atomics.load(words, HEADER.next);
    return this.#at < Atomics.load(words, HEADER.written) || (next !== 0 && this.#segments.has(next - 1));
  }

  /** How many bytes are written and not acknowledged. */
  get waitingBytes(): number {
    let bytes = 0;
    for (const { words } of this.#segments.values()) {
      bytes += Math.max(0, Atomics.load(words, HEADER.written) - Atomics.load(words, HEADER.acknowledged));
    }
    return bytes;
  }

  /** How many facts found no room in the ring. */
  get droppedFacts(): number {
    return Atomics.load(this.#control, CONTROL.droppedFacts);
  }

  /** Marks all facts read so far as committed. */
  acknowledge(): void {
    for (const { segment, end, passed } of this.#read) {
      Atomics.store(segment.words, HEADER.acknowledged, end);
      if (passed) Atomics.store(segment.words, HEADER.released, 1);
    }
    this.#read = [];
    Atomics.add(this.#control, CONTROL.acknowledgements, 1);
    Atomics.notify(this.#control, CONTROL.acknowledgements);
  }

  #passTo(next: Segment | undefined, begin: number): void {
    const segment = this.#current!;
    if (this.#at > begin || next !== undefined) {
      this.#read.push({ segment, end: this.#at, passed: next !== undefined });
    }
    if (next !== undefined) this.#enter(next);
  }

  /** Begins with what is not acknowledged, after learning the spans that were named before it. */
  #enter(segment: Segment): void {
    this.#current = segment;
    this.#spans = new Map();
    this.#at = FIRST_ENTRY;
    const from = Atomics.load(segment.words, HEADER.acknowledged);
    while (this.#at < from) {
      const kind = segment.words[(this.#at >> 2) + WORD.kind];
      if (kind === KIND.span || kind === KIND.attempt) this.#readEntry(segment);
      else this.#at += segment.words[(this.#at >> 2) + WORD.size]!;
    }
  }

  #readEntry({ words, doubles, bytes }: Segment): Fact | undefined {
    const at = this.#at;
    const word = at >> 2;
    const double = at >> 3;
    this.#at = at + words[word + WORD.size]!;
    const kind = words[word + WORD.kind] as Kind;
    const handle = words[word + WORD.handle]!;
    const afterText1 = at + ENTRY_HEADER + words[word + WORD.text1Bytes]!;
    const text1 = textAt(bytes, at + ENTRY_HEADER, afterText1);
    if (kind === KIND.span) {
      this.#spans.set(handle, { ...this.#attempt, spanId: text1 });
      return undefined;
    }
    const text2Bytes = words[word + WORD.text2Bytes]!;
    const text2 = text2Bytes === 0 ? '' : textAt(bytes, afterText1, afterText1 + text2Bytes);
    if (kind === KIND.attempt) {
      this.#attempt = { traceId: text1.slice(0, 32), taskSpanId: text1.slice(32), taskUuid: text2 };
      return undefined;
    }
    const span = this.#spans.get(handle)!;
    const seq = words[word + WORD.seq]!;
    const time = doubles[double + DOUBLE.time]!;
    const number1 = doubles[double + DOUBLE.number1]!;
    const number2 = doubles[double + DOUBLE.number2]!;
    return factOfEntry(kind, span, seq, time, number1, number2, text1, text2);
  }
}

/** The reading end of a ring in the thread that writes it. */
export function readingEnd(ring: RingWriter): RingReader {
  const reader = new RingReader(ring.control);
  for (const segment of ring.segments) reader.add(segment);
  ring.onSegment = (segment) => reader.add(segment);
  ring.onFreed = (id) => reader.drop(id);
  return reader;
}

/** Resolves when a fact comes, in the thread that writes the ring. Waiting keeps no process alive. */
export function untilWoken(ring: RingWriter): Promise<void> {
  return new Promise((resolve) => {
    ring.onWake = () => {
      ring.onWake = undefined;
      // Not at once: what task code reports in one turn is one commit.
      setImmediate(resolve);
    };
    Atomics.store(ring.control, CONTROL.asleep, 1);
  });
}

function textAt(bytes: Buffer, from: number, to: number): string {
  return bytes.toString('utf8', from, to);
}
