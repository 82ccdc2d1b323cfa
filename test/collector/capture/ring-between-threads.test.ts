import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import type { RingWriter } from '../../../collector/capture/ring-writer.ts';
import type { Segment } from '../../../collector/capture/segment.ts';
import { notification, SPANS } from './arbitrary-fact.ts';
import { messageOf, PLACE, randomFrom } from './reader-messages.ts';
import type { FromReader, ReaderThreadData, ToReader } from './reader-messages.ts';
import { WrittenRing } from './written-ring.ts';

const TOTAL = 200_000;
/** How many threads read one after the other. */
const LIVES = 7;

/** A thread that reads the ring from where all is acknowledged. */
function readerThread(ring: RingWriter, place: Int32Array, seed: number): Worker {
  const shared = ({ id, memory }: Segment): { id: number; memory: SharedArrayBuffer } => ({ id, memory });
  const workerData: ReaderThreadData = { control: ring.control, segments: ring.segments.map(shared), place, total: TOTAL, seed };
  const worker = new Worker(new URL('./reader-thread.ts', import.meta.url), {
    workerData,
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const post = (message: ToReader): void => worker.postMessage(message, []);
  ring.onSegment = (segment) => post({ segment: shared(segment) });
  ring.onFreed = (freed) => post({ freed });
  return worker;
}

function newPlace(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(64));
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Writes the facts from one number to another, at uneven pace, as a task does. */
async function write(ring: WrittenRing, from: number, to: number, random: () => number): Promise<void> {
  for (let seq = from; seq < to; seq++) {
    ring.write(notification(seq, messageOf(seq), SPANS[seq % 3]));
    if (random() < 0.001) await turn();
  }
}

test('what one thread writes, another reads: each fact once, in order and whole', async () => {
  const ring = new WrittenRing({ segmentBytes: 16 * 1024 });
  const worker = readerThread(ring.ring, newPlace(), 42);
  const sent = once(worker, 'message');
  await write(ring, 0, TOTAL, randomFrom(7));
  const [message] = (await sent) as [FromReader];
  expect(message).toEqual({ first: 0, read: TOTAL });
  expect(ring.ring.droppedFacts).toBe(0);
  expect(ring.ring.isDrained).toBe(true);
});

test('a reading thread that is killed at any moment leaves the next one all that it had not acknowledged', async () => {
  const ring = new WrittenRing({ segmentBytes: 16 * 1024 });
  const random = randomFrom(11);
  const place = newPlace();
  const messages: FromReader[] = [];
  for (let life = 1; life <= LIVES; life++) {
    const left = { reading: Atomics.load(place, PLACE.reading), acknowledged: Atomics.load(place, PLACE.acknowledged) };
    const thread = readerThread(ring.ring, place, life);
    thread.on('message', (message: FromReader) => messages.push(message));
    await write(ring, Math.floor(((life - 1) / LIVES) * TOTAL), Math.floor((life / LIVES) * TOTAL), random);
    if (life < LIVES) {
      while (!ring.ring.isDrained && Atomics.load(place, PLACE.acknowledged) === left.acknowledged) await turn();
      await thread.terminate();
      continue;
    }
    await once(thread, 'exit');
    expect(messages).toEqual([{ first: expect.any(Number) as number, read: TOTAL - messages[0]!.first }]);
    expect(messages[0]!.first).toBeGreaterThanOrEqual(left.acknowledged);
    expect(messages[0]!.first).toBeLessThanOrEqual(left.reading);
  }
  expect(ring.ring.droppedFacts).toBe(0);
  expect(ring.ring.isDrained).toBe(true);
});
