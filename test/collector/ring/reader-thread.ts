import { parentPort, workerData } from 'node:worker_threads';
import { RingReader } from '../../../collector/ring/ring-reader.ts';
import { segmentOver } from '../../../collector/ring/segment.ts';

/**
 * A thread that reads notifications numbered from 0 and says what is wrong with them. It commits
 * nothing; where it is, it keeps in `place`, as a store would.
 */
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

/** What the writing side tells it of the ring's memory. */
export type ToReader = { segment: { id: number; memory: SharedArrayBuffer } } | { freed: number };

/** What it says at its end, or at the first fact that is not the next one. */
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

if (parentPort !== null) await readToEnd(parentPort, workerData as ReaderThreadData);

async function readToEnd(port: NonNullable<typeof parentPort>, data: ReaderThreadData): Promise<void> {
  const { control, segments, place, total, seed } = data;
  const reader = new RingReader(control);
  for (const { id, memory } of segments) reader.add(segmentOver(id, memory));
  port.on('message', (message: ToReader) => {
    if ('segment' in message) reader.add(segmentOver(message.segment.id, message.segment.memory));
    else reader.drop(message.freed);
  });
  const random = randomFrom(seed);
  let next = -1;
  let first = -1;
  while (next < total) {
    for (const fact of reader.read(random() * 20_000, 1 + random() * 500)) {
      if (next < 0) first = next = fact.seq;
      const right = fact.kind === 'notification' && fact.message === messageOf(fact.seq);
      if (fact.seq !== next || !right || fact.span.spanId.at(-1) !== String(fact.seq % 3)) {
        return tell(port, { first, read: next - first, wrong: `expected fact ${next}, got ${JSON.stringify(fact)}` });
      }
      next++;
    }
    if (next >= 0 && (random() < 0.3 || next === total)) {
      Atomics.store(place, PLACE.reading, next);
      reader.acknowledge();
      Atomics.store(place, PLACE.acknowledged, next);
    }
    await (random() < 0.02 ? pause() : turn());
  }
  tell(port, { first, read: next - first });
}

function tell(port: NonNullable<typeof parentPort>, message: FromReader): void {
  port.postMessage(message);
  port.close();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Park and Miller's generator: the same numbers from 0 to 1 for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}
