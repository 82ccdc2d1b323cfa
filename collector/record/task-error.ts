import type { Outcome } from '../../src/conventions.ts';
import type { ErrorInfo } from '../../src/fact.ts';
import { failureText } from '../../src/failure.ts';
import type { AttemptState, ScopeEndState, ScopeState } from './scope-state.ts';
import { outerSpanId } from './task-fold.ts';
import type { TaskContent } from './task-fold.ts';

/** The error that the `exception` of a record names: what it is, and where it happened. */
export interface FoundError extends ErrorInfo {
  /** Names of the scopes in which it happened, outermost first. */
  readonly path: readonly string[];
  readonly spanId: string;
  /** Byte of the log at which the lines begin that show it; `null` while they are not written. */
  readonly logOffset: number | null;
}

/**
 * The error of an attempt; `undefined` where none is known. While it runs that is its latest one, and after its end the
 * one that its process names.
 */
export function errorOf(task: TaskContent, attempt: AttemptState): FoundError | undefined {
  const { final, exception } = attempt;
  if (final === null) return exception === null ? undefined : found(task, attempt, exception.spanId, exception);
  if (final.exception === '') return undefined;
  const isLatest = exception !== null && failureText(exception) === final.exception;
  const own = attempt.end?.error ?? null;
  const isOwn = own !== null && failureText(own) === final.exception;
  const spanId = final.exceptionSpanId || (!isOwn && isLatest ? exception.spanId : attempt.spanId);
  const reported = exception?.spanId === spanId ? exception : undefined;
  const ended = spanId === attempt.spanId ? attempt.end : task.scopeAt(attempt.traceId, spanId)?.end;
  return found(task, attempt, spanId, ended?.error ?? reported ?? { name: 'Error', message: final.exception });
}

function found(task: TaskContent, attempt: AttemptState, spanId: string, { name, message, causes }: ErrorInfo): FoundError {
  const scope = spanId === attempt.spanId ? attempt : task.scopeAt(attempt.traceId, spanId);
  const error = { name, message, path: pathOf(task, scope), spanId, logOffset: scope?.errorOffset ?? null };
  return causes === undefined ? error : { ...error, causes };
}

/** Names of the scopes around a scope and of the scope itself. The task's own is not among them. */
function pathOf(task: TaskContent, scope: ScopeState | undefined): string[] {
  const path: string[] = [];
  for (let inside = scope; inside !== undefined && inside.spanId !== inside.taskSpanId && path.length < DEEPEST; ) {
    path.unshift(inside.name);
    const outer = outerSpanId(inside);
    inside = outer === '' ? undefined : task.scopeAt(inside.traceId, outer);
  }
  return path;
}

/** The most names of a path: only a foreign sender can make scopes that lie in a circle. */
const DEEPEST = 200;

/** How a task or scope has ended. One that failed by an error named `TimeoutError` has timed out. */
export function outcomeOf({ outcome }: Pick<ScopeEndState, 'outcome'>, error: Pick<ErrorInfo, 'name'> | null | undefined): Outcome {
  return outcome === 'failed' && error?.name === 'TimeoutError' ? 'timed_out' : outcome;
}

/** `NAME: MESSAGE`, or the name alone. */
export function errorText({ name, message }: Pick<ErrorInfo, 'name' | 'message'>): string {
  return message === '' ? name : `${name}: ${message}`;
}
