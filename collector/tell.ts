import { diag, DiagLogLevel } from '@opentelemetry/api';
import type { DiagLogger } from '@opentelemetry/api';
import { print } from '../src/standard-streams.ts';

/**
 * Lets what goes wrong be seen where the application has set no logger for OpenTelemetry's `diag`:
 * on standard error, taskspan's own warnings and all errors. `OTEL_LOG_LEVEL=none` keeps it silent.
 */
export function tellOnStandardError(): void {
  if (process.env['OTEL_LOG_LEVEL']?.toLowerCase() === 'none' || hasLogger()) return;
  diag.setLogger(taskspanLogger((message) => print('stderr', `${message}\n`)), {
    logLevel: DiagLogLevel.WARN,
  });
}

/** A logger for `diag` that passes on taskspan's own warnings and all errors. */
export function taskspanLogger(write: (message: string) => void): DiagLogger {
  const ignore = (): void => undefined;
  return {
    error: (message) => write(message),
    warn: (message) => {
      if (message.startsWith('taskspan: ')) write(message);
    },
    info: ignore,
    debug: ignore,
    verbose: ignore,
  };
}

/** The API has no question for it; where it keeps its globals is part of its contract between versions. */
function hasLogger(): boolean {
  const globals = (globalThis as Record<symbol, unknown>)[Symbol.for('opentelemetry.js.api.1')];
  return (globals as { diag?: unknown } | undefined)?.diag !== undefined;
}
