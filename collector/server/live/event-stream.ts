/** Server-sent events as the HTML standard frames them (9.2, "Server-sent events"). */

export interface ServerSentEvent {
  /** Its type, for `addEventListener`. */
  event: string;
  /** What a client that comes back names as `Last-Event-ID`; without one that stays as it was. */
  id?: string;
  /** JSON text: it has no line breaks. */
  data: string;
}

export function eventText({ event, id, data }: ServerSentEvent): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`;
}

export function eventBytes(event: ServerSentEvent): Uint8Array {
  return Buffer.from(eventText(event));
}

/** How soon a client is to come back, in milliseconds; what a stream begins with. */
export const STREAM_START: Uint8Array = Buffer.from('retry: 2000\n\n');

/** A comment: it keeps the connection through proxies and changes nothing. */
export const ALIVE: Uint8Array = Buffer.from(': alive\n\n');

/** Headers of an answer that goes on: kept by no cache, gathered by no proxy. */
export function streamHeaders(contentType: string): Record<string, string> {
  return {
    'Content-Type': contentType,
    'Cache-Control': 'no-cache, no-transform',
    'X-Accel-Buffering': 'no',
    'X-Content-Type-Options': 'nosniff',
  };
}
