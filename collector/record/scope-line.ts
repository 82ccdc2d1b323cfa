import { basicOutcome, LOST } from '../../src/conventions.ts';
import { cutText } from '../../src/text.ts';
import { isoTime } from '../../src/task-record.ts';
import type { NotificationRecord, ScopeLine } from '../../src/task-record.ts';
import { isAttempt, progressOf } from './scope-state.ts';
import type { ScopeState } from './scope-state.ts';
import { errorText, outcomeOf } from './task-error.ts';
import { outerSpanId } from './task-fold.ts';

/** Of a notification and of an error a line has so many characters. */
const MOST_TEXT = 1000;
/** Attributes of a notification whose JSON is longer are left out of a line. */
const MOST_ATTRIBUTES = 4096;

/** Options of {@link scopeLine}. */
interface ScopeLineOptions {
  /** Number of the scope's attempt. */
  attemptNumber: number;
  /** Whether the task has finished, so that nothing runs in it. */
  isOver: boolean;
  /** Its last notification. */
  last: NotificationRecord | undefined;
}

/** A scope as a line: a few hundred bytes, whatever it has reported. */
export function scopeLine(scope: ScopeState, { attemptNumber, isOver, last }: ScopeLineOptions): ScopeLine {
  const { end, stepsInside, failedInside, runningInside } = scope;
  const error = end?.error ?? null;
  return {
    span_id: scope.spanId,
    parent: parentOf(scope, attemptNumber),
    ...(isAttempt(scope) && { attempt: scope.attempt }),
    name: scope.name,
    start: scope.start === null ? null : isoTime(scope.start),
    end: end === null ? null : isoTime(end.time),
    outcome: end !== null ? outcomeOf(end, error) : isOver ? LOST : 'running',
    progress: progressOf(scope),
    done: scope.latestProgress?.done ?? null,
    total: scope.latestProgress?.total ?? null,
    error: error === null ? null : cutText(errorText(error), MOST_TEXT),
    last: last === undefined ? null : shortened(last),
    steps: stepsInside,
    failed: failedInside,
    running: isOver ? 0 : runningInside,
  };
}

/** Span id of the scope or attempt in which the tree has it. */
function parentOf(scope: ScopeState, attemptNumber: number): string | null {
  if (isAttempt(scope)) return null;
  return scope.within === attemptNumber ? scope.taskSpanId : outerSpanId(scope);
}

function shortened({ time, message, attributes }: NotificationRecord): NotificationRecord {
  const hasAttributes = attributes !== undefined && JSON.stringify(attributes).length <= MOST_ATTRIBUTES;
  return { time, message: cutText(message, MOST_TEXT), ...(hasAttributes && { attributes }) };
}

/**
 * How soon a scope is shown where there is no room for all: 0 one that has failed or in which something has, 1 one that is
 * open or in which something is, 2 any other.
 */
export type Rank = 0 | 1 | 2;

export function rankOf({ end, failedInside, runningInside }: ScopeState): Rank {
  if (failedInside > 0 || (end !== null && basicOutcome(end.outcome) === 'failed')) return 0;
  return end === null || runningInside > 0 ? 1 : 2;
}

/** In the order of their starts. Where these are the same or unknown the ids decide: it does not depend on the order of arrival. */
export function byStart(one: ScopeState, other: ScopeState): number {
  const start = one.start ?? Infinity;
  const otherStart = other.start ?? Infinity;
  if (start !== otherStart) return start - otherStart;
  if (one.spanId !== other.spanId) return one.spanId < other.spanId ? -1 : 1;
  return one.traceId < other.traceId ? -1 : 1;
}
