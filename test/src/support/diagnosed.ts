import { diag, DiagLogLevel } from '@opentelemetry/api';
import { onTestFinished } from 'vitest';

/** Collects the warnings that OpenTelemetry's `diag` gets until the test has finished. */
export function diagnosed(): string[] {
  const warnings: string[] = [];
  const push = (message: string): void => void warnings.push(message);
  diag.setLogger({ error: push, warn: push, info: push, debug: push, verbose: push }, DiagLogLevel.WARN);
  onTestFinished(() => diag.disable());
  return warnings;
}
