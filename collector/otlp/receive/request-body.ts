import { gunzipSync } from 'node:zlib';
import type { HonoRequest } from 'hono';

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

/** Bounds the bytes of all bodies that are being read or wait for the store. */
export class WaitingBytes {
  readonly #most: number;
  #bytes = 0;
  #announced = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Gives one request its share, which is empty at first. The caller releases it. */
  share(): BodyShare {
    let held = 0;
    let announced = 0;
    const fits = (bytes: number): boolean => bytes <= held || this.#bytes - held + bytes <= this.#most;
    const hold = (bytes: number): boolean => {
      if (bytes <= held) return true;
      if (!fits(bytes)) return false;
      this.#bytes += bytes - held;
      held = bytes;
      return true;
    };
    const arrived = (): void => {
      this.#announced -= announced;
      announced = 0;
    };
    return {
      fits,
      hold,
      holdAnnounced: (bytes) => {
        if (this.#announced + bytes > this.#most * ANNOUNCED_SHARE || !hold(bytes)) return false;
        this.#announced += bytes;
        announced += bytes;
        return true;
      },
      arrived,
      release: () => {
        arrived();
        this.#bytes -= held;
        held = 0;
      },
    };
  }
}

/** The bytes that one request holds. */
export interface BodyShare {
  /** Whether there is room for so many bytes in all. */
  fits(bytes: number): boolean;
  /** Holds so many bytes in all; returns `false` if there is no room for them. */
  hold(bytes: number): boolean;
  /** Holds bytes that have not arrived yet; returns `false` if there is no room, or none for such bytes. */
  holdAnnounced(bytes: number): boolean;
  /** The announced bytes have arrived. */
  arrived(): void;
  /** Gives all bytes back. */
  release(): void;
}
