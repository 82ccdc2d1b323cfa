import { diag, DiagLogLevel } from '@opentelemetry/api';
import { onTestFinished } from 'vitest';
import { sharedValues } from '../../support/shared-values.ts';
import { testFile } from '../../support/test-file.ts';

/**
 * Collects the warnings that OpenTelemetry's `diag` gets until the test has finished. A cause that was reported before the
 * test is reported again. Left out is what an earlier file of the process still reports, and what is reported of an updater
 * that is garbage collected just now: no test decides when.
 */
export function diagnosed(): string[] {
  const warnings: string[] = [];
  const own = testFile.getStore();
  const push = (message: string): void => {
    if (testFile.getStore() === own) warnings.push(message);
  };
  sharedValues().reported?.clear();
  diag.setLogger({ error: push, warn: push, info: push, debug: push, verbose: push }, DiagLogLevel.WARN);
  onTestFinished(() => diag.disable());
  return warnings;
}
