import { received } from './failure.ts';

// RFC 9562: version digit 1 to 8, variant digit 8 to b.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** Whether a value is a UUID of any version of RFC 9562, in any case. */
export function isTaskUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

/** The UUID in lower case; `TypeError` for anything else. Without a value, a new random one. */
export function taskUuid(value?: unknown): string {
  if (value === undefined) return globalThis.crypto.randomUUID();
  if (isTaskUuid(value)) return value.toLowerCase();
  throw new TypeError(`taskUuid: expected a UUID (RFC 9562), got ${received(value)}`);
}
