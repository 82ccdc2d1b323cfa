import { announce, startAnnouncement } from '../announce-task.ts';
import type { StartedAnnouncement } from '../announce-task.ts';
import { checkType, isName } from '../arguments.ts';
import { received } from '../failure.ts';
import { reportOnce } from '../report.ts';
import { checkJobTaskOptions, describeJob, withContext, uuidOf } from './job.ts';
import type { JobTaskOptions, QueueJob } from './job.ts';
import { endRemovedJobs } from './removed-jobs.ts';

/** What adds jobs: BullMQ's `Queue` and `FlowProducer`. */
export interface JobProducer {
  add(...args: never[]): Promise<unknown>;
  addBulk(...args: never[]): Promise<unknown>;
}

/** The jobs that a producer adds, by its own types. */
export type AddedBy<Producer extends JobProducer> =
  Awaited<ReturnType<Producer['add']>> extends infer Added
    ? Added extends QueueJob
      ? Added
      : Added extends { readonly job: infer Job extends QueueJob }
        ? Job
        : QueueJob
    : never;

/** Options of {@link queueTasks}. */
export interface QueueTasksOptions<Job extends QueueJob = QueueJob> extends JobTaskOptions<Job> {
  /**
   * After how many milliseconds without a run a job's task has expired; 0 never. A job's delay is added to it. Default:
   * seven days for a delayed job, and for others `queuedFinalMs` of the process that keeps the store in order.
   */
  queuedFinalMs?: number;
}

/**
 * Announces each job that is added to a queue or a flow producer: the job's task is `queued` from
 * then on. Jobs carry the trace of their announcement.
 *
 * The task of a job that the queue removes before it runs (`remove`, `drain`, `clean`, `obliterate`, `job.remove()`) ends:
 * as `cancelled`, or as `expired` if `clean` removes it for its age.
 *
 * The queue stays the same object. Its methods do what they did, and never fail or wait for a store because of this.
 * Jobs of a job scheduler become tasks when they run.
 *
 * @returns The queue.
 * @throws TypeError for wrong arguments.
 */
export function queueTasks<Producer extends JobProducer>(
  producer: Producer,
  options: QueueTasksOptions<AddedBy<Producer>> = {},
): Producer {
  if (typeof producer?.add !== 'function' || typeof producer.addBulk !== 'function') {
    throw new TypeError(`queueTasks: expected a Queue or FlowProducer of BullMQ, got ${received(producer)}`);
  }
  checkJobTaskOptions('queueTasks', options, ['queuedFinalMs']);
  checkType('queuedFinalMs', options.queuedFinalMs, 'number');
  const carries = carriesByItself(producer);
  for (const method of ['add', 'addBulk'] as const) {
    const original = producer[method] as (...args: unknown[]) => Promise<unknown>;
    const announcing = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      const announced = new AnnouncedJobs(options as QueueTasksOptions);
      const given = carries ? args : announced.carriedBy(args);
      try {
        const added = await original.apply(this, given);
        announced.added(jobsIn(added));
        return added;
      } catch (error) {
        announced.drop(error);
        throw error;
      }
    };
    (producer as Record<string, unknown>)[method] = announcing;
  }
  endRemovedJobs(producer);
  return producer;
}

/** Whether the producer's own options decide what its jobs carry. */
function carriesByItself(producer: JobProducer): boolean {
  const { opts } = producer as { opts?: { telemetry?: unknown; defaultJobOptions?: { telemetry?: unknown } } };
  return [opts?.telemetry, opts?.defaultJobOptions?.telemetry].some((telemetry) => telemetry !== undefined);
}

/**
 * The jobs of one call. Their announcements begin before it, so that each job carries the trace of its own; they are
 * complete when the call returns the jobs with their ids.
 */
class AnnouncedJobs {
  readonly #options: QueueTasksOptions;
  /** One for each job to be added, in the order of {@link jobsIn}; `undefined` for a job that carries another trace. */
  readonly #started: (StartedAnnouncement | undefined)[] = [];

  constructor(options: QueueTasksOptions) {
    this.#options = options;
  }

  /** The arguments of `add(name, data, options)`, `add(flow)`, `addBulk(jobs)` or `addBulk(flows)`, with the traces. */
  carriedBy(args: unknown[]): unknown[] {
    try {
      const [first, second, third, ...more] = args;
      if (typeof first === 'string') return [first, second, this.#carried(first, third as object | undefined), ...more];
      if (Array.isArray(first)) return [first.map((job) => this.#jobWithTrace(job)), ...args.slice(1)];
      return [this.#jobWithTrace(first), ...args.slice(1)];
    } catch (error) {
      reportOnce('bullmq carrier', 'a job carries no trace', error);
      return args;
    }
  }

  added(jobs: readonly QueueJob[]): void {
    const started = this.#started.length === jobs.length ? this.#started.splice(0) : [];
    for (const [index, job] of jobs.entries()) this.#announce(job, started[index]);
    this.drop();
  }

  drop(error?: unknown): void {
    for (const announcement of this.#started.splice(0)) announcement?.drop(error);
  }

  #jobWithTrace(job: unknown): unknown {
    if (typeof job !== 'object' || job === null) return job;
    const { name, opts, children } = job as AddedJob;
    const carrying = this.#carried(name, opts);
    return {
      ...job,
      ...(carrying && { opts: carrying }),
      ...(children && { children: children.map((child) => this.#jobWithTrace(child)) }),
    };
  }

  /** A job's options with the trace of its announcement, which begins with this. */
  #carried(name: unknown, opts: object | undefined): object | undefined {
    const hasOwn = opts !== undefined && 'telemetry' in opts;
    const started = hasOwn || !isName(name) ? undefined : startAnnouncement(name, this.#options);
    this.#started.push(started);
    return started === undefined ? opts : withContext(opts, started.context);
  }

  /** Announces a job's task. It does not wait for the commit: adding jobs does not depend on a store. */
  #announce(job: QueueJob, started: StartedAnnouncement | undefined): void {
    const taskUuid = uuidOf(job);
    if (taskUuid === undefined) {
      started?.drop();
      return;
    }
    try {
      const queuedFinalMs = finalMsOf(job, this.#options);
      const options = { ...describeJob(job, this.#options), taskUuid, ...(queuedFinalMs !== undefined && { queuedFinalMs }) };
      if (started === undefined) announce(options);
      else started.announce(options);
    } catch (error) {
      reportOnce('bullmq announce', 'the task of a job could not be announced', error);
    }
  }
}

const SEVEN_DAYS_MS = 7 * 86_400_000;

/** A delayed job is not late before its delay is over. */
function finalMsOf({ opts }: QueueJob, { queuedFinalMs }: QueueTasksOptions): number | undefined {
  const { delay } = (opts ?? {}) as { delay?: unknown };
  if (queuedFinalMs === 0 || typeof delay !== 'number' || !(delay > 0)) return queuedFinalMs;
  return (queuedFinalMs ?? SEVEN_DAYS_MS) + delay;
}

/** A job to be added, with the jobs that it waits for in a flow. */
interface AddedJob {
  readonly name?: unknown;
  readonly opts?: object;
  readonly children?: readonly unknown[];
}

/** A flow that was added: a job, and the jobs that it waits for. */
interface JobNode {
  readonly job: QueueJob;
  readonly children?: readonly JobNode[];
}

function jobsIn(added: unknown): QueueJob[] {
  if (Array.isArray(added)) return added.flatMap(jobsIn);
  if (typeof added !== 'object' || added === null) return [];
  const { job, children = [] } = added as Partial<JobNode>;
  return job === undefined ? [added as QueueJob] : [job, ...children.flatMap(jobsIn)];
}
