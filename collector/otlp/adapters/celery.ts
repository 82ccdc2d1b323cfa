import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { jobUuid } from '../../../src/bullmq/job.ts';
import { basicOutcome } from '../../../src/conventions.ts';
import type { Outcome } from '../../../src/conventions.ts';
import type { ErrorInfo, Fact, TaskAnnounced } from '../../../src/fact.ts';
import { causesOfException } from '../../facts/causes.ts';
import { countOf, textOf, userAttributes } from '../../facts/attributes.ts';
import { uuidOf } from '../../facts/span-ids.ts';
import type { OtlpSpan } from '../receive/otlp-items.ts';
import { announcement, attemptFacts } from './queue-job-facts.ts';
import type { TimedError } from './queue-job-facts.ts';

/** The scope name of OpenTelemetry's instrumentation of Celery. */
export const CELERY_SCOPE = 'opentelemetry.instrumentation.celery';

/**
 * Gives the facts of that instrumentation's spans: `apply_async/…` announces a task, `run/…` is an attempt of it.
 *
 * `TraceParents` finds the task in whose run another one was published. Events other than `exception` are ignored. A run
 * that an updater reports too is one attempt: the updater names the run by the id of this span. A run that an updater of
 * an earlier version has marked has no facts.
 */
export function celeryFacts(span: OtlpSpan): readonly Fact[] {
  const { attributes } = span;
  // Before version 0.41 the instrumentation had the older name.
  const id = textOf(attributes, 'messaging.message.id') || textOf(attributes, 'messaging.message_id');
  if (id === '') return [];
  const job = { taskUuid: jobUuid('celery', id), name: nameOf(span), attributes: userAttributes(attributes) };
  const { parentSpanId } = span;
  switch (attributes['celery.action']) {
    case 'apply_async':
      return [{ ...announcement(span, job), parentSpanId, ...namedIn(attributes) }];
    case 'run': {
      if (isMarkedByEarlier(attributes)) return [];
      const [start, ...facts] = attemptFacts(span, { ...job, ...runOf(span) });
      return [{ ...start, parentSpanId }, ...facts];
    }
    default:
      return [];
  }
}

/** What the package of the updater writes into the span of a message: the task in whose run it was published, and its end. */
function namedIn(attributes: Attributes): Pick<TaskAnnounced, 'parentTaskUuid' | 'queuedFinalMs'> {
  const parentTaskUuid = uuidOf(attributes[conventions.PARENT_TASK_UUID]);
  const queuedFinalMs = countOf(attributes, conventions.QUEUED_FINAL_MS);
  return { ...(parentTaskUuid !== undefined && { parentTaskUuid }), ...(queuedFinalMs > 0 && { queuedFinalMs }) };
}

function isMarkedByEarlier(attributes: Attributes): boolean {
  return conventions.TASK_UUID in attributes && !(conventions.TASK_RUN in attributes);
}

/** The task's name in Celery; where that attribute is missing, the span's name has it: `run/NAME`. */
function nameOf({ attributes, name }: OtlpSpan): string {
  return textOf(attributes, 'celery.task_name') || name.slice(name.indexOf('/') + 1);
}

function runOf(span: OtlpSpan) {
  const { attributes, events } = span;
  const exceptions = events.filter(({ name }) => name === conventions.EXCEPTION_EVENT).map((event): TimedError => {
    return {
      name: textOf(event.attributes, conventions.EXCEPTION_TYPE) || 'Exception',
      message: textOf(event.attributes, conventions.EXCEPTION_MESSAGE),
      causes: causesOfException(event.attributes),
      time: event.time,
    };
  });
  const outcome = outcomeOf(span, exceptions);
  return {
    // The attribute counts earlier attempts; the first attempt has none.
    attempt: countOf(attributes, 'celery.retries') + 1,
    run: span.spanId,
    workerId: textOf(attributes, 'celery.hostname'),
    outcome,
    error: basicOutcome(outcome) === 'failed' ? errorOf(span, exceptions.at(-1)) : undefined,
    exceptions,
  };
}

/** By Celery's state, where the span has one; else by the span's status, or by an `exception` of a span without a status. */
function outcomeOf({ attributes, failed }: OtlpSpan, exceptions: readonly ErrorInfo[]): Outcome {
  const byState = OUTCOME_OF_STATE.get(textOf(attributes, 'celery.state'));
  const outcome = byState ?? (failed || exceptions.length > 0 ? 'failed' : 'completed');
  return outcome === 'failed' && TIME_LIMIT.test(exceptions.at(-1)?.name ?? '') ? 'timed_out' : outcome;
}

/** The error of Celery's soft time limit, by its whole name or its last part. Of a hard one there is no span. */
const TIME_LIMIT = /\bSoftTimeLimitExceeded$/;

/** https://docs.celeryq.dev/en/stable/reference/celery.states.html */
const OUTCOME_OF_STATE: ReadonlyMap<string, Outcome> = new Map<string, Outcome>([
  ['SUCCESS', 'completed'],
  ['IGNORED', 'completed'],
  ['FAILURE', 'failed'],
  ['RETRY', 'failed'],
  ['REJECTED', 'cancelled'],
  ['REVOKED', 'cancelled'],
]);

/** An attempt that Celery retries has no error on its span, only Celery's reason: the message of its `Retry`. */
function errorOf({ attributes, message }: OtlpSpan, latest: ErrorInfo | undefined): ErrorInfo {
  if (attributes['celery.state'] === 'RETRY') {
    return { name: 'Retry', message: textOf(attributes, 'celery.retry.reason') };
  }
  return latest ?? { name: 'Exception', message };
}
