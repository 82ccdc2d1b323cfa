import { context } from '@opentelemetry/api';
import { describeFailure, received } from '../failure.ts';
import { reportOnce } from '../report.ts';
import { attemptOf, begunHere, beginJob, checkJobTaskOptions, contextOf, uuidOf } from './job.ts';
import type { JobTaskOptions, QueueJob } from './job.ts';

/** What taskspan needs of BullMQ's `Worker`. */
export interface JobWorker {
  on(event: 'failed', listener: (job: QueueJob | undefined, error: Error) => void): unknown;
}

/**
 * Records the jobs that BullMQ gives up without a run of their processor: their task ends as failed by BullMQ's error.
 * These are jobs
 *
 * - whose workers have died too often (`job stalled more than allowable limit`);
 * - whose sandbox has died;
 * - of a flow that fail with another job.
 *
 * @returns The worker.
 * @throws TypeError for wrong arguments.
 */
export function trackWorker<Worker extends JobWorker, Job extends QueueJob = QueueJob>(
  worker: Worker,
  options: JobTaskOptions<Job> = {},
): Worker {
  if (typeof worker?.on !== 'function') {
    throw new TypeError(`trackWorker: expected a Worker of BullMQ, got ${received(worker)}`);
  }
  checkJobTaskOptions('trackWorker', options);
  worker.on('failed', (job, error) => {
    if (job !== undefined && !begunHere.has(job) && isWithoutRun(job, error)) fail(job, error, options as JobTaskOptions);
  });
  return worker;
}

/** BullMQ's own messages. It marks such a job in no other way. */
const WITHOUT_RUN =
  /^(?:job (?:stalled|started) more than allowable limit$|Unexpected exit code: |Error initializing child: |Child exited before it could be retained$)/;

/** The error may be any value, since a processor may throw any. */
function isWithoutRun(job: QueueJob, error: unknown): error is Error {
  const { message } = describeFailure(error);
  const { deferredFailure } = job as { deferredFailure?: unknown };
  return (typeof deferredFailure === 'string' && deferredFailure === message) || WITHOUT_RUN.test(message);
}

function fail(job: QueueJob, error: Error, options: JobTaskOptions): void {
  const taskUuid = uuidOf(job);
  if (taskUuid === undefined) return;
  try {
    context.with(contextOf(job, taskUuid), () => {
      beginJob(job, options, { taskUuid, attempt: failedAttemptOf(job) }).updater.fail(error);
    });
  } catch (failure) {
    reportOnce('bullmq failed', 'the failure of a job could not be recorded', failure);
  }
}

/** Number of the attempt that has failed: BullMQ has counted the failure already. */
function failedAttemptOf({ attemptsMade, attemptsStarted }: QueueJob): number {
  return attemptOf({ attemptsMade: attemptsMade - 1, attemptsStarted });
}
