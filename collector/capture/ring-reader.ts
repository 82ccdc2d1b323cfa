import type { Fact, SpanRef } from '../../src/fact.ts';
import { setImmediate } from '../timers.ts';
import { factOfRecord } from './ring-facts.ts';
import type { RingWriter } from './ring-writer.ts';
import { CONTROL, DOUBLE, FIRST_RECORD, HEADER, KIND, RECORD_HEADER, WORD } from './segment.ts';
import type { Kind, Segment } from './segment.ts';

/**
 * The reading end of the ring. Facts are read in the order of writing and stay in the ring until
 * {@link acknowledge}; a new reader begins with those that are not acknowledged.
 */
export class RingReader {
  readonly #control: Int32Array;
  readonly #segments = new Map<number, Segment>();
  #current: Segment | undefined;
  #at = FIRST_RECORD;
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
        const fact = this.#readRecord(this.#current);
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
    this.#at = FIRST_RECORD;
    const from = Atomics.load(segment.words, HEADER.acknowledged);
    while (this.#at < from) {
      const kind = segment.words[(this.#at >> 2) + WORD.kind];
      if (kind === KIND.span || kind === KIND.attempt) this.#readRecord(segment);
      else this.#at += segment.words[(this.#at >> 2) + WORD.size]!;
    }
  }

  #readRecord({ words, doubles, bytes }: Segment): Fact | undefined {
    const at = this.#at;
    const word = at >> 2;
    const double = at >> 3;
    this.#at = at + words[word + WORD.size]!;
    const kind = words[word + WORD.kind] as Kind;
    const handle = words[word + WORD.handle]!;
    const afterFirst = at + RECORD_HEADER + words[word + WORD.firstBytes]!;
    const first = textAt(bytes, at + RECORD_HEADER, afterFirst);
    if (kind === KIND.span) {
      this.#spans.set(handle, { ...this.#attempt, spanId: first });
      return undefined;
    }
    const secondBytes = words[word + WORD.secondBytes]!;
    const second = secondBytes === 0 ? '' : textAt(bytes, afterFirst, afterFirst + secondBytes);
    if (kind === KIND.attempt) {
      this.#attempt = { traceId: first.slice(0, 32), taskSpanId: first.slice(32), taskUuid: second };
      return undefined;
    }
    const span = this.#spans.get(handle)!;
    const seq = words[word + WORD.seq]!;
    const time = doubles[double + DOUBLE.time]!;
    const one = doubles[double + DOUBLE.one]!;
    const two = doubles[double + DOUBLE.two]!;
    return factOfRecord(kind, span, seq, time, one, two, first, second);
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
