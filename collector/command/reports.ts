import { diag, DiagLogLevel } from '@opentelemetry/api';
import { taskspanLogger } from '../tell.ts';

/** What is told of troubles while a command runs. */
export interface HeldReports {
  /** Prints what was held back, and from now on each report at once. */
  release(): void;
}

/**
 * Holds back what OpenTelemetry's `diag` is told: a command that can't run says why itself, in
 * one line. Released, warnings of taskspan and all errors go to standard error.
 */
export function holdReports(): HeldReports {
  let held: string[] | undefined = [];
  const tell = (message: string): void => {
    if (held === undefined) process.stderr.write(`${message}\n`);
    else held.push(message);
  };
  diag.setLogger(taskspanLogger(tell), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  return {
    release() {
      const messages = held ?? [];
      held = undefined;
      for (const message of messages) tell(message);
    },
  };
}
