import type { Context } from 'hono';
import { received } from '../../../src/failure.ts';
import type { StoredTask } from '../../store/task-store.ts';
import { problem } from '../answers.ts';

/** Options of live streams. */
export interface StreamOptions {
  /**
   * How often a stream without changes sends a comment, in milliseconds, at least 100: so that no proxy closes the
   * connection. Default 15,000.
   */
  aliveMs?: number;
  /**
   * How many bytes a client may lag behind, at least 65,536. The connection of a client that lags further is closed, and
   * the client goes on from there when it reconnects. Default 1 MiB.
   */
  maxBehindBytes?: number;
}

/** A server-sent event (HTML standard, 9.2). */
interface ServerSentEvent {
  /** Its type, for `addEventListener`. */
  event: string;
  /** What a client that reconnects sends as `Last-Event-ID`; an event without one keeps the id before it. */
  id?: string;
  /** JSON text. */
  data: string;
}

/**
 * A server-sent event as text. Each line of its data has a `data:` of its own: a client joins them again. JSON may have
 * line breaks between its tokens, also `\r` alone, which ends a line of a stream too.
 */
export function eventText({ event, id, data }: ServerSentEvent): string {
  const lines = LINE_BREAK.test(data) ? data.split(LINE_BREAK).join('\ndata: ') : data;
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${lines}\n\n`;
}

const LINE_BREAK = /\r\n|\r|\n/;

export function eventBytes(event: ServerSentEvent): Uint8Array {
  return Buffer.from(eventText(event));
}

/** Begins a stream: after how many milliseconds a client reconnects. */
export const STREAM_START: Uint8Array = Buffer.from('retry: 2000\n\n');

/** A comment, which keeps the connection alive through proxies and changes nothing. */
export const ALIVE: Uint8Array = Buffer.from(': alive\n\n');

/** The headers of an answer that goes on: no cache keeps it, no proxy buffers it. */
export function streamHeaders(contentType: string): Record<string, string> {
  return {
    'Content-Type': contentType,
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
    'X-Content-Type-Options': 'nosniff',
  };
}

/** How far a client is with a task: the version that it has, and the log where it has more of that. */
export interface StreamPosition {
  version: number;
  /** Length of the log that it has in bytes, where that is not the log of the version. */
  offset?: number;
  /** Whether it knows that the task is lost for good: that ends a stream without a new version. */
  lost?: boolean;
}

/** The position of a client that has the task's present record. */
export function positionAt({ version, state, liveness }: Pick<StoredTask, 'version' | 'state' | 'liveness'>): StreamPosition {
  return { version, lost: state === 'lost' && liveness?.final === true };
}

/**
 * A position as the id of an event: `12`, `12-lost` for a task that is lost for good, or `12.4096` in the middle of a
 * long piece of log.
 */
export function positionId({ version, offset, lost = false }: StreamPosition): string {
  return `${version}${offset === undefined ? '' : `.${offset}`}${lost ? '-lost' : ''}`;
}

const POSITION_ID = /^(\d{1,15})(?:\.(\d{1,15}))?(-lost)?$/;

export function positionOf(id: string): StreamPosition | undefined {
  const [, version, offset, lost] = POSITION_ID.exec(id) ?? [];
  if (version === undefined) return undefined;
  return { version: Number(version), ...(offset !== undefined && { offset: Number(offset) }), lost: lost !== undefined };
}

/** Where a client wants to go on. */
export interface Resume<Position> {
  /** `undefined`: from the beginning. */
  position: Position | undefined;
  /** The answer if the store has not reached that position; `undefined`: the stream begins from the start then. */
  refusal: Response | undefined;
}

/**
 * Reads `Last-Event-ID` of a client that reconnects, else `?after=` of a new client. For an invalid header the
 * stream begins from the start, since its client can't correct it; for an invalid parameter it gives a 400.
 */
export function resumeOf<Position>(
  c: Context,
  parse: (id: string) => Position | undefined,
): Resume<Position> | Response {
  const header = c.req.header('Last-Event-ID');
  if (header !== undefined && header !== '') return { position: parse(header), refusal: undefined };
  const after = c.req.query('after');
  if (after === undefined) return { position: undefined, refusal: undefined };
  const position = parse(after);
  const refuse = (expected: string): Response => problem(400, `after: expected ${expected}, got ${received(after)}`);
  if (position === undefined) return refuse('the id of an event');
  return { position, refusal: refuse('an id that an event of this stream had') };
}
