import { setImmediate } from '../../src/timers.ts';
import { RingReader } from './ring-reader.ts';
import type { RingWriter } from './ring-writer.ts';
import { CONTROL } from './segment.ts';

/** The reading end of a ring in the thread that writes it. */
export function readingEnd(ring: RingWriter): RingReader {
  const reader = new RingReader(ring.control);
  for (const segment of ring.segments) reader.add(segment);
  ring.onSegment = (segment) => reader.add(segment);
  ring.onFreed = (id) => reader.drop(id);
  return reader;
}

/** Sleeps in that thread until a fact comes. While it sleeps it keeps no process alive. */
export function untilWoken(ring: RingWriter): Promise<void> {
  return new Promise((resolve) => {
    ring.onWake = () => {
      ring.onWake = undefined;
      // Not at once: what task code says in one go is one commit.
      setImmediate(resolve);
    };
    Atomics.store(ring.control, CONTROL.asleep, 1);
  });
}
