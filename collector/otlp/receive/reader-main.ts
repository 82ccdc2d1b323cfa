import { parentPort } from 'node:worker_threads';
import { describeFailure } from '../../../src/failure.ts';
import type { BodyToRead, FromReader, RestOfBody, ToReader } from './reader-thread.ts';
import { postedHeartbeats, readItems, slicesOf } from './readers.ts';
import type { Slice } from './readers.ts';

/** The thread that reads long bodies, one after the other. It gives slice by slice, each when it is asked for. */
const port = parentPort!;
const post = (message: FromReader): void => port.postMessage(message);

let slices: Slice[] = [];
let rest: RestOfBody | undefined;

port.on('message', (message: ToReader) => {
  try {
    if (message !== 'next') read(message);
    const slice = slices.shift();
    post(slice === undefined ? { type: 'end', ...rest!, heartbeats: postedHeartbeats(rest!.heartbeats) } : { type: 'slice', ...slice });
  } catch (error) {
    post({ type: 'malformed', message: describeFailure(error).message });
  }
});
post({ type: 'ready' });

function read({ signal, encoding, body }: BodyToRead): void {
  slices = [];
  const { facts, rejected, message, heartbeats } = readItems(signal, encoding, Buffer.from(body.buffer, body.byteOffset, body.length));
  rest = { rejected, message, heartbeats };
  slices = slicesOf(facts);
}
