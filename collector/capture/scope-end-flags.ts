import { OUTCOMES } from '../../src/conventions.ts';
import type { Outcome } from '../../src/conventions.ts';
import type { ScopeEnd, SpanRef } from '../../src/fact.ts';

const HEADING = 16;
const WITH_ERROR = 32;

/** Outcome, heading and whether there is an error, as one number. */
export function scopeEndFlags(outcome: Outcome, heading: boolean, withError: boolean): number {
  return OUTCOMES.indexOf(outcome) | (heading ? HEADING : 0) | (withError ? WITH_ERROR : 0);
}

/** The fact that was written with {@link scopeEndFlags}. */
export function scopeEndOf(
  span: SpanRef,
  seq: number,
  time: number,
  duration: number,
  flags: number,
  errorName: string,
  errorMessage: string,
): ScopeEnd {
  return {
    kind: 'scope-end',
    span,
    seq,
    time,
    outcome: OUTCOMES[flags & 15] ?? 'failed',
    duration,
    heading: (flags & HEADING) !== 0,
    error: (flags & WITH_ERROR) === 0 ? undefined : { name: errorName, message: errorMessage },
  };
}
