import { gunzipSync } from 'node:zlib';
import type { HonoRequest } from 'hono';
import type { Failure } from './answers.ts';
import type { WaitingShare } from './waiting-bytes.ts';

/** What one request may bring, and how much there is room for. */
export interface BodyLimits {
  /** The most bytes after decompression. */
  readonly maxBodyBytes: number;
  readonly share: WaitingShare;
}

/** The body's bytes, inflated, or why it is not taken. A length is judged before the bytes are kept. */
export async function readBody(request: HonoRequest, limits: BodyLimits): Promise<Buffer | Failure> {
  const encoding = request.header('Content-Encoding')?.trim().toLowerCase() || 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity') {
    return { status: 415, message: `expected Content-Encoding gzip or identity, got ${JSON.stringify(encoding.slice(0, 100))}` };
  }
  const told = request.header('Content-Length');
  const length = told === undefined ? undefined : Number(told);
  if (length !== undefined && length > limits.maxBodyBytes) return tooLong(limits.maxBodyBytes);
  if (length !== undefined && !limits.share.fits(length)) return tooMuch();
  const hasRoom = length !== undefined && (request.raw.bodyUsed || (length <= SHORT_BYTES && limits.share.holdAnnounced(length)));
  const reading = hasRoom ? readAtOnce(request, length, limits) : readInChunks(request, limits);
  // Its sender has gone.
  const body = await reading.catch((): Failure => ({ status: 400, message: 'the body did not arrive whole' }));
  return encoding === 'gzip' && Buffer.isBuffer(body) ? inflated(body, limits) : body;
}

/** Up to so many are read in one go, which costs less than by chunks; so is what somebody before us has read and kept. */
const SHORT_BYTES = 1024 * 1024;

/** The server gives no more bytes than the header says. */
async function readAtOnce(request: HonoRequest, length: number, { share }: BodyLimits): Promise<Buffer | Failure> {
  if (!share.hold(length)) return tooMuch();
  const bytes = await request.arrayBuffer();
  share.haveCome();
  return Buffer.from(bytes);
}

/** Of a body without a length, of a long one, and of one too many beside others: only what has come takes room. */
async function readInChunks({ raw }: HonoRequest, { maxBodyBytes, share }: BodyLimits): Promise<Buffer | Failure> {
  if (raw.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of raw.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBodyBytes) return tooLong(maxBodyBytes);
    if (!share.hold(length)) return tooMuch();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const CHUNK_BYTES = 64 * 1024;

/** It stops where the limit is passed: a bomb does not go off. In one go, since that costs the least. */
function inflated(body: Buffer, { maxBodyBytes, share }: BodyLimits): Buffer | Failure {
  try {
    const bytes = gunzipSync(body, { maxOutputLength: maxBodyBytes, chunkSize: CHUNK_BYTES });
    return share.hold(bytes.length) ? bytes : tooMuch();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return tooLong(maxBodyBytes);
    return { status: 400, message: 'expected a body in gzip, as Content-Encoding says' };
  }
}

function tooLong(maxBodyBytes: number): Failure {
  return { status: 413, message: `expected a body of at most ${maxBodyBytes} bytes after decompression` };
}

function tooMuch(): Failure {
  return { status: 429, message: 'too much waits for the store just now', headers: { 'Retry-After': '1' } };
}
