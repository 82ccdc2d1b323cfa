/**
 * How a fact lies in a segment: a header of fixed words, then two texts in UTF-8.
 *
 * Records begin at multiples of 8 bytes. A span's ids stand once in each segment, in records
 * of kind {@link KIND.attempt} and {@link KIND.span}; facts name it by a small number, its handle.
 */
export const KIND = {
  /** first: span id; of the attempt whose record stands before it. */
  span: 1,
  /** first: JSON of the rest. */
  taskStart: 2,
  /** first: name, second: span id of the scope around. */
  scopeStart: 3,
  /** first: message, second: JSON of the attributes, or empty. */
  notification: 4,
  /** one: done, two: total or NaN. */
  progress: 5,
  /** first: JSON. */
  plan: 6,
  /** first: type, second: message. */
  exception: 7,
  /** first: JSON. */
  result: 8,
  /** one: duration, two: {@link scopeEndFlags}, first: the error's name, second: its message. */
  scopeEnd: 9,
  /** first: JSON of the rest. */
  taskEnd: 10,
  /** first: trace id and the task span's id, second: the task's UUID. */
  attempt: 11,
  /** first: JSON of the rest. Its span's attempt has no span id. */
  taskAnnounced: 12,
  /** A scope that is a part in this process of a task of another. first: JSON of the rest. */
  partStart: 13,
  /** The end of a scope with attributes. first: JSON of the rest. */
  scopeEndWhole: 14,
  /** first: JSON. */
  attributes: 15,
} as const;

export type Kind = (typeof KIND)[keyof typeof KIND];

/** Offsets in 4-byte words from a record's beginning. */
export const WORD = { size: 0, kind: 1, handle: 2, seq: 3, firstBytes: 10, secondBytes: 11 } as const;

/** Offsets in 8-byte doubles from a record's beginning. */
export const DOUBLE = { time: 2, one: 3, two: 4 } as const;

export const RECORD_HEADER = 48;

/** A record's size, so that the next begins at a multiple of 8. */
export function padded(bytes: number): number {
  return (bytes + 7) & ~7;
}

/** The most bytes that a record of these texts can need. */
export function mostBytes(first: string, second: string): number {
  return padded(RECORD_HEADER + 3 * (first.length + second.length));
}
