/** What a reading thread begins with. */
export interface ReaderThreadData {
  control: Int32Array;
  segments: { id: number; memory: SharedArrayBuffer }[];
  place: Int32Array;
  /** How many facts there will be. */
  total: number;
  seed: number;
}

/** Words of `place`. */
export const PLACE = {
  /** How many facts were read when it was last about to acknowledge. */
  reading: 0,
  /** How many facts were read when it had last acknowledged. */
  acknowledged: 1,
} as const;

/** What the writing side sends it of the ring's memory. */
export type ToReader = { segment: { id: number; memory: SharedArrayBuffer } } | { freed: number };

/** What it sends at its end, or at the first fact that is not the next one. */
export interface FromReader {
  /** Number of the first fact read. */
  first: number;
  read: number;
  wrong?: string;
}

/** The text of a notification, of one to a hundred characters. */
export function messageOf(seq: number): string {
  return `line ${seq} ${'é'.repeat(seq % 7)}${'x'.repeat((seq * 31) % 90)}`;
}

/** Park and Miller's generator: the same numbers from 0 to 1 for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
