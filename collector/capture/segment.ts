
/**
 * A piece of the ring's memory: a header and entries one after the other, in a
 * `SharedArrayBuffer` that the task's thread writes and the collector's reads.
 *
 * A segment is written once from its beginning to its end, so nothing wraps around. It is used
 * again when the reader has released it: when all in it is committed and the reader has gone on.
 */
export interface Segment {
  readonly id: number;
  readonly memory: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly doubles: Float64Array;
  readonly bytes: Buffer;
}

/** Words of a segment's header. Positions are in bytes from the segment's beginning. */
export const HEADER = {
  /** End of what is written. */
  written: 0,
  /** End of what is committed. */
  acknowledged: 1,
  /** Id of the segment in which writing goes on, plus 1; 0 while it goes on here. */
  next: 2,
  /** 1 when the reader needs the segment no more. */
  released: 3,
} as const;

/** Where the entries begin. */
export const FIRST_ENTRY = 64;

/** Words of the memory that both sides share beside the segments. */
export const CONTROL = {
  /** 1 while the reader sleeps until {@link CONTROL.wake} changes. */
  asleep: 0,
  wake: 1,
  /** Grows with each acknowledgement. */
  acknowledgements: 2,
  /** How many attempts have begun and not ended. */
  liveTasks: 3,
  /** Grows while the event loop of the task's thread turns. */
  loopTicks: 4,
  /** How many facts were dropped because the ring was full. */
  droppedFacts: 5,
  /** How many parts of attempts of other processes have begun and not ended. */
  liveParts: 6,
  /** Grows with each request to cancel that the collector's thread passes to the task's. */
  cancellations: 7,
} as const;

export const CONTROL_BYTES = 64;

export function segmentOver(id: number, memory: SharedArrayBuffer): Segment {
  return {
    id,
    memory,
    words: new Int32Array(memory),
    doubles: new Float64Array(memory),
    bytes: Buffer.from(memory),
  };
}

/** Makes a segment ready to be written from its beginning. */
export function clearSegment({ words }: Segment): void {
  Atomics.store(words, HEADER.next, 0);
  Atomics.store(words, HEADER.released, 0);
  Atomics.store(words, HEADER.acknowledged, FIRST_ENTRY);
  Atomics.store(words, HEADER.written, FIRST_ENTRY);
}

/** Whether all that is written in it is committed. */
export function isAcknowledged({ words }: Segment): boolean {
  return Atomics.load(words, HEADER.acknowledged) >= Atomics.load(words, HEADER.written);
}

/** Whether an attempt has begun whose end is not written yet. */
export function hasLiveTasks(control: Int32Array): boolean {
  return Atomics.load(control, CONTROL.liveTasks) > 0;
}

/** Whether an attempt, or a part of an attempt of another process, has begun whose end is not written yet: it could be cancelled. */
export function hasLiveWork(control: Int32Array): boolean {
  return hasLiveTasks(control) || Atomics.load(control, CONTROL.liveParts) > 0;
}

/**
 * How a fact lies in a segment: a header of fixed words, then two texts in UTF-8.
 *
 * Entries begin at multiples of 8 bytes. A span's ids stand once in each segment, in entries
 * of kind {@link KIND.attempt} and {@link KIND.span}; facts name it by a small number, its handle.
 */
export const KIND = {
  /** text1: trace id and the task span's id, text2: the task's UUID. */
  attempt: 1,
  /** text1: span id; of the attempt whose entry stands before it. */
  span: 2,
  /** Any fact that is none of those below. text1: its kind, text2: JSON of its contents. */
  fact: 3,
  /** A scope of this process. text1: name, text2: span id of the scope around. */
  scopeStart: 4,
  /** text1: message, text2: JSON of the attributes, or empty. */
  notification: 5,
  /** number1: done, number2: total or NaN. */
  progress: 6,
  /** An end without attributes. number1: duration, number2: outcome and flags, text1: the error's name, text2: its message. */
  scopeEnd: 7,
} as const;

export type Kind = (typeof KIND)[keyof typeof KIND];

/** Offsets in 4-byte words from an entry's beginning. */
export const WORD = { size: 0, kind: 1, handle: 2, seq: 3, text1Bytes: 10, text2Bytes: 11 } as const;

/** Offsets in 8-byte doubles from an entry's beginning. */
export const DOUBLE = { time: 2, number1: 3, number2: 4 } as const;

/** Length of an entry's header in bytes. */
export const ENTRY_HEADER = 48;

/** An entry's size, so that the next begins at a multiple of 8. */
export function padded(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** The most bytes that an entry of these texts can need. */
export function mostBytes(text1: string, text2: string): number {
  return padded(ENTRY_HEADER + 3 * (text1.length + text2.length));
}
