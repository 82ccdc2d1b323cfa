import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../src/conventions.ts';
import { lostException } from './liveness.ts';
import { isAttempt } from './scope-state.ts';
import type { AttemptState, ScopeState } from './scope-state.ts';
import type { NotificationRecord } from '../../src/task-record.ts';

/**
 * The open spans of a worker that died, which it never sent to a tracing backend. The start of each is known, and with it
 * its ids, its name and what is around it; it ends when the worker was last heard.
 */
export interface LostTrace {
  readonly taskUuid: string;
  /** Attributes of the worker's resource, as far as they are known. */
  readonly resource: Attributes;
  /** Of the attempt that was lost, the task span first; none if the trace is not sampled. */
  readonly spans: readonly LostSpan[];
}

export interface LostSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Span id of the enclosing scope; `undefined` for the task span, whose parent no fact has unless it is a child task's. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** Microseconds since the epoch. */
  readonly start: number;
  /** Microseconds since the epoch; not before the latest fact of the task. */
  readonly end: number;
  readonly attributes: Attributes;
  /** Its last notifications, the oldest first. */
  readonly notifications: readonly NotificationRecord[];
  /** Why it has failed: `lost: last heard …`. */
  readonly message: string;
}

/** What is known of a task that is lost for good, in microseconds since the epoch. */
interface LostTask {
  readonly taskUuid: string;
  readonly taskName: string;
  /** Attributes of the worker's resource; empty where its heartbeats had none. */
  readonly resource: Attributes;
  /** Key of the attempt that was lost. */
  readonly attempt: AttemptState;
  /** When its worker was last heard. */
  readonly heard: number;
  /** Time of the task's latest fact. */
  readonly updated: number;
}

/**
 * The open spans of the attempt, out of scopes of its task. Without its parts in other processes:
 * those may still run, and send their spans themselves.
 */
export function lostTrace(
  task: LostTask,
  scopes: Iterable<ScopeState>,
  notifications: ReadonlyMap<number, readonly NotificationRecord[]> = new Map(),
): LostTrace {
  const { taskUuid, attempt } = task;
  const { serviceName } = attempt;
  const resource = { ...(serviceName !== '' && { [conventions.SERVICE_NAME]: serviceName }), ...task.resource };
  if (!attempt.sampled) return { taskUuid, resource, spans: [] };
  const open = new Map<string, ScopeState>();
  for (const scope of scopes) {
    const isOfAttempt = scope.traceId === attempt.traceId && scope.taskSpanId === attempt.spanId;
    if (isOfAttempt && scope.end === null) open.set(scope.spanId, scope);
  }
  const spans: LostSpan[] = [];
  for (const scope of open.values()) {
    if (scope.start === null || isElsewhere(scope, open)) continue;
    const span = lostSpan(task, scope, scope.start, notifications.get(scope.number) ?? []);
    if (isAttempt(scope)) spans.unshift(span);
    else spans.push(span);
  }
  return { taskUuid, resource, spans };
}

/** Whether a scope begins in another process, or lies inside one that does. */
function isElsewhere(scope: ScopeState, open: ReadonlyMap<string, ScopeState>): boolean {
  const passed = new Set<ScopeState>();
  for (let around: ScopeState | undefined = scope; around !== undefined && !passed.has(around); around = open.get(around.parentSpanId)) {
    if (around.remote) return true;
    passed.add(around);
  }
  return false;
}

function lostSpan(task: LostTask, scope: ScopeState, start: number, notifications: readonly NotificationRecord[]): LostSpan {
  const { traceId, spanId, taskSpanId } = scope;
  const isTask = isAttempt(scope);
  const parentSpanId = isTask ? scope.parentScope?.spanId : scope.parentSpanId || taskSpanId;
  return {
    traceId,
    spanId,
    parentSpanId,
    name: scope.name,
    start,
    end: Math.max(task.heard, task.updated, start),
    attributes: {
      [conventions.SPAN_KIND]: isTask ? 'task' : 'scope',
      [conventions.TASK_UUID]: task.taskUuid,
      [conventions.TASK_NAME]: task.taskName,
      [conventions.TASK_ATTEMPT]: task.attempt.attempt,
      ...(isTask ? taskAttributes(scope, task) : { [conventions.TASK_SPAN]: taskSpanId, [conventions.SCOPE_PARENT]: parentSpanId }),
      [conventions.OUTCOME]: conventions.LOST,
      [conventions.HEADING]: scope.encloses,
    },
    notifications,
    message: lostException(task.heard),
  };
}

function taskAttributes({ workerId, workerIntervalMs, jobs, attributes }: AttemptState, { heard }: LostTask): Attributes {
  return {
    [conventions.WORKER_ID]: workerId,
    [conventions.WORKER_INTERVAL_MS]: workerIntervalMs,
    [conventions.EXCEPTION]: lostException(heard),
    [conventions.JOBS_TOTAL]: jobs.finished + jobs.failed + jobs.running,
    [conventions.JOBS_FINISHED]: jobs.finished,
    [conventions.JOBS_FAILED]: jobs.failed,
    ...attributes,
  };
}
