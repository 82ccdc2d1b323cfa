import { received } from '../../src/failure.ts';
import { isAttempt } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import { spanKey } from './span-map.ts';
import type { TaskState } from '../../src/task-record.ts';

/*
 * A request to cancel a task stays with the task. It is no fact: it comes from outside, and the record shows it beside
 * what the facts make of it.
 */

/** Options of a request. */
export interface CancelOptions {
  /** Who asks, as the caller says; at most 200 characters. */
  by?: string | undefined;
  /** Why; at most 1,000 characters. */
  reason?: string | undefined;
  /** Whether its child tasks are cancelled too, and theirs, also those that begin later. Default `true`. */
  children?: boolean | undefined;
}

/** A request as a store keeps it. Times are microseconds since the epoch. */
export interface CancelRequest {
  readonly requested: number;
  readonly by: string | null;
  readonly reason: string | null;
  /** When code of the task has first received it. */
  readonly heard: number | null;
  readonly children: boolean;
}

/** What became of a request. */
export type CancelAnswer =
  /** The worker of the task, or of a child task, receives it within a second; one that is lost, when it is back. */
  | 'requested'
  /** No worker had taken the task yet: it has ended. */
  | 'cancelled'
  /** It has ended, or is lost for good. */
  | 'ended'
  /** Its worker does not receive requests to cancel. */
  | 'not-cancellable';

const LONGEST_BY = 200;
const LONGEST_REASON = 1000;

/** Makes a request, now. Throws `TypeError` or `RangeError` for wrong options. */
export function cancelRequest(options: CancelOptions = {}, now: number = Date.now()): CancelRequest {
  if (typeof options !== 'object' || options === null) throw new TypeError(`cancel: expected options, got ${received(options)}`);
  const { children = true } = options;
  if (typeof children !== 'boolean') throw new TypeError(`children: expected true or false, got ${received(children)}`);
  const by = textOf('by', options.by, LONGEST_BY);
  const reason = textOf('reason', options.reason, LONGEST_REASON);
  return { requested: now * 1000, by, reason, heard: null, children };
}

/** A blank text is as good as none. */
function textOf(name: string, text: unknown, longest: number): string | null {
  if (text === undefined || text === null) return null;
  if (typeof text !== 'string') throw new TypeError(`${name}: expected a text, got ${received(text)}`);
  const trimmed = text.trim();
  if (trimmed.length > longest) throw new RangeError(`${name}: expected at most ${longest} characters, got ${trimmed.length}`);
  return trimmed === '' ? null : trimmed;
}

/** Of a stored request, what the worker receives of it. */
export function reasonOf(json: string | null): { by?: string; reason?: string } {
  if (json === null) return {};
  const { by, reason } = JSON.parse(json) as CancelRequest;
  return { ...(by !== null && { by }), ...(reason !== null && { reason }) };
}

/**
 * The attempts that a request is for, or why there is none. Where a retry overlaps the attempt before it, the request is
 * for both. A lost worker receives it when it is back.
 */
export function cancelTargets(
  attempts: Iterable<AttemptState>,
  { state, final }: { state: TaskState; final: boolean },
): AttemptState[] | 'queued' | 'ended' | 'not-cancellable' {
  if (state === 'queued') return 'queued';
  if (final) return 'ended';
  const open = [...attempts].filter(({ end }) => end === null);
  if (open.length === 0) return 'ended';
  const targets = open.filter(({ cancellable }) => cancellable);
  return targets.length === 0 ? 'not-cancellable' : targets;
}

/** A worker that a request goes to, and the span id of the task span by which it knows the attempt. */
export interface CancelTarget {
  readonly workerId: string;
  readonly spanId: string;
}

/** The workers of some attempts. */
export function workersOf(attempts: readonly AttemptState[]): CancelTarget[] {
  return attempts.map(({ workerId, spanId }) => ({ workerId, spanId }));
}

/** The workers of their open parts in other processes. */
export function workersOfParts(attempts: readonly AttemptState[], scopes: Iterable<ScopeState>): CancelTarget[] {
  const asked = new Set(attempts.map(({ traceId, spanId }) => spanKey(traceId, spanId)));
  const targets: CancelTarget[] = [];
  for (const scope of scopes) {
    const isAsked = asked.has(spanKey(scope.traceId, scope.taskSpanId));
    const target = isAttempt(scope) || !isAsked ? undefined : targetOf(scope);
    if (target !== undefined) targets.push(target);
  }
  return targets;
}

/** The worker of an open attempt or part, if it is known and receives requests. */
export function targetOf(scope: ScopeState): CancelTarget | undefined {
  const { end, taskSpanId: spanId } = scope;
  const workerId = isAttempt(scope) ? (scope.cancellable ? scope.workerId : '') : scope.partWorkerId;
  return workerId === '' || end !== null ? undefined : { workerId, spanId };
}
