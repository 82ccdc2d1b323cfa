import { gunzipSync } from 'node:zlib';
import type { HonoRequest } from 'hono';
import { groupValues, memberName, valueSource } from '../../options/read.ts';
import type { OptionContext } from '../../options/read.ts';

/** How much a receiver keeps in memory. */
export interface ReceiverLimits {
  /**
   * The longest body in bytes, after decompression, from 1024. A longer one is answered with 413,
   * and its sender does not retry. Default 20 MiB, as in the OpenTelemetry Collector.
   */
  maxBodyBytes?: number;
  /**
   * How many bytes of bodies may wait for the store at a time, at least as many as one body. A request
   * beyond them is answered with 429, and its sender retries. Default 64 MiB.
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
  const header = request.header('Content-Length');
  const length = header === undefined ? undefined : Number(header);
  if (length !== undefined && length > limits.maxBodyBytes) return tooLong(limits.maxBodyBytes);
  if (length !== undefined && !limits.share.fits(length)) return tooMuch();
  const hasRoom = length !== undefined && (request.raw.bodyUsed || (length <= SHORT_BYTES && limits.share.holdAnnounced(length)));
  const reading = hasRoom ? readAtOnce(request, length, limits) : readInChunks(request, limits);
  // It fails where the sender has disconnected.
  const body = await reading.catch((): Failure => ({ status: 400, message: 'the body did not arrive whole' }));
  return encoding === 'gzip' && Buffer.isBuffer(body) ? inflated(body, limits) : body;
}

/** Bodies up to this length are read at once, which costs less than chunks. So is a body that middleware has read already. */
const SHORT_BYTES = 1024 * 1024;

/** The HTTP server gives no more bytes than `Content-Length` announces. */
async function readAtOnce(request: HonoRequest, length: number, { share }: BodyLimits): Promise<Buffer | Failure> {
  if (!share.hold(length)) return tooMuch();
  const bytes = await request.arrayBuffer();
  share.arrived();
  return Buffer.from(bytes);
}

/** Reads a body without a length, a long body, or a body beside many others: only bytes that have arrived take room. */
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

/** Stops at the limit, so that a decompression bomb does no harm. One synchronous call costs the least. */
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

/** The share of the room that may be held for bytes that are only announced, since they may never arrive. */
const ANNOUNCED_SHARE = 1 / 4;

/** The room for the bytes of all bodies that are being read or wait for the store: how many there may be, and are. */
interface Room {
  readonly most: number;
  bytes: number;
  /** Those of them that have not arrived yet. */
  announced: number;
}

/** The bytes that one request holds, none at first. The caller releases them. */
export class BodyShare {
  readonly #room: Room;
  #held = 0;
  #announced = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  /** Whether there is room for so many bytes in all. */
  fits(bytes: number): boolean {
    return bytes <= this.#held || this.#room.bytes - this.#held + bytes <= this.#room.most;
  }

  /** Holds so many bytes in all; returns `false` if there is no room for them. */
  hold(bytes: number): boolean {
    if (bytes <= this.#held) return true;
    if (!this.fits(bytes)) return false;
    this.#room.bytes += bytes - this.#held;
    this.#held = bytes;
    return true;
  }

  /** Holds bytes that have not arrived yet; returns `false` if there is no room, or none for such bytes. */
  holdAnnounced(bytes: number): boolean {
    if (this.#room.announced + bytes > this.#room.most * ANNOUNCED_SHARE || !this.hold(bytes)) return false;
    this.#room.announced += bytes;
    this.#announced += bytes;
    return true;
  }

  /** The announced bytes have arrived. */
  arrived(): void {
    this.#room.announced -= this.#announced;
    this.#announced = 0;
  }

  /** Gives all bytes back. */
  release(): void {
    this.arrived();
    this.#room.bytes -= this.#held;
    this.#held = 0;
  }
}
