import type { SpanRef } from '../../src/fact.ts';
import { report } from '../../src/report.ts';
import { clearSegment, CONTROL, CONTROL_BYTES, DOUBLE, FIRST_ENTRY, HEADER, isAcknowledged, KIND, mostBytes, padded, ENTRY_HEADER, segmentOver, WORD } from './segment.ts';
import type { Kind, Segment } from './segment.ts';

/** Options of {@link RingWriter}. */
export interface RingOptions {
  /** Size of a segment in bytes. Default 256 KiB. */
  segmentBytes?: number;
  /**
   * The most that all segments may take together, in bytes. Default 128 MiB. An eighth of it, at
   * least a segment, is for starts, ends and errors alone.
   */
  limitBytes?: number;
}

/** A span as the ring knows it: its ids, the number that stands for them, and where they stand. */
export interface RingSpan {
  readonly ref: SpanRef;
  readonly handle: number;
  /** Index, in the order of writing, of the last segment in which the ids stand; -1 for none. */
  writtenIn: number;
}

/**
 * The writing end of the ring between task code and collector. Nothing leaves the ring before
 * its commit is acknowledged, so that a reader that dies loses nothing: the next one begins
 * after the last acknowledged fact.
 */
export class RingWriter {
  /** Shared words, see {@link CONTROL}. */
  readonly control: Int32Array = new Int32Array(new SharedArrayBuffer(CONTROL_BYTES));
  /** Segments that hold what is not acknowledged, in the order of writing. */
  readonly #used: Segment[] = [];
  readonly #free: Segment[] = [];
  readonly #segmentBytes: number;
  readonly #limitBytes: number;
  /** How much notifications and progress may use. */
  readonly #droppableLimitBytes: number;
  #segmentCount = 0;
  #allBytes = 0;
  #current: Segment;
  /** Index of the current segment in the order of writing. */
  #index = 0;
  #at = FIRST_ENTRY;
  #end: number;
  /** The end for notifications and progress: they get none of a segment that is kept for starts, ends and errors. */
  #droppableEnd: number;
  #handles = 0;
  /** Whose ids stand last in the current segment. */
  #attempt: SpanRef | undefined;
  #attemptIn = -1;
  /** Whether the last fact was dropped because the ring was full. */
  #full = false;
  #closed = false;
  /** Called with each segment that the reader has not seen. */
  onSegment: ((segment: Segment) => void) | undefined;
  /** Called with the id of a segment that will not be used again. */
  onFreed: ((id: number) => void) | undefined;
  /** Called when a fact comes while the reader sleeps. */
  onWake: (() => void) | undefined;
  /** Called when the first of several facts in a row is dropped because the ring is full. */
  onFull: (() => void) | undefined;
  /** Called with each fact that comes after {@link close}. */
  onLateFact: (() => void) | undefined;

  constructor(options: RingOptions = {}) {
    this.#segmentBytes = padded(options.segmentBytes ?? 256 * 1024);
    this.#limitBytes = options.limitBytes ?? 128 * 1024 * 1024;
    const kept = Math.max(this.#segmentBytes, this.#limitBytes / 8);
    // A full segment needs a second one to go on in.
    this.#droppableLimitBytes = Math.max(this.#limitBytes - kept, Math.min(this.#limitBytes, 2 * this.#segmentBytes));
    this.#current = this.#newSegment(this.#segmentBytes);
    this.#used.push(this.#current);
    this.#end = this.#current.memory.byteLength;
    this.#droppableEnd = this.#end;
  }

  /** How many facts were dropped because the ring was full. */
  get droppedFacts(): number {
    return Atomics.load(this.control, CONTROL.droppedFacts);
  }

  /** The segments that a new reader has to read, in their order. */
  get segments(): readonly Segment[] {
    this.reclaim();
    // A free segment would be used again without being made known to that reader.
    for (const { memory } of this.#free.splice(0)) this.#allBytes -= memory.byteLength;
    return this.#used;
  }

  /** Whether everything written is acknowledged. */
  get isDrained(): boolean {
    return this.#used.every(isAcknowledged);
  }

  /** Gives a function that shows whether all that is written by now is acknowledged. */
  mark(): () => boolean {
    const index = this.#index;
    const end = this.#at;
    return () => {
      // A segment that is not in use any more has been acknowledged as a whole.
      const segment = this.#used[index - (this.#index - this.#used.length + 1)];
      return segment === undefined || Atomics.load(segment.words, HEADER.acknowledged) >= end;
    };
  }

  /** How many facts wait for their commit. They are counted one by one: this is for the end alone. */
  countWaiting(): number {
    let count = 0;
    for (const { words } of this.#used) {
      const end = Atomics.load(words, HEADER.written);
      for (let at = Atomics.load(words, HEADER.acknowledged); at < end; at += words[(at >> 2) + WORD.size]!) {
        const kind = words[(at >> 2) + WORD.kind];
        if (kind !== KIND.attempt && kind !== KIND.span) count++;
      }
    }
    return count;
  }

  /** Takes back what the reader has released; keeps a few segments of the usual size for use again. */
  reclaim(): void {
    while (this.#used.length > 1 && Atomics.load(this.#used[0]!.words, HEADER.released) === 1) {
      const segment = this.#used.shift()!;
      if (segment.memory.byteLength === this.#segmentBytes && this.#free.length < MOST_FREE) this.#free.push(segment);
      else this.#letGo(segment);
    }
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Whether what is written now is taken: not after {@link close}, nor while there is no room. */
  get isOpen(): boolean {
    return !this.#closed && !this.#full;
  }

  /** Takes no further facts: what is written from now on is dropped. */
  close(): void {
    this.#closed = true;
  }

  /** A new span's number. Its ids are written with its first fact. */
  nextHandle(): number {
    return ++this.#handles;
  }

  /**
   * Writes a fact. The reader sees it when this returns. What the two numbers and the two texts mean depends on the kind,
   * see {@link KIND}.
   */
  write(
    span: RingSpan,
    kind: Kind,
    seq: number,
    time: number,
    number1: number,
    number2: number,
    text1: string,
    text2: string,
  ): void {
    if (this.#closed) {
      this.onLateFact?.();
      return;
    }
    const most = mostBytes(text1, text2) + MOST_SPAN_BYTES;
    const mayBeDropped = kind === KIND.notification || kind === KIND.progress;
    if (this.#at + most > (mayBeDropped ? this.#droppableEnd : this.#end) && !this.#nextSegment(most, mayBeDropped)) {
      Atomics.add(this.control, CONTROL.droppedFacts, 1);
      if (!this.#full) this.onFull?.();
      this.#full = true;
      return;
    }
    if (span.writtenIn !== this.#index) {
      span.writtenIn = this.#index;
      this.#putSpan(span);
    }
    this.#put(span.handle, kind, seq, time, number1, number2, text1, text2);
    Atomics.store(this.#current.words, HEADER.written, this.#at);
    if (Atomics.load(this.control, CONTROL.asleep) === 1) this.wake();
  }

  /** Wakes a sleeping reader. */
  wake(): void {
    Atomics.store(this.control, CONTROL.asleep, 0);
    Atomics.add(this.control, CONTROL.wake, 1);
    Atomics.notify(this.control, CONTROL.wake);
    this.onWake?.();
  }

  /** The ids that scopes of one attempt share stand once in a row of them. */
  #putSpan({ ref, handle }: RingSpan): void {
    const attempt = this.#attempt;
    if (
      this.#attemptIn !== this.#index ||
      attempt?.taskSpanId !== ref.taskSpanId ||
      attempt.traceId !== ref.traceId ||
      attempt.taskUuid !== ref.taskUuid
    ) {
      this.#put(0, KIND.attempt, 0, 0, 0, 0, ref.traceId + ref.taskSpanId, ref.taskUuid);
      this.#attempt = ref;
      this.#attemptIn = this.#index;
    }
    this.#put(handle, KIND.span, 0, 0, 0, 0, ref.spanId, '');
  }

  #put(
    handle: number,
    kind: Kind,
    seq: number,
    time: number,
    number1: number,
    number2: number,
    text1: string,
    text2: string,
  ): void {
    const { words, doubles, bytes } = this.#current;
    const begin = this.#at;
    const word = begin >> 2;
    const double = begin >> 3;
    const afterText1 = writeText(bytes, begin + ENTRY_HEADER, text1);
    const afterText2 = text2 === '' ? afterText1 : writeText(bytes, afterText1, text2);
    const end = padded(afterText2);
    words[word + WORD.size] = end - begin;
    words[word + WORD.kind] = kind;
    words[word + WORD.handle] = handle;
    words[word + WORD.seq] = seq;
    doubles[double + DOUBLE.time] = time;
    doubles[double + DOUBLE.number1] = number1;
    doubles[double + DOUBLE.number2] = number2;
    words[word + WORD.text1Bytes] = afterText1 - begin - ENTRY_HEADER;
    words[word + WORD.text2Bytes] = afterText2 - afterText1;
    this.#at = end;
  }

  /** Goes on in a released segment, or in a new one; `false` where the limit leaves no room. */
  #nextSegment(bytes: number, mayBeDropped: boolean): boolean {
    this.reclaim();
    const needed = Math.max(this.#segmentBytes, padded(FIRST_ENTRY + bytes));
    const held = this.#allBytes - this.#free.length * this.#segmentBytes + needed;
    const takesDroppable = held <= this.#droppableLimitBytes;
    if (mayBeDropped && !takesDroppable) return false;
    const next = needed > this.#segmentBytes ? this.#allocate(needed) : (this.#free.pop() ?? this.#allocate(this.#segmentBytes));
    if (next === undefined) return false;
    clearSegment(next);
    if (takesDroppable) this.#full = false;
    const before = this.#current;
    this.#used.push(next);
    this.#current = next;
    this.#index++;
    this.#at = FIRST_ENTRY;
    this.#end = next.memory.byteLength;
    this.#droppableEnd = takesDroppable ? this.#end : 0;
    Atomics.store(before.words, HEADER.next, next.id + 1);
    return true;
  }

  #allocate(bytes: number): Segment | undefined {
    while (this.#allBytes + bytes > this.#limitBytes && this.#free.length > 0) this.#letGo(this.#free.pop()!);
    if (this.#allBytes + bytes > this.#limitBytes) return undefined;
    const segment = this.#newSegment(bytes);
    this.onSegment?.(segment);
    return segment;
  }

  #newSegment(bytes: number): Segment {
    this.#allBytes += bytes;
    const segment = segmentOver(this.#segmentCount++, new SharedArrayBuffer(bytes));
    clearSegment(segment);
    return segment;
  }

  #letGo(segment: Segment): void {
    this.#allBytes -= segment.memory.byteLength;
    this.onFreed?.(segment.id);
  }
}

const MOST_FREE = 16;
/** Ids are short: this is room for those of any span. */
const MOST_SPAN_BYTES = 512;
/** Up to this length a loop is faster than a call into native code. */
const SHORT = 10;

/** Writes UTF-8, gives the position after it. */
function writeText(bytes: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length > SHORT) return at + bytes.write(text, at);
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x80) return at + bytes.write(text, at);
    bytes[at + index] = code;
  }
  return at + length;
}

/** Reports how many facts are lost with the ring, where no commit can come any more. */
export function reportLost(ring: RingWriter): void {
  const count = ring.countWaiting();
  if (count === 0) return;
  report(`${count} ${count === 1 ? 'fact' : 'facts'} could not be committed before the end and ${count === 1 ? 'is' : 'are'} lost`);
}
