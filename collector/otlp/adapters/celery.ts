import * as conventions from '../../../src/conventions.ts';
import { jobUuid } from '../../../src/bullmq/job.ts';
import type { Outcome } from '../../../src/conventions.ts';
import type { ErrorInfo, Fact } from '../../../src/fact.ts';
import { countOf, textOf, userAttributes } from '../../facts/attributes.ts';
import type { OtlpSpan } from '../receive/otlp-items.ts';
import { announcement, attemptFacts } from './queue-job-facts.ts';
import type { TimedError } from './queue-job-facts.ts';

/** The scope name of OpenTelemetry's instrumentation of Celery. */
export const CELERY_SCOPE = 'opentelemetry.instrumentation.celery';

/**
 * Gives the facts of that instrumentation's spans: `apply_async/…` announces a task, `run/…` is an attempt of it.
 *
 * Events other than `exception` are ignored. A run whose task an updater has recorded itself has no facts: the updater
 * has left the task's UUID on the span.
 */
export function celeryFacts(span: OtlpSpan): readonly Fact[] {
  const { attributes } = span;
  const id = textOf(attributes, 'messaging.message.id');
  if (id === '') return [];
  const job = { taskUuid: jobUuid('celery', id), name: nameOf(span), attributes: userAttributes(attributes) };
  switch (attributes['celery.action']) {
    case 'apply_async':
      return [announcement(span, job)];
    case 'run':
      return conventions.TASK_UUID in attributes ? [] : attemptFacts(span, { ...job, ...runOf(span) });
    default:
      return [];
  }
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
      time: event.time,
    };
  });
  const outcome = outcomeOf(span, exceptions.length > 0);
  return {
    // The attribute counts earlier attempts; the first attempt has none.
    attempt: countOf(attributes, 'celery.retries') + 1,
    workerId: textOf(attributes, 'celery.hostname'),
    outcome,
    error: outcome === 'failed' ? errorOf(span, exceptions.at(-1)) : undefined,
    exceptions,
  };
}

/** By Celery's state, where the span has one; else by the span's status, or by an `exception` of a span without a status. */
function outcomeOf({ attributes, failed }: OtlpSpan, hasException: boolean): Outcome {
  const outcome = OUTCOME_OF_STATE.get(textOf(attributes, 'celery.state'));
  return outcome ?? (failed || hasException ? 'failed' : 'completed');
}

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
