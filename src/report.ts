import { diag } from '@opentelemetry/api';
import { describeFailure } from './failure.ts';
import { shared } from './shared-between-copies.ts';

/** Writes warnings, and text to the standard streams. Nothing here throws. */

/**
 * Writes warnings while the application has set no logger for OpenTelemetry's `diag`. Without `write` they are lost.
 *
 * taskspan sets no logger of its own: the first value that is set in OpenTelemetry's API fixes the version of the API
 * for the whole process, and the API then refuses a provider of a newer version.
 */
export const warnings: { write: ((line: string) => void) | undefined } = shared('warnings', () => ({ write: undefined }));

/** The causes, in the order in which they were reported. All copies of this package in a process share them. */
const reported: Set<string> = shared('reported', () => new Set());
const MOST_CAUSES = 1000;

/**
 * Logs a warning once per cause, for a failure that must not reach task code.
 *
 * @param cause What the warning is about. A cause is reported once per process, unless a thousand other causes have
 *   been reported since.
 */
export function reportOnce(cause: string, message: string, error?: unknown): void {
  if (reported.has(cause)) return;
  reported.add(cause);
  for (const oldest of reported) {
    if (reported.size <= MOST_CAUSES) break;
    reported.delete(oldest);
  }
  report(message, error);
}

/** Logs a warning each time. */
export function report(message: string, error?: unknown): void {
  try {
    let line = `taskspan: ${message}`;
    if (error !== undefined) {
      const failure = describeFailure(error);
      line += `: ${failure.message || failure.name}`;
    }
    if (hasLogger()) diag.warn(line);
    else warnings.write?.(line);
  } catch {
    // An error of the logger must not reach task code, and nothing is left to log it with.
  }
}

/**
 * Whether the application has set a logger. The API has no method for it; its global slots are part of its contract
 * between versions.
 */
function hasLogger(): boolean {
  return globalSlots().diag !== undefined;
}

/** The global slots of OpenTelemetry's API, version 1, which all copies of it share. */
export function globalSlots(): { readonly [slot in 'diag' | 'trace' | 'context' | 'propagation']?: unknown } {
  return (globalThis as Record<symbol, object | undefined>)[Symbol.for('opentelemetry.js.api.1')] ?? {};
}

/**
 * Writes to standard output or standard error. A failure, such as a closed pipe or a full disk, calls `onFailure`; it
 * neither throws nor ends the process.
 */
export function print(name: 'stdout' | 'stderr', text: string | Uint8Array, onFailure?: (error: unknown) => void): void {
  try {
    const stream = process[name];
    stream.write(text, (error) => {
      if (!error) return;
      expectErrorEvent(stream);
      onFailure?.(error);
    });
  } catch (error) {
    // The application may have replaced the stream, or its `write`.
    onFailure?.(error);
  }
}

/**
 * Handles the `error` event that follows the callback of a failed write. Unhandled, it would end the process.
 *
 * Other listeners do not help: the listener of a pipe into the stream, which Node.js makes for each worker thread,
 * removes itself and then emits the error again if no other listener is left.
 */
function expectErrorEvent(stream: NodeJS.WriteStream): void {
  stream.off('error', ignore);
  stream.once('error', ignore);
}

function ignore(): void {
  // The write's own callback has reported it.
}
