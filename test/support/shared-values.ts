import type { Capture } from '../../src/capture.ts';

/** What all copies of the package in a process share, as `src/shared-between-copies.ts` keeps it, as far as tests look at it. */
interface SharedValues {
  readonly capture?: Capture;
  /** The causes that were reported. */
  readonly reported?: Set<string>;
  /** The attempts with an open scope. */
  readonly 'live-tasks'?: Set<unknown>;
}

/** The values that are there by now: a module makes its own when it is loaded. */
export function sharedValues(): SharedValues {
  return (globalThis as Record<symbol, SharedValues | undefined>)[Symbol.for('taskspan.1')] ?? {};
}
