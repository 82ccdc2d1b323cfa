import type { Attributes } from '@opentelemetry/api';
import * as conventions from '../../../src/conventions.ts';
import { jobUuid } from '../../../src/bullmq/job.ts';
import type { Fact } from '../../../src/fact.ts';
import { causesOfException } from '../../facts/causes.ts';
import { countOf, textOf } from '../../facts/attributes.ts';
import type { OtlpSpan } from '../receive/otlp-items.ts';
import { announcement, attemptFacts, removal } from './queue-job-facts.ts';
import type { TimedError } from './queue-job-facts.ts';

/** An attribute that each span of bullmq-otel has. The application chooses the name of their scope. */
export const BULLMQ_OPERATION = 'bullmq.queue.operation';

/**
 * Gives the facts of bullmq-otel's spans: `add` and `addNode` (a job of a flow) announce a task, `process` is an
 * attempt of it, `remove` ends one that has not run. `addBulk` has no ids of its jobs, so that these become tasks when
 * they run; `drain` and the like have none either.
 *
 * Two kinds of runs have no facts: a run that put its job back in the queue, which has neither succeeded nor failed,
 * and a run whose task has a span of its own, which `trackJob` has marked with the task's UUID.
 */
export function bullmqFacts(span: OtlpSpan): readonly Fact[] {
  const { attributes } = span;
  const [queue, job] = [textOf(attributes, 'bullmq.queue.name'), textOf(attributes, 'bullmq.job.id')];
  if (queue === '' || job === '') return [];
  const ofJob = { taskUuid: jobUuid(queue, job), name: nameOf(span), attributes: jobAttributes(attributes) };
  switch (attributes[BULLMQ_OPERATION]) {
    case 'add':
    case 'addNode':
      return [announcement(span, ofJob)];
    case 'remove':
      return [removal(span, ofJob.taskUuid)];
    case 'process': {
      const run = conventions.TASK_UUID in attributes ? undefined : runOf(span);
      return run === undefined ? [] : attemptFacts(span, { ...ofJob, ...run });
    }
    default:
      return [];
  }
}

/** The job's name. Where a job scheduler adds a job, the name is in that of the span: `add QUEUE.NAME`. */
function nameOf({ attributes, name }: OtlpSpan): string {
  const prefix = `add ${textOf(attributes, 'bullmq.queue.name')}.`;
  return textOf(attributes, 'bullmq.job.name') || (name.startsWith(prefix) ? name.slice(prefix.length) : '') || name;
}

/** The attributes that `taskspan/bullmq` gives a job's task too. */
function jobAttributes({ 'bullmq.queue.name': queue, 'bullmq.job.id': job }: Attributes): Attributes {
  return { 'bullmq.queue.name': queue, 'bullmq.job.id': job };
}

/** `undefined` for a run that has neither succeeded nor failed. */
function runOf(span: OtlpSpan) {
  const { attributes, events } = span;
  const failure = failureOf(span);
  if (failure === undefined && !events.some(({ name }) => name === 'job completed')) return undefined;
  return {
    attempt: attemptOf(attributes),
    ...runIdOf(attributes),
    workerId: textOf(attributes, 'bullmq.worker.id'),
    outcome: failure === undefined ? ('completed' as const) : ('failed' as const),
    error: failure,
    exceptions: failure === undefined ? [] : [failure],
  };
}

/** When the job was taken: `taskspan/bullmq` names the run by it too, so that both are one attempt. */
function runIdOf(attributes: Attributes): { run?: string } {
  const processedOn = countOf(attributes, 'bullmq.job.processed.timestamp');
  return processedOn === 0 ? {} : { run: String(processedOn) };
}

/** BullMQ has counted this run by then; it leaves the count out where BullMQ itself has failed. */
function attemptOf(attributes: Attributes): number {
  return countOf(attributes, 'bullmq.job.attempts.made') || 1;
}

/**
 * Why a run has failed: by BullMQ's event `job failed`, which has the error's message, else by an `exception` where
 * BullMQ itself has failed. BullMQ never sets the span's status.
 */
function failureOf({ events, end, failed, message }: OtlpSpan): TimedError | undefined {
  const exception = events.findLast(({ name }) => name === conventions.EXCEPTION_EVENT);
  const name = (exception && textOf(exception.attributes, conventions.EXCEPTION_TYPE)) || 'Error';
  const jobFailed = events.findLast((event) => event.name === 'job failed');
  if (jobFailed !== undefined) return { name, message: textOf(jobFailed.attributes, 'bullmq.job.failed.reason'), time: jobFailed.time };
  if (events.some((event) => event.name === 'job completed')) return undefined;
  if (exception !== undefined) {
    return { name, message: textOf(exception.attributes, conventions.EXCEPTION_MESSAGE), causes: causesOfException(exception.attributes), time: exception.time };
  }
  return failed ? { name, message, time: end } : undefined;
}
