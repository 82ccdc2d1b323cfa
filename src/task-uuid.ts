import { received } from './failure.ts';

// RFC 9562: version digit 1 to 8, variant digit 8 to b.
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

/** Whether a value is a UUID of any version of RFC 9562, in any case. */
export function isTaskUuid(value: unknown): value is string {
  return typeof value === 'string' && UUID.test(value);
}

/** Returns a UUID in lower case, or a new one without a value. Throws a `TypeError` for any other value. */
export function taskUuid(value?: unknown): string {
  if (value === undefined) return newUuid();
  if (isTaskUuid(value)) return value.toLowerCase();
  throw new TypeError(`taskUuid: expected a UUID (RFC 9562), got ${received(value)}`);
}

/**
 * Makes a UUID of version 7 (RFC 9562). Its first 48 bits are the time in milliseconds, so that a store which orders
 * tasks by their UUIDs writes new tasks beside each other; 74 more bits are random.
 */
function newUuid(): string {
  const time = Date.now().toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8, 12)}-7${randomUuid().slice(15)}`;
}

/** Makes a UUID of version 4. Task code runs on Node.js 18 too, which has no global `crypto`. */
export function randomUuid(): string {
  const { crypto } = globalThis as Partial<typeof globalThis>;
  if (crypto !== undefined) return crypto.randomUUID();
  const digits = Array.from({ length: 32 }, () => Math.floor(Math.random() * 16).toString(16)).join('');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-4${digits.slice(13, 16)}-a${digits.slice(17, 20)}-${digits.slice(20)}`;
}
