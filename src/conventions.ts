import type { Attributes } from '@opentelemetry/api';

/**
 * The wire contract: the names of a task's attributes and events on its spans.
 *
 * A program that writes them, in any language, gets the same record and log. `docs/opentelemetry.md`
 * explains each one; a change of meaning raises {@link INSTRUMENTATION_VERSION}.
 */

/** Name of the instrumentation scope of every span that taskspan makes. */
export const INSTRUMENTATION_NAME = 'taskspan';

/** Version of the wire contract (Semantic Versioning), the version of the instrumentation scope. */
export const INSTRUMENTATION_VERSION = '1.2.0';

/**
 * `task`, `scope` or `announcement`. Only spans that have it belong to a task's record and log. An
 * announcement means that a task will come: a separate span, with the task's UUID and name.
 */
export const SPAN_KIND = 'taskspan.span';
export const SPAN_KINDS = ['task', 'scope', 'announcement'] as const;

/** Whether a value is one of {@link SPAN_KINDS}. */
export function isSpanKind(value: unknown): value is (typeof SPAN_KINDS)[number] {
  return SPAN_KINDS.includes(value as (typeof SPAN_KINDS)[number]);
}

/** UUID of the task, lower case. On each task and scope span from its start. */
export const TASK_UUID = 'taskspan.task.uuid';

/** Name of the task. On each task and scope span from its start. */
export const TASK_NAME = 'taskspan.task.name';

/** Number of the attempt, from 1. On each task and scope span from its start. */
export const TASK_ATTEMPT = 'taskspan.task.attempt';

/**
 * Which run of a job the attempt is, where a queue has started it. On the task span from its start. Attempts of a task
 * that have the same one and the same number are one attempt.
 */
export const TASK_RUN = 'taskspan.task.run';

/** Span id of the attempt's task span. On each scope span from its start. */
export const TASK_SPAN = 'taskspan.task.span';

/** Span id of the enclosing scope (or task span). A span of the user's code in between does not cut the tree. */
export const SCOPE_PARENT = 'taskspan.scope.parent';

/**
 * Whether the enclosing scope belongs to another process. Then this scope does not make it a heading: a scope
 * whose work goes on in another process is a job itself. On a scope span from its start; absent if not.
 */
export const SCOPE_REMOTE = 'taskspan.scope.remote';

/**
 * UUID of the task that a task is a child of. On the child's task span from its start. The child's
 * progress is also that of its parent span, where that is a scope of the parent task.
 */
export const PARENT_TASK_UUID = 'taskspan.parent.task.uuid';

/** Span id of the parent task's attempt, and of the scope in it that stands for the child. On the child's task span. */
export const PARENT_TASK_SPAN = 'taskspan.parent.task.span';
export const PARENT_SCOPE = 'taskspan.parent.scope';

/**
 * Identity of the process that runs the task, or a part of it. On the task span, and on a scope span with
 * {@link SCOPE_REMOTE}, from its start.
 */
export const WORKER_ID = 'taskspan.worker.id';

/** How often that process sends a heartbeat, in milliseconds; 0 if it sends none. */
export const WORKER_INTERVAL_MS = 'taskspan.worker.interval_ms';

/** Whether that process receives requests to cancel its tasks. On the task span from its start. */
export const WORKER_CANCELLABLE = 'taskspan.worker.cancellable';

/** At the end: one of {@link OUTCOMES}, or of {@link ANNOUNCEMENT_OUTCOMES}. Empty until then. */
export const OUTCOME = 'taskspan.outcome';

/** Outcome of a span that a server has ended for a worker that died. It is for the trace alone: it is no fact. */
export const LOST = 'lost';

/** At the end: whether the scope enclosed other scopes of its process, so that it is no job. */
export const HEADING = 'taskspan.heading';

/** At the end: how many facts came before it, which is also the end's sequence number. */
export const FACTS = 'taskspan.facts';

/** At the end: name of the error that this very span reports; empty if none. Its message is that of the status. */
export const ERROR = 'taskspan.error';

/** At the task span's end: message of the attempt's latest error; empty if none. */
export const EXCEPTION = 'taskspan.exception';

/** At the task span's end: span id of the scope or task span that reported that error; absent or empty if none. */
export const EXCEPTION_SPAN = 'taskspan.exception.span';

/** At the task span's end: how many jobs there were, how many succeeded, how many failed. */
export const JOBS_TOTAL = 'taskspan.jobs.total';
export const JOBS_FINISHED = 'taskspan.jobs.finished';
export const JOBS_FAILED = 'taskspan.jobs.failed';

/** Of the resource: name of the service that announces or runs a task. */
export const SERVICE_NAME = 'service.name';

/** Name of a service in the attributes of a resource; `undefined` where it is only the placeholder of an SDK. */
export function serviceNameIn(resource: Attributes): string | undefined {
  const name = resource[SERVICE_NAME];
  return typeof name === 'string' && name !== '' && !name.startsWith('unknown_service') ? name : undefined;
}

/** Prefix of every attribute of the contract. Attributes of the user have other names. */
export const RESERVED_PREFIX = 'taskspan.';

/** Event: a message for the people who wait for the task. */
export const NOTIFICATION_EVENT = 'taskspan.notification';
export const MESSAGE = 'taskspan.message';

/** Event: how far a scope is. */
export const PROGRESS_EVENT = 'taskspan.progress';
export const DONE = 'taskspan.done';
export const TOTAL = 'taskspan.total';

/** Event: what a scope is going to consist of, as JSON: a number, or weights by name. */
export const PLAN_EVENT = 'taskspan.plan';
export const PLAN = 'taskspan.plan';

/** Event: the task's result, as JSON. */
export const RESULT_EVENT = 'taskspan.result';
export const RESULT = 'taskspan.result';

/** Event on a task span: attributes of the task that were set while it ran, as the event's attributes. */
export const ATTRIBUTES_EVENT = 'taskspan.attributes';

/** Event of OpenTelemetry's semantic conventions: an error. */
export const EXCEPTION_EVENT = 'exception';
export const EXCEPTION_TYPE = 'exception.type';
export const EXCEPTION_MESSAGE = 'exception.message';
export const EXCEPTION_STACKTRACE = 'exception.stacktrace';
export const ERROR_TYPE = 'error.type';

/**
 * Log records send the facts of a span that is still open; see `docs/wire.md`. Their event names are those of the
 * events above and these three.
 */
export const START_EVENT = 'taskspan.start';
export const END_EVENT = 'taskspan.end';
/** A heartbeat of a process. It is no fact. */
export const BEAT_EVENT = 'taskspan.beat';

/** Name of a scope, on its span and on the log record of its start. `updateName` changes the span's name alone. */
export const SPAN_NAME = 'taskspan.name';

/** On the log record of an end: microseconds from start to end. */
export const DURATION_US = 'taskspan.duration_us';

/** On the log record of an end: message of the error that {@link ERROR} names; on the span it is that of the status. */
export const ERROR_MESSAGE = 'taskspan.error.message';

/** With an error: its causes as JSON, a list of objects with `name` and `message`, at most {@link MOST_CAUSES}. */
export const ERROR_CAUSES = 'taskspan.error.causes';
export const MOST_CAUSES = 8;

/** On an announcement: after how many milliseconds without an attempt the task has expired; 0 never. */
export const QUEUED_FINAL_MS = 'taskspan.queued_final_ms';

/** On a heartbeat: for how many milliseconds the event loop of the tasks has been blocked; absent if it is not. */
export const WORKER_BUSY_MS = 'taskspan.worker.busy_ms';

/** On each event: its sequence number in its span, from 1. The span's start is 0. */
export const SEQ = 'taskspan.seq';

/** How a task or scope can end. One that has timed out has failed; one that was skipped was cancelled. */
export const OUTCOMES = ['completed', 'failed', 'cancelled', 'timed_out', 'skipped'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** How a task can end that is announced and has no attempt. */
export const ANNOUNCEMENT_OUTCOMES = ['expired', 'cancelled', 'failed'] as const;
export type AnnouncementOutcome = (typeof ANNOUNCEMENT_OUTCOMES)[number];

/** Whether a value is one of {@link ANNOUNCEMENT_OUTCOMES}. */
export function isAnnouncementOutcome(value: unknown): value is AnnouncementOutcome {
  return ANNOUNCEMENT_OUTCOMES.includes(value as AnnouncementOutcome);
}

/** The one of three outcomes that an outcome is a kind of. */
export function basicOutcome(outcome: Outcome): 'completed' | 'failed' | 'cancelled' {
  if (outcome === 'timed_out') return 'failed';
  return outcome === 'skipped' ? 'cancelled' : outcome;
}

/** Whether a value is one of {@link OUTCOMES}. */
export function isOutcome(value: unknown): value is Outcome {
  return OUTCOMES.includes(value as Outcome);
}
