import { diag, DiagLogLevel } from '@opentelemetry/api';
import { onTestFinished } from 'vitest';

/** Collects what OpenTelemetry's `diag` is told until the test has finished. */
export function diagnosed(): string[] {
  const told: string[] = [];
  const tell = (message: string): void => void told.push(message);
  diag.setLogger({ error: tell, warn: tell, info: tell, debug: tell, verbose: tell }, DiagLogLevel.WARN);
  onTestFinished(() => diag.disable());
  return told;
}
