/**
 * A piece of the ring's memory: a header and records one after the other, in a
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

/** Where the records begin. */
export const FIRST_RECORD = 64;

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
  /** How many facts were given up because the ring was full. */
  givenUp: 5,
  /** How many parts of attempts of other processes have begun and not ended. */
  liveParts: 6,
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
  Atomics.store(words, HEADER.acknowledged, FIRST_RECORD);
  Atomics.store(words, HEADER.written, FIRST_RECORD);
}

/** Whether all that is written in it is committed. */
export function isAcknowledged({ words }: Segment): boolean {
  return Atomics.load(words, HEADER.acknowledged) >= Atomics.load(words, HEADER.written);
}

/** Whether an attempt has begun whose end is not written yet. */
export function hasLiveTasks(control: Int32Array): boolean {
  return Atomics.load(control, CONTROL.liveTasks) > 0;
}

/** The same, or a part of an attempt of another process: something that could be cancelled. */
export function hasLiveWork(control: Int32Array): boolean {
  return hasLiveTasks(control) || Atomics.load(control, CONTROL.liveParts) > 0;
}
