import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { RingReader } from '../../../collector/capture/ring-reader.ts';
import { segmentOver } from '../../../collector/capture/segment.ts';
import { messageOf, PLACE, randomFrom } from './reader-messages.ts';
import type { FromReader, ReaderThreadData, ToReader } from './reader-messages.ts';

/**
 * A thread that reads notifications numbered from 0 and reports what is wrong with them. It commits
 * nothing; where it is, it keeps in `place`, as a store would.
 */
await readToEnd(parentPort!, workerData as ReaderThreadData);

async function readToEnd(port: MessagePort, data: ReaderThreadData): Promise<void> {
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
        return send(port, { first, read: next - first, wrong: `expected fact ${next}, got ${JSON.stringify(fact)}` });
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
  send(port, { first, read: next - first });
}

function send(port: MessagePort, message: FromReader): void {
  port.postMessage(message);
  port.close();
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
