import { diag } from '@opentelemetry/api';
import { describeFailure } from './failure.ts';
import { shared } from './shared.ts';

/**
 * Where warnings go while the application has set no logger for OpenTelemetry's `diag`; nowhere until it is set.
 *
 * taskspan sets no logger of its own: the first value that is set in OpenTelemetry's API fixes the version of the API
 * for the whole process, and a provider that brings a newer one is refused then.
 */
export const warnings: { write: ((line: string) => void) | undefined } = shared('warnings', () => ({ write: undefined }));

/** In the order in which they were reported. */
const reported = new Set<string>();
const MOST_CAUSES = 1000;

/**
 * Logs a warning once per cause: of a failure that must not reach task code.
 *
 * @param cause What the warning is about. The same cause is reported once per process, unless a thousand others have
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
    // A logger that throws must not reach task code, and there is nothing left to write to.
  }
}

/** The API has no question for it; where it keeps its globals is part of its contract between versions. */
function hasLogger(): boolean {
  return globalSlots().diag !== undefined;
}

/** What stands in the global slots of OpenTelemetry's API: in one of its copies or another, of version 1. */
export function globalSlots(): { readonly [slot in 'diag' | 'trace' | 'context' | 'propagation']?: unknown } {
  return (globalThis as Record<symbol, object | undefined>)[Symbol.for('opentelemetry.js.api.1')] ?? {};
}

/**
 * Writes to standard output or standard error. A reader that is gone or a full disk is reported to
 * `onFailure`, and neither throws nor ends the process.
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
    // The stream, or its `write`, may be another that the application has put in its place.
    onFailure?.(error);
  }
}

/**
 * The `error` event of a failed write follows its callback, and would end the process if nobody
 * handled it. Other listeners do not count: that of a pipe into the stream, which Node.js makes for
 * each worker thread, removes itself and then emits the error again unless a listener is left.
 */
function expectErrorEvent(stream: NodeJS.WriteStream): void {
  stream.off('error', ignore);
  stream.once('error', ignore);
}

function ignore(): void {
  // The write's own callback has reported it.
}
