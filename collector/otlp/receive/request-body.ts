import { promisify } from 'node:util';
import { gunzip, gunzipSync } from 'node:zlib';
import type { HonoRequest } from 'hono';
import { groupValues, memberName, valueSource } from '../../options/read.ts';
import type { OptionContext } from '../../options/read.ts';
import type { BodyShare } from './body-room.ts';

/** How much a receiver keeps in memory. */
export interface ReceiverLimits {
  /**
   * The longest body in bytes, after decompression, from 1024. A longer one is answered with 413,
   * and its sender does not retry. Default 64 MiB.
   */
  maxBodyBytes?: number;
  /**
   * How many bytes of bodies may wait for the store at a time, at least as many as one body. A request
   * beyond them is answered with 429, and its sender retries. Default 128 MiB.
   */
  maxWaitingBytes?: number;
}

/**
 * The limits with their defaults. Throws a `TypeError` or `RangeError` that names the option or the variable.
 *
 * @param given The group `serve.receive`.
 */
export function resolveLimits(given: object, context: OptionContext = {}): Required<ReceiverLimits> {
  const limits = groupValues('serve.receive', given, context);
  const { maxBodyBytes, maxWaitingBytes } = limits;
  if (maxWaitingBytes >= maxBodyBytes) return limits;
  const { as = 'serve.receive' } = context;
  const waiting = (given as ReceiverLimits).maxWaitingBytes;
  const source = valueSource('serve.receive.maxWaitingBytes', waiting, { ...context, as: memberName(as, 'maxWaitingBytes') });
  if (source === undefined) return { maxBodyBytes, maxWaitingBytes: maxBodyBytes };
  throw new RangeError(`${source}: expected a whole number of at least ${maxBodyBytes}, got ${maxWaitingBytes}`);
}

/** An answer other than success: a status code and a message of one line. */
export interface Failure {
  readonly status: number;
  readonly message: string;
  /** Headers such as `Retry-After`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What one request may bring, and how much memory there is for it. */
interface BodyLimits {
  /** The most bytes after decompression. */
  readonly maxBodyBytes: number;
  readonly share: BodyShare;
}

/**
 * Gives the decompressed bytes of a body, or why it is not taken. The length that a request announces is checked before
 * any byte is kept.
 */
export async function readBody(request: HonoRequest, limits: BodyLimits): Promise<Buffer | Failure> {
  const encoding = request.header('Content-Encoding')?.trim().toLowerCase() || 'identity';
  if (encoding !== 'gzip' && encoding !== 'identity') {
    return { status: 415, message: `expected Content-Encoding gzip or identity, got ${JSON.stringify(encoding.slice(0, 100))}` };
  }
  const { share, maxBodyBytes } = limits;
  const header = request.header('Content-Length');
  const length = header === undefined ? undefined : Number(header);
  if (length !== undefined && length > maxBodyBytes) return tooLong(maxBodyBytes);
  if (length !== undefined && !share.fits(length)) return tooMuch();
  const hasRoom = length !== undefined && (request.raw.bodyUsed || (length <= SHORT_BYTES && share.holdAnnounced(length)));
  const reading = hasRoom ? readAtOnce(request, length, limits) : readInChunks(request, limits);
  // It fails where the sender has disconnected.
  const body = (await share.arriving(reading.catch(notWhole))) ?? stalled();
  return encoding === 'gzip' && Buffer.isBuffer(body) ? inflated(body, limits) : body;
}

function notWhole(): Failure {
  return { status: 400, message: 'the body did not arrive whole' };
}

/** Bodies up to this length are read at once, which costs less than chunks. So is a body that middleware has read already. */
const SHORT_BYTES = 1024 * 1024;

/** The HTTP server gives no more bytes than `Content-Length` announces. */
async function readAtOnce(request: HonoRequest, length: number, { share }: BodyLimits): Promise<Buffer | Failure> {
  if (!share.hold(length)) return tooMuch();
  return Buffer.from(await request.arrayBuffer());
}

/** Reads a body without a length, a long body, or a body beside many others: only bytes that have arrived take room. */
async function readInChunks({ raw }: HonoRequest, { maxBodyBytes, share }: BodyLimits): Promise<Buffer | Failure> {
  if (raw.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of raw.body as AsyncIterable<Uint8Array>) {
    if (share.isCutOff) return stalled();
    length += chunk.length;
    if (length > maxBodyBytes) return tooLong(maxBodyBytes);
    if (!share.hold(length)) return tooMuch();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const CHUNK_BYTES = 64 * 1024;
const gunzipped = promisify(gunzip);

/**
 * Stops at the limit, so that a decompression bomb does no harm. Few bytes are inflated at once, which costs the least;
 * many by the thread pool, while their room is held. How many they are stands at the end of the body, mostly rightly.
 */
async function inflated(body: Buffer, { maxBodyBytes, share }: BodyLimits): Promise<Buffer | Failure> {
  const announced = body.length < 4 ? 0 : body.readUInt32LE(body.length - 4);
  const likely = Math.min(Math.max(announced, SHORT_BYTES), maxBodyBytes);
  try {
    for (const most of likely < maxBodyBytes ? [likely, maxBodyBytes] : [maxBodyBytes]) {
      if (most > SHORT_BYTES && !share.hold(most)) return tooMuch();
      const bytes = await inflate(body, most);
      if (bytes !== undefined) return share.hold(bytes.length) ? bytes : tooMuch();
    }
    return tooLong(maxBodyBytes);
  } catch {
    return { status: 400, message: 'expected a body in gzip, as Content-Encoding says' };
  }
}

/** The inflated bytes; `undefined` where there are more than may be. */
async function inflate(body: Buffer, maxOutputLength: number): Promise<Buffer | undefined> {
  const options = { maxOutputLength, chunkSize: CHUNK_BYTES };
  try {
    return maxOutputLength <= SHORT_BYTES ? gunzipSync(body, options) : await gunzipped(body, options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') return undefined;
    throw error;
  }
}

function tooLong(maxBodyBytes: number): Failure {
  return { status: 413, message: `expected a body of at most ${maxBodyBytes} bytes after decompression` };
}

function tooMuch(): Failure {
  return { status: 429, message: 'too much waits for the store just now', headers: { 'Retry-After': '1' } };
}

/** 503, so that the sender retries: after a 408 it would give up. */
function stalled(): Failure {
  return { status: 503, message: 'the body did not come on', headers: { 'Retry-After': '1', Connection: 'close' } };
}
