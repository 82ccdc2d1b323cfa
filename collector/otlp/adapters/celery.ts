import * as conventions from '../../../src/conventions.ts';
import { jobUuid } from '../../../src/bullmq/job.ts';
import type { Outcome } from '../../../src/conventions.ts';
import type { ExceptionFact, Fact, SpanRef, TaskEnd, TaskStart, ErrorInfo } from '../../../src/fact.ts';
import { countOf, textOf, userAttributes } from '../../facts/attributes.ts';
import { timeWithin } from '../receive/received.ts';
import type { OtlpSpan } from '../receive/received.ts';

/** The scope name of OpenTelemetry's instrumentation of Celery. */
export const CELERY_SCOPE = 'opentelemetry.instrumentation.celery';

/**
 * Gives the facts of that instrumentation's spans: `apply_async/…` announces a task, `run/…` is an attempt of it.
 *
 * A span is received whole, after its end, so its facts are numbered in order: its start, its `exception` events, its
 * end. Other events are ignored. A run whose task an updater has recorded itself has no facts: the updater has left the
 * task's UUID on the span.
 */
export function celeryFacts(span: OtlpSpan): readonly Fact[] {
  const id = textOf(span.attributes, 'messaging.message.id');
  if (id === '') return [];
  const taskUuid = jobUuid('celery', id);
  switch (span.attributes['celery.action']) {
    case 'apply_async':
      return [{ kind: 'task-announced', ...startOf(span, { ...idsOf(span), taskUuid, taskSpanId: '' }) }];
    case 'run':
      return conventions.TASK_UUID in span.attributes ? [] : attemptFacts(span, { ...idsOf(span), taskUuid, taskSpanId: span.spanId });
    default:
      return [];
  }
}

function idsOf({ traceId, spanId }: OtlpSpan): Pick<SpanRef, 'traceId' | 'spanId'> {
  return { traceId, spanId };
}

function startOf(span: OtlpSpan, ref: SpanRef) {
  return { span: ref, seq: 0, time: span.start, name: nameOf(span), attributes: userAttributes(span.attributes) };
}

/** The task's name in Celery; where that attribute is missing, the span's name has it: `run/NAME`. */
function nameOf({ attributes, name }: OtlpSpan): string {
  return textOf(attributes, 'celery.task_name') || name.slice(name.indexOf('/') + 1);
}

function attemptFacts(span: OtlpSpan, ref: SpanRef): Fact[] {
  const start: TaskStart = {
    kind: 'task-start',
    ...startOf(span, ref),
    // The attribute counts earlier attempts; the first attempt has none.
    attempt: countOf(span.attributes, 'celery.retries') + 1,
    workerId: textOf(span.attributes, 'celery.hostname'),
    workerIntervalMs: 0,
    sampled: true,
  };
  const exceptions = span.events
    .filter(({ name }) => name === conventions.EXCEPTION_EVENT)
    .map((event, index): ExceptionFact => {
      const { attributes } = event;
      const time = timeWithin(span, event.time);
      const type = textOf(attributes, conventions.EXCEPTION_TYPE) || 'Exception';
      const message = textOf(attributes, conventions.EXCEPTION_MESSAGE);
      return { kind: 'exception', span: ref, seq: index + 1, time, type, message };
    });
  return [start, ...exceptions, endOf(span, ref, exceptions)];
}

function endOf(span: OtlpSpan, ref: SpanRef, exceptions: readonly ExceptionFact[]): TaskEnd {
  const latest = exceptions.at(-1);
  const outcome = outcomeOf(span, latest !== undefined);
  const error = outcome === 'failed' ? errorOf(span, latest) : undefined;
  return {
    kind: 'task-end',
    span: ref,
    seq: exceptions.length + 1,
    time: timeWithin(span, span.end),
    outcome,
    duration: Math.max(0, span.end - span.start),
    error,
    name: nameOf(span),
    exception: error?.message || error?.name || latest?.message || '',
    jobs: { total: 0, finished: 0, failed: 0 },
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
function errorOf({ attributes, message }: OtlpSpan, latest: ExceptionFact | undefined): ErrorInfo {
  if (attributes['celery.state'] === 'RETRY') {
    return { name: 'Retry', message: textOf(attributes, 'celery.retry.reason') };
  }
  return latest === undefined ? { name: 'Exception', message } : { name: latest.type, message: latest.message };
}
