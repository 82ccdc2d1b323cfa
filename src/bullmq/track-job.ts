import { context } from '@opentelemetry/api';
import { checkType } from '../arguments.ts';
import type { Attempt } from '../attempt.ts';
import { describeFailure, failureText, received } from '../failure.ts';
import type { ScopeHandle } from '../scope-handle.ts';
import type { TaskUpdater } from '../task-updater.ts';
import { cancelLiveTask } from '../worker.ts';
import { beginJob, contextOf, checkJobTaskOptions } from './job-task.ts';
import type { JobTaskOptions } from './job-task.ts';
import { attemptOf, uuidOf } from './job.ts';
import type { QueueJob } from './job.ts';
import { ProgressMirror } from './progress-mirror.ts';

/** A job as a processor gets it. */
export interface RunningJob extends QueueJob {
  /** Typed as BullMQ types it, so that a worker's type is not narrowed by this one. */
  updateProgress(progress: string | boolean | number | object): Promise<unknown>;
}

/** A processor of BullMQ, which may have the task's updater too. */
export type JobProcessor<Job extends RunningJob, T> = (
  job: Job,
  token: string | undefined,
  /** Aborted when the job is cancelled by BullMQ, or its task by taskspan. */
  signal: AbortSignal,
  updater: TaskUpdater<false>,
) => T;

/** Options of {@link trackJob}. */
export interface TrackJobOptions<Job extends RunningJob = RunningJob> extends JobTaskOptions<Job> {
  /** Whether the task's log is printed to standard output too. Default `false`. */
  verbose?: boolean;
}

/**
 * Makes each run of a job an attempt of the job's task: wraps a processor, for `new Worker` or as
 * the default export of a sandboxed one.
 *
 * The processor's error fails the attempt and is thrown on, the very same, so that BullMQ goes on
 * as ever. Cancelled by either side the attempt ends as cancelled; cancelled by taskspan, BullMQ
 * does not try the job again, whatever the processor throws. Progress of the task is shown as progress of the job.
 *
 * @throws TypeError for wrong arguments.
 */
export function trackJob<Job extends RunningJob, T>(
  fn: JobProcessor<Job, T>,
  options: TrackJobOptions<Job> = {},
): (job: Job, token?: string, signal?: AbortSignal) => Promise<Awaited<T>> {
  if (typeof fn !== 'function') throw new TypeError(`trackJob: expected a function, got ${received(fn)}`);
  checkJobTaskOptions('trackJob', options, ['verbose']);
  checkType('verbose', options.verbose, 'boolean');
  // BullMQ makes a signal for those processors alone that take three arguments.
  return async function (this: unknown, job: Job, token: string | undefined, signal: AbortSignal | undefined): Promise<Awaited<T>> {
    const taskUuid = uuidOf(job);
    return context.with(contextOf(job, taskUuid), () => {
      const root = beginJob(job, options, { taskUuid, attempt: attemptOf(job), verbose: options.verbose ?? false });
      return new JobRun(job, root, signal).run((either, updater) => fn.call(this, job, token, either, updater));
    });
  };
}

class JobRun {
  readonly #task: Attempt;
  readonly #updater: TaskUpdater<false>;
  readonly #mirror: ProgressMirror;
  readonly #cancelled: AbortSignal | undefined;

  constructor(job: RunningJob, { task, updater }: ScopeHandle, cancelled: AbortSignal | undefined) {
    this.#task = task;
    this.#updater = updater;
    this.#mirror = new ProgressMirror((percent) => job.updateProgress(percent));
    task.watcher = (share) => this.#mirror.show(share);
    this.#cancelled = cancelled;
  }

  async run<T>(fn: (signal: AbortSignal, updater: TaskUpdater<false>) => T): Promise<Awaited<T>> {
    const updater = this.#updater;
    const cancelled = this.#cancelled;
    const cancel = (): void => cancelLiveTask(updater.taskUuid, updater.spanId);
    cancelled?.addEventListener('abort', cancel, { once: true });
    if (cancelled?.aborted === true) cancel();
    const signal = cancelled === undefined ? updater.signal : AbortSignal.any([cancelled, updater.signal]);
    try {
      const result = await updater.run(() => fn(signal, updater));
      updater.complete();
      return result;
    } catch (error) {
      throw this.#end(error);
    } finally {
      this.#mirror.flush();
      cancelled?.removeEventListener('abort', cancel);
    }
  }

  /** Ends the attempt, and gives what BullMQ is to get. */
  #end(error: unknown): unknown {
    const updater = this.#updater;
    const notice = putBackNotice(error);
    if (this.#cancelled?.aborted === true) {
      // Whatever a processor throws that was told to stop: BullMQ knows no error of its own for it.
      updater.fail(updater.signal.aborted ? updater.signal.reason : error);
    } else if (notice !== undefined) {
      this.#task.close({ outcome: 'cancelled', notice });
      updater.complete();
    } else {
      updater.fail(error);
      if (updater.signal.aborted) return new CancelledJobError(error);
    }
    return error;
  }
}

/** Why BullMQ is not to try a job again whose task was cancelled: it knows by the name. */
class CancelledJobError extends Error {
  override readonly name = 'UnrecoverableError';

  constructor(cause: unknown) {
    super(failureText(describeFailure(cause)), { cause });
  }
}

const PUT_BACK: ReadonlyMap<string, string> = new Map([
  ['DelayedError', 'Back in the queue, delayed'],
  ['RateLimitError', 'Back in the queue, because of a rate limit'],
  ['WaitingChildrenError', 'Back in the queue, waiting for other jobs'],
  ['WaitingError', 'Back in the queue'],
]);
const RATE_LIMIT = 'bullmq:rateLimitExceeded';

/**
 * What BullMQ's processors throw to say that the job is back in the queue, which is no failure;
 * `undefined` for all else. Known by its name, as BullMQ itself knows it across processes. Never
 * throws, however hostile the value.
 */
export function putBackNotice(thrown: unknown): string | undefined {
  try {
    if (!(thrown instanceof Error)) return undefined;
    return PUT_BACK.get(thrown.message === RATE_LIMIT ? 'RateLimitError' : thrown.name);
  } catch {
    return undefined;
  }
}
