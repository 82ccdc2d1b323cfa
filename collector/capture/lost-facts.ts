import { report } from '../../src/report.ts';
import type { RingWriter } from './ring-writer.ts';

/** Says how many facts go with the ring, where nobody will commit them any more. */
export function reportLost(ring: RingWriter): void {
  const count = ring.countWaiting();
  if (count === 0) return;
  report(`${count} ${count === 1 ? 'fact' : 'facts'} could not be committed before the end and ${count === 1 ? 'is' : 'are'} lost`);
}
