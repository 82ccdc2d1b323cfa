import { context } from '@opentelemetry/api';
import { checkVerbose } from '../options.ts';
import type { TaskUpdaterOptions } from '../options.ts';
import { describeFailure, failureText, received } from '../failure.ts';
import type { CurrentScope } from '../progress.ts';
import { reportOnce } from '../report.ts';
import type { OpenedTask, TaskUpdater } from '../task-updater.ts';
import { cancelLiveTask } from '../worker.ts';
import { attemptOf, begunHere, beginJob, checkJobTaskOptions, contextOf, uuidOf } from './job.ts';
import type { JobTaskOptions, QueueJob } from './job.ts';

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
  verbose?: NonNullable<TaskUpdaterOptions['verbose']>;
}

/**
 * Makes each run of a job an attempt of the job's task. It wraps a processor, for `new Worker` or as the
 * default export of a sandboxed one.
 *
 * - An error of the processor fails the attempt and is rethrown, the very object, so that BullMQ goes on as ever.
 * - A job that BullMQ or taskspan has cancelled ends its attempt as cancelled. If taskspan has cancelled it, BullMQ does
 *   not retry the job, whatever the processor throws.
 * - Progress of the task is shown as progress of the job: whole percents, or `{ name, done, total }` of the scope that
 *   has begun or progressed last while the task's own is not known.
 *
 * @throws TypeError for wrong arguments.
 */
export function trackJob<Job extends RunningJob, T>(
  fn: JobProcessor<Job, T>,
  options: TrackJobOptions<Job> = {},
): (job: Job, token?: string, signal?: AbortSignal) => Promise<Awaited<T>> {
  if (typeof fn !== 'function') throw new TypeError(`trackJob: expected a function, got ${received(fn)}`);
  checkJobTaskOptions('trackJob', options, ['verbose']);
  checkVerbose(options.verbose);
  // BullMQ makes a signal only for processors that take three arguments.
  return async function (this: unknown, job: Job, token: string | undefined, signal: AbortSignal | undefined): Promise<Awaited<T>> {
    const taskUuid = uuidOf(job);
    begunHere.add(job);
    return context.with(contextOf(job, taskUuid), () => {
      const task = beginJob(job, options, { taskUuid, attempt: attemptOf(job), verbose: options.verbose ?? false });
      return runJob(job, task, signal, (either, updater) => fn.call(this, job, token, either, updater));
    });
  };
}

/** Runs the processor of a job, and ends the job's attempt. */
async function runJob<T>(
  job: RunningJob,
  task: OpenedTask<false>,
  cancelled: AbortSignal | undefined,
  fn: (signal: AbortSignal, updater: TaskUpdater<false>) => T,
): Promise<Awaited<T>> {
  const { updater, root } = task;
  const mirror = new ProgressMirror((progress) => job.updateProgress(progress));
  root.attempt.onShare = (share) => mirror.show(share);
  root.attempt.onCurrent = (scope) => mirror.showScope(scope);
  const cancel = (): void => {
    const reason: unknown = cancelled?.reason;
    cancelLiveTask(updater.taskUuid, updater.spanId, typeof reason === 'string' && reason !== '' ? { reason } : undefined);
  };
  cancelled?.addEventListener('abort', cancel, { once: true });
  if (cancelled?.aborted === true) cancel();
  const signal = cancelled === undefined ? updater.signal : AbortSignal.any([cancelled, updater.signal]);
  try {
    const result = await updater.run(() => fn(signal, updater));
    // BullMQ keeps the result as JSON: a job whose result has none fails.
    if (typeof result === 'object' || typeof result === 'bigint') JSON.stringify(result);
    updater.complete();
    return result;
  } catch (error) {
    throw endByError(task, error, cancelled?.aborted === true);
  } finally {
    mirror.flush();
    cancelled?.removeEventListener('abort', cancel);
  }
}

/** Ends the attempt by what the processor threw, and returns what is thrown to BullMQ. */
function endByError({ updater, root }: OpenedTask<false>, error: unknown, isCancelledByBullmq: boolean): unknown {
  const notice = putBackNotice(error);
  if (isCancelledByBullmq) {
    // BullMQ has no error of its own for a cancelled job: whatever the processor throws is the cancellation.
    updater.fail(updater.signal.aborted ? updater.signal.reason : error);
  } else if (notice !== undefined) {
    root.attempt.close({ outcome: 'cancelled', notice });
    updater.complete();
  } else {
    updater.fail(error);
    if (updater.signal.aborted) return new CancelledJobError(error);
  }
  return error;
}

/** The error of a job whose task was cancelled. BullMQ knows by its name that it must not retry the job. */
class CancelledJobError extends Error {
  override readonly name = 'UnrecoverableError';

  constructor(cause: unknown) {
    super(failureText(describeFailure(cause)), { cause });
  }
}

/** Notifications for a job that its processor has put back into the queue, by the name of what it threw. */
const PUT_BACK: ReadonlyMap<string, string> = new Map([
  ['DelayedError', 'Back in the queue, delayed'],
  ['RateLimitError', 'Back in the queue, because of a rate limit'],
  ['WaitingChildrenError', 'Back in the queue, waiting for other jobs'],
  ['WaitingError', 'Back in the queue'],
]);
const RATE_LIMIT = 'bullmq:rateLimitExceeded';

/**
 * The notification for a job that is back in the queue, which is no failure; `undefined` for any other thrown value.
 * BullMQ itself recognizes these errors by their names too. It never throws, however hostile the value.
 */
function putBackNotice(thrown: unknown): string | undefined {
  try {
    if (!(thrown instanceof Error)) return undefined;
    return PUT_BACK.get(thrown.message === RATE_LIMIT ? 'RateLimitError' : thrown.name);
  } catch {
    return undefined;
  }
}

const ROUNDING = 1e-9;
/** The least time between two updates with a scope: a task may have thousands of them. */
const SCOPE_INTERVAL_MS = 500;

/**
 * Shows how far a task is as the progress of its job: in whole percents, or while no share is known by the scope that
 * it is in. One update is sent at a time, and the next one has the latest state. No code waits for the updates, and a
 * failure is reported once.
 */
export class ProgressMirror {
  readonly #update: (progress: number | CurrentScope) => Promise<unknown>;
  #latest: number | CurrentScope | undefined;
  /** JSON of what was sent last. */
  #sent: string | undefined;
  #isSending = false;
  #nextScopeAt = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param update BullMQ's `job.updateProgress`. */
  constructor(update: (progress: number | CurrentScope) => Promise<unknown>) {
    this.#update = update;
  }

  /** Takes the share done, from 0 to 1. From then on no scope is shown. */
  show(share: number): void {
    this.#latest = Math.floor(share * 100 + ROUNDING);
    this.#send();
  }

  /** Takes the scope that the task is in. It is read when it is sent. */
  showScope(scope: CurrentScope): void {
    if (typeof this.#latest === 'number') return;
    this.#latest = scope;
    this.#send();
  }

  /** Sends the latest state, also while another update is being sent: the end of the job must come after it. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const latest = this.#latest;
    if (latest === undefined) return;
    const progress = typeof latest === 'number' ? latest : { name: latest.name, done: latest.done, total: latest.total };
    const json = JSON.stringify(progress);
    if (json === this.#sent) return;
    this.#sent = json;
    this.#isSending = true;
    if (typeof progress !== 'number') this.#nextScopeAt = performance.now() + SCOPE_INTERVAL_MS;
    const settled = (): void => {
      this.#isSending = false;
      this.#send();
    };
    this.#updated(progress).then(settled, (error: unknown) => {
      reportOnce('bullmq progress', 'the progress of a job could not be shown', error);
      settled();
    });
  }

  /** Sends the latest state as soon as it may be sent. */
  #send(): void {
    if (this.#isSending) return;
    const wait = typeof this.#latest === 'number' ? 0 : this.#nextScopeAt - performance.now();
    if (wait <= 0) {
      this.flush();
      return;
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, wait);
    this.#timer.unref();
  }

  /** An update that throws becomes a rejection. */
  async #updated(progress: number | CurrentScope): Promise<void> {
    await this.#update(progress);
  }
}
