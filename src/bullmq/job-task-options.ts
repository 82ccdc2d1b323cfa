import type { Attributes } from '@opentelemetry/api';
import { isName } from '../check-name.ts';
import { checkKeys, checkType } from '../check-options.ts';
import { checkLimits } from '../limits.ts';
import type { Limits } from '../limits.ts';
import { reportOnce } from '../report.ts';
import { checkAttributes } from '../task-options.ts';
import type { Redact } from '../text.ts';
import type { QueueJob } from './queue-job.ts';

/** How the task of a job is named and described; give `queueTasks` and `trackJob` the same. */
export interface JobTaskOptions<Job extends QueueJob = QueueJob> {
  /** Name of the task. Default: the job's name. Where it throws or gives no name, it is the default too. */
  taskName?: (job: Job) => string;
  /** More attributes of the task, beside `bullmq.queue.name` and `bullmq.job.id`. Where it throws, there are none. */
  attributes?: (job: Job) => Attributes;
  /** Takes secrets out of every text; see `TaskOptions`. */
  redact?: Redact;
  /** How much the task may say at a time; see {@link Limits}. */
  limits?: Partial<Limits>;
}

const OPTIONS = ['taskName', 'attributes', 'redact', 'limits'] satisfies (keyof JobTaskOptions)[];

/** Throws a `TypeError` that says what was expected and what came. */
export function checkJobTaskOptions(what: string, options: unknown, more: readonly string[] = []): void {
  checkKeys(what, options, [...OPTIONS, ...more]);
  const { taskName, attributes, redact, limits } = options as JobTaskOptions;
  checkType('taskName', taskName, 'function');
  checkType('attributes', attributes, 'function');
  checkType('redact', redact, 'function');
  if (limits !== undefined) checkLimits(limits);
}

/** What a job's task is called, its attributes, and how its texts are cleaned. It never throws. */
export function describeJob<Job extends QueueJob>(job: Job, options: JobTaskOptions<Job>): DescribedJob {
  const { redact, limits } = options;
  const attributes: Attributes = { 'bullmq.queue.name': job.queueName };
  if (job.id !== undefined) attributes['bullmq.job.id'] = job.id;
  return {
    taskName: nameOf(job, options),
    attributes: { ...attributesOf(job, options), ...attributes },
    ...(redact && { redact }),
    ...(limits && { limits }),
  };
}

/** As `announceTask` and `TaskUpdater` take it. */
export interface DescribedJob extends Pick<JobTaskOptions, 'redact' | 'limits'> {
  readonly taskName: string;
  readonly attributes: Attributes;
}

function nameOf<Job extends QueueJob>(job: Job, { taskName }: JobTaskOptions<Job>): string {
  let name: unknown;
  try {
    name = taskName?.(job);
  } catch (error) {
    reportOnce('bullmq taskName', 'the name of a job\'s task could not be made', error);
  }
  return [name, job.name, job.queueName].find(isName) ?? 'job';
}

function attributesOf<Job extends QueueJob>(job: Job, { attributes }: JobTaskOptions<Job>): Attributes {
  if (attributes === undefined) return {};
  try {
    const own = attributes(job);
    checkAttributes(own);
    return own;
  } catch (error) {
    reportOnce('bullmq attributes', 'the attributes of a job\'s task could not be made', error);
    return {};
  }
}
