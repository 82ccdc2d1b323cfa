import { diag } from '@opentelemetry/api';
import { describeFailure } from './failure.ts';

/** In the order in which they were told. */
const told = new Set<string>();
const MOST_CAUSES = 1000;

/**
 * Tells OpenTelemetry's `diag` of a trouble that task code must not suffer from, once per cause.
 *
 * @param cause What it is about; the same cause is told once per process, unless a thousand
 *   others have been told since.
 */
export function reportOnce(cause: string, message: string, error?: unknown): void {
  if (told.has(cause)) return;
  told.add(cause);
  for (const oldest of told) {
    if (told.size <= MOST_CAUSES) break;
    told.delete(oldest);
  }
  report(message, error);
}

/** Tells it each time. */
export function report(message: string, error?: unknown): void {
  try {
    if (error === undefined) diag.warn(`taskspan: ${message}`);
    else {
      const failure = describeFailure(error);
      diag.warn(`taskspan: ${message}: ${failure.message || failure.name}`);
    }
  } catch {
    // A logger that throws must not reach task code, and there is nobody left to tell.
  }
}
