import { received } from '../../src/failure.ts';

const LEAST_BUFFER_BYTES = 1024 * 1024;

/** Throws a `RangeError` unless facts that wait may take so many bytes. */
export function checkBufferBytes(bytes: unknown): void {
  if (Number.isSafeInteger(bytes) && (bytes as number) >= LEAST_BUFFER_BYTES) return;
  throw new RangeError(`bufferBytes: expected a whole number of at least ${LEAST_BUFFER_BYTES}, got ${received(bytes)}`);
}
