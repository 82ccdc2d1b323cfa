import type { IncomingMessage } from 'node:http';
import { queueMicrotask } from '../../src/timers.ts';

let arriving: IncomingMessage | undefined;

/** To be called with a request as it comes from its connection, before anybody is given it. */
export function requestArrives(incoming: IncomingMessage): void {
  arriving = incoming;
  queueMicrotask(forget);
}

/**
 * Whether a request has come from its connection just now, and nobody has waited for anything since. What
 * else comes at such a moment was sent before it, too: Node reads the connections one after the other.
 */
export function isArriving(incoming: unknown): boolean {
  return arriving !== undefined && incoming === arriving;
}

function forget(): void {
  arriving = undefined;
}
