import { announce } from '../announce-task.ts';
import { received } from '../failure.ts';
import { reportOnce } from '../report.ts';
import { checkJobTaskOptions, describeJob, withTrace, uuidOf } from './job.ts';
import type { JobTaskOptions, QueueJob } from './job.ts';

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

/**
 * Announces each job that is added to a queue or a flow producer: the job's task is `queued` from
 * then on. Jobs carry the trace in which they were added.
 *
 * The queue stays the same object. Its `add` and `addBulk` do what they did, and never fail or
 * wait because of this. Jobs of a job scheduler become tasks when they run.
 *
 * @returns The queue.
 * @throws TypeError for wrong arguments.
 */
export function queueTasks<Producer extends JobProducer>(
  producer: Producer,
  options: JobTaskOptions<AddedBy<Producer>> = {},
): Producer {
  if (typeof producer?.add !== 'function' || typeof producer.addBulk !== 'function') {
    throw new TypeError(`queueTasks: expected a Queue or FlowProducer of BullMQ, got ${received(producer)}`);
  }
  checkJobTaskOptions('queueTasks', options);
  const carries = carriesByItself(producer);
  for (const method of ['add', 'addBulk'] as const) {
    const original = producer[method] as (...args: unknown[]) => Promise<unknown>;
    const announcing = async function (this: unknown, ...args: unknown[]): Promise<unknown> {
      const added = await original.apply(this, carries ? args : withTraceIn(args));
      for (const job of jobsIn(added)) announceJob(job, options as JobTaskOptions);
      return added;
    };
    (producer as Record<string, unknown>)[method] = announcing;
  }
  return producer;
}

/** Whether the producer's own options decide what its jobs carry. */
function carriesByItself(producer: JobProducer): boolean {
  const { opts } = producer as { opts?: { telemetry?: unknown; defaultJobOptions?: { telemetry?: unknown } } };
  return [opts?.telemetry, opts?.defaultJobOptions?.telemetry].some((telemetry) => telemetry !== undefined);
}

function announceJob(job: QueueJob, options: JobTaskOptions): void {
  const taskUuid = uuidOf(job);
  if (taskUuid === undefined) return;
  try {
    // It does not wait for the commit: adding jobs does not depend on a store.
    announce({ ...describeJob(job, options), taskUuid });
  } catch (error) {
    reportOnce('bullmq announce', 'the task of a job could not be announced', error);
  }
}

/** Adds the trace to the arguments of `add(name, data, options)`, `add(flow)`, `addBulk(jobs)` and `addBulk(flows)`. */
function withTraceIn(args: unknown[]): unknown[] {
  try {
    const [first, second, third, ...more] = args;
    if (typeof first === 'string') return [first, second, withTrace(third as object | undefined), ...more];
    if (Array.isArray(first)) return [first.map(addedWithTrace), ...args.slice(1)];
    return [addedWithTrace(first), ...args.slice(1)];
  } catch (error) {
    reportOnce('bullmq carrier', 'a job carries no trace', error);
    return args;
  }
}

/** A job to be added, with the jobs that it waits for in a flow. */
interface AddedJob {
  readonly opts?: object;
  readonly children?: readonly AddedJob[];
}

function addedWithTrace(job: unknown): unknown {
  if (typeof job !== 'object' || job === null) return job;
  const { opts, children } = job as AddedJob;
  const carrying = withTrace(opts);
  return { ...job, ...(carrying && { opts: carrying }), ...(children && { children: children.map(addedWithTrace) }) };
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
