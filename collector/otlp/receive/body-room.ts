import type { Socket } from 'node:net';
import { clearInterval, performance, setInterval } from '../../timers.ts';

/** The share of the room that may be held for bytes that are only announced, since they may never arrive. */
const ANNOUNCED_SHARE = 1 / 4;
/** The share of the room that the bodies of one connection may hold; a single body may always be as long as bodies may be. */
const CONNECTION_SHARE = 1 / 2;

/** A body that comes slower than so many bytes in so many milliseconds is cut off. */
const LEAST_BYTES = 16 * 1024;
const LONGEST_STALL_MS = 10_000;
/** After so many milliseconds already where another body needs the room. */
const STALL_IN_THE_WAY_MS = 1000;
const LOOK_MS = 1000;

/** Options of {@link BodyRoom}. */
interface BodyRoomOptions {
  /** How many bytes there is room for. */
  readonly most: number;
  /** The longest body. */
  readonly longestBody: number;
  /** Milliseconds after which a stalled body is cut off. Default 10,000. */
  readonly longestStallMs?: number;
}

/**
 * The room for the bytes of all bodies that are being read or wait for the store.
 *
 * Bodies that do not come on are cut off: at once where another body needs their room, else after ten seconds. So senders
 * that stall, however many, keep nobody else from sending.
 */
export class BodyRoom {
  readonly #most: number;
  readonly #mostOfConnection: number;
  readonly #longestStallMs: number;
  #bytes = 0;
  #announced = 0;
  readonly #ofConnections = new WeakMap<Socket, number>();
  /** The bodies that are being read, the oldest first. */
  readonly #arriving = new Set<BodyShare>();
  #looking: ReturnType<typeof setInterval> | undefined;

  constructor({ most, longestBody, longestStallMs = LONGEST_STALL_MS }: BodyRoomOptions) {
    this.#most = most;
    this.#mostOfConnection = Math.max(longestBody, most * CONNECTION_SHARE);
    this.#longestStallMs = longestStallMs;
  }

  /** The share of one request, which holds nothing at first. The caller releases it. */
  share(connection: Socket | undefined): BodyShare {
    return new BodyShare(this, connection);
  }

  /** Whether there is room for so many more bytes of a connection: bodies that stall in the way are cut off. */
  fits(more: number, connection: Socket | undefined): boolean {
    if (connection !== undefined && (this.#ofConnections.get(connection) ?? 0) + more > this.#mostOfConnection) return false;
    if (this.#bytes + more > this.#most) this.#cutOff(STALL_IN_THE_WAY_MS, this.#bytes + more - this.#most);
    return this.#bytes + more <= this.#most;
  }

  fitsAnnounced(more: number): boolean {
    return this.#announced + more <= this.#most * ANNOUNCED_SHARE;
  }

  add(bytes: number, announced: number, connection: Socket | undefined): void {
    this.#bytes += bytes;
    this.#announced += announced;
    if (connection !== undefined) this.#ofConnections.set(connection, (this.#ofConnections.get(connection) ?? 0) + bytes);
  }

  arriving(share: BodyShare): void {
    this.#arriving.add(share);
    this.#look();
  }

  arrived(share: BodyShare): void {
    this.#arriving.delete(share);
  }

  /** Looks after the bodies while any are being read. */
  #look(): void {
    if (this.#looking !== undefined) return;
    this.#looking = setInterval(() => {
      this.#cutOff(this.#longestStallMs, Infinity);
      if (this.#arriving.size > 0) return;
      clearInterval(this.#looking);
      this.#looking = undefined;
    }, Math.min(LOOK_MS, this.#longestStallMs));
    this.#looking.unref();
  }

  /** Cuts off bodies that have stalled for so long, until so many bytes are free. */
  #cutOff(stallMs: number, bytes: number): void {
    const before = this.#bytes;
    const now = performance.now();
    for (const share of this.#arriving) {
      if (before - this.#bytes >= bytes) return;
      if (share.stalledMs(now) >= stallMs) share.cutOff();
    }
  }
}

/** The bytes that one request holds. */
export class BodyShare {
  readonly #room: BodyRoom;
  readonly #connection: Socket | undefined;
  #held = 0;
  #announced = 0;
  /** How many bytes had come when the body had last come on, and when that was. */
  #mark = 0;
  #markedAt = 0;
  #cutOff: (() => void) | undefined;
  #isCutOff = false;

  constructor(room: BodyRoom, connection: Socket | undefined) {
    this.#room = room;
    this.#connection = connection;
  }

  /** Whether there is room for so many bytes in all. */
  fits(bytes: number): boolean {
    return bytes <= this.#held || this.#room.fits(bytes - this.#held, this.#connection);
  }

  /** Holds so many bytes in all; returns `false` if there is no room for them. */
  hold(bytes: number): boolean {
    if (!this.fits(bytes)) return false;
    this.#add(Math.max(bytes - this.#held, 0), 0);
    return true;
  }

  /** Holds bytes that have not arrived yet; returns `false` if there is no room, or none for such bytes. */
  holdAnnounced(bytes: number): boolean {
    if (!this.#room.fitsAnnounced(bytes) || !this.hold(bytes)) return false;
    this.#add(0, bytes);
    return true;
  }

  /** Resolves to what the reading of the body gives; to `undefined` where the body is cut off before. */
  async arriving<T>(reading: Promise<T>): Promise<T | undefined> {
    const isCutOff = new Promise<undefined>((resolve) => (this.#cutOff = () => resolve(undefined)));
    this.#mark = this.#bytesRead;
    this.#markedAt = performance.now();
    this.#room.arriving(this);
    try {
      return await Promise.race([reading, isCutOff]);
    } finally {
      this.#room.arrived(this);
      this.#add(0, -this.#announced);
    }
  }

  /** For how many milliseconds the body has not come on. */
  stalledMs(now: number): number {
    if (this.#bytesRead - this.#mark >= LEAST_BYTES) {
      this.#mark = this.#bytesRead;
      this.#markedAt = now;
    }
    return now - this.#markedAt;
  }

  /** Whether it was cut off, so that what still comes of its body is dropped. */
  get isCutOff(): boolean {
    return this.#isCutOff;
  }

  cutOff(): void {
    this.#isCutOff = true;
    this.release();
    this.#cutOff?.();
  }

  /** Gives all bytes back. */
  release(): void {
    this.#room.arrived(this);
    this.#add(-this.#held, -this.#announced);
  }

  get #bytesRead(): number {
    return this.#connection?.bytesRead ?? this.#held;
  }

  #add(bytes: number, announced: number): void {
    this.#held += bytes;
    this.#announced += announced;
    this.#room.add(bytes, announced, this.#connection);
  }
}
