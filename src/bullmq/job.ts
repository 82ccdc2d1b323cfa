import { createHash } from 'node:crypto';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import type { Attributes, Context, Span, SpanContext } from '@opentelemetry/api';
import { checkKeys, checkType, isName } from '../arguments.ts';
import { checkAttributes } from '../options.ts';
import type { TaskUpdaterOptions } from '../options.ts';
import { reportOnce } from '../report.ts';
import { beginAttempt, openTask } from '../task-updater.ts';
import type { OpenedTask } from '../task-updater.ts';
import { isTaskUuid } from '../task-uuid.ts';
import { checkLimits } from '../text.ts';
import type { Limits, Redact } from '../text.ts';
import * as conventions from '../conventions.ts';

/** What taskspan needs of a BullMQ job: any `Job` has it, in a worker, in a sandbox and as `add` returns it. */
export interface QueueJob {
  readonly id?: string | undefined;
  readonly name: string;
  readonly queueName: string;
  /** How often it has failed or been completed before. */
  readonly attemptsMade: number;
  /** How often it has been started, this time too; since BullMQ 5. */
  readonly attemptsStarted?: number | undefined;
  readonly opts?: object | undefined;
  /** When its latest run began: by that, and its number, a run is known to all that report it. */
  readonly processedOn?: number | undefined;
  /** The job of its flow that waits for it. */
  readonly parent?: { readonly id?: string | undefined; readonly queueKey: string } | undefined;
}

/** UUID of a job's task; `undefined` for a job without an id, which BullMQ never passes on. */
export function uuidOf({ queueName, id }: QueueJob): string | undefined {
  return id === undefined ? undefined : jobUuid(queueName, id);
}

/**
 * UUID of the task that waits for this job in a flow, if there is one. A queue's key ends with its name, which has no
 * colon.
 */
function parentUuidOf({ parent }: QueueJob): string | undefined {
  if (parent?.id === undefined || typeof parent.queueKey !== 'string') return undefined;
  return jobUuid(parent.queueKey.slice(parent.queueKey.lastIndexOf(':') + 1), parent.id);
}

/**
 * Number of the attempt that a running job is. `attemptsStarted` counts a run that a dead worker left behind, and one
 * that put the job back into the queue; `attemptsMade` does not.
 */
export function attemptOf({ attemptsMade, attemptsStarted = 0 }: Pick<QueueJob, 'attemptsMade' | 'attemptsStarted'>): number {
  return Math.max(1, attemptsMade + 1, attemptsStarted);
}

/** Namespace of the UUIDs of jobs whose ids are no UUIDs. It never changes. */
export const JOB_NAMESPACE = '8f5bd7d0-5b1c-4a7e-9d52-3c1e0a6f4b27';

/**
 * UUID of a job's task: the job's id in lower case where that is a UUID, else a UUIDv5 (RFC 9562) of queue and id. It is
 * the same in each process and in any language: `uuid5(uuid5(JOB_NAMESPACE, queue), id)`.
 */
export function jobUuid(queueName: string, jobId: string): string {
  return isTaskUuid(jobId) ? jobId.toLowerCase() : textOf(uuid5(namespaceOf(queueName), jobId));
}

/** The namespace of the latest queue: a bulk has thousands of jobs of one queue. */
let latest: { readonly queueName: string; readonly namespace: Buffer } | undefined;

function namespaceOf(queueName: string): Buffer {
  if (latest?.queueName !== queueName) {
    latest = { queueName, namespace: uuid5(Buffer.from(JOB_NAMESPACE.replaceAll('-', ''), 'hex'), queueName) };
  }
  return latest.namespace;
}

function uuid5(namespace: Buffer, name: string): Buffer {
  const bytes = createHash('sha1').update(namespace).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes;
}

function textOf(uuid: Buffer): string {
  const hex = uuid.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** The jobs whose processor `trackJob` runs in this process: BullMQ has a `Job` for each run. */
export const begunHere: WeakSet<QueueJob> = new WeakSet();

/** How the task of a job is named and described; give `queueTasks` and `trackJob` the same options. */
export interface JobTaskOptions<Job extends QueueJob = QueueJob> {
  /** Name of the task. Default: the job's name, which is also used where this throws or returns no name. */
  taskName?: (job: Job) => string;
  /** More attributes of the task, beside `bullmq.queue.name` and `bullmq.job.id`. Where it throws, there are none. */
  attributes?: (job: Job) => Attributes;
  /** Removes secrets from every text; see `TaskOptions`. */
  redact?: Redact;
  /** How long the task's texts may be and how many its attributes; see {@link Limits}. */
  limits?: Partial<Limits>;
}

const OPTIONS = ['taskName', 'attributes', 'redact', 'limits'] satisfies (keyof JobTaskOptions)[];

/** Throws a `TypeError` for invalid options. */
export function checkJobTaskOptions(what: string, options: unknown, more: readonly string[] = []): void {
  checkKeys(what, options, [...OPTIONS, ...more]);
  const { taskName, attributes, redact, limits } = options as JobTaskOptions;
  checkType('taskName', taskName, 'function');
  checkType('attributes', attributes, 'function');
  checkType('redact', redact, 'function');
  if (limits !== undefined) checkLimits(limits);
}

/** Name, attributes and cleaning of a job's task, as `announceTask` and `TaskUpdater` take them. */
interface DescribedJob extends Pick<JobTaskOptions, 'redact' | 'limits'> {
  readonly taskName: string;
  readonly attributes: Attributes;
}

/** Describes a job's task. It never throws. */
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

/** Begins an attempt of a job's task. */
export function beginJob<Job extends QueueJob>(
  job: Job,
  options: JobTaskOptions<Job>,
  { taskUuid, ...run }: { readonly taskUuid: string | undefined; readonly attempt: number; readonly verbose?: NonNullable<TaskUpdaterOptions['verbose']> },
): OpenedTask<false> {
  const given = { ...describeJob(job, options), ...run, suppressException: false as const, ...(taskUuid !== undefined && { taskUuid }) };
  const origin = { parentTaskUuid: parentUuidOf(job), after: addedIn(job), run: runOf(job) };
  return openTask(given, (updater, checked) => beginAttempt(updater, checked, origin));
}

function runOf({ processedOn }: QueueJob): string {
  return typeof processedOn === 'number' ? String(processedOn) : '';
}

/**
 * Adds a trace to a job's options. `opts.telemetry.metadata` gets it, as JSON of what the propagator writes.
 * bullmq-otel does the same, so that one process may use it and another process taskspan. The job's data stay as they
 * are.
 */
export function withContext(options: object | undefined, of: Context): object | undefined {
  const carrier: Record<string, string> = {};
  propagation.inject(of, carrier);
  return Object.keys(carrier).length === 0 ? options : { ...options, telemetry: { metadata: JSON.stringify(carrier) } };
}

/** The context in which a job's task begins: that of bullmq-otel's span, else the one in which the job was added. */
export function contextOf(job: QueueJob, uuid: string | undefined): Context {
  const active = context.active();
  const processSpan = bullmqSpan(trace.getSpan(active));
  if (processSpan !== undefined) {
    // A receiver that makes tasks of bullmq-otel's spans recognizes by this that the job's task has a span of its own.
    if (uuid !== undefined) processSpan.setAttribute(conventions.TASK_UUID, uuid);
    return active;
  }
  return carriedContext(job) ?? active;
}

/** The span that has put a job in its queue: its task's announcement, or that of bullmq-otel. */
function addedIn(job: QueueJob): SpanContext | undefined {
  const carried = carriedContext(job);
  return carried && trace.getSpanContext(carried);
}

/** The context in which a job was added; `undefined` where it carries none. */
function carriedContext(job: QueueJob): Context | undefined {
  const metadata = metadataOf(job);
  if (metadata === undefined) return undefined;
  try {
    return propagation.extract(ROOT_CONTEXT, JSON.parse(metadata) as unknown);
  } catch (error) {
    reportOnce('bullmq metadata', 'the trace that a job carries could not be read', error);
    return undefined;
  }
}

/**
 * The span of an SDK that bullmq-otel made for this job. Any other active span is that in which the worker was made.
 */
function bullmqSpan(span: Span | undefined): Span | undefined {
  const { attributes } = (span ?? {}) as { attributes?: Record<string, unknown> };
  return attributes?.['bullmq.queue.operation'] === 'process' ? span : undefined;
}

/** The trace in a job's options. In a sandbox the options have BullMQ's short names. */
function metadataOf({ opts }: QueueJob): string | undefined {
  const { telemetry, tm } = (opts ?? {}) as { telemetry?: { metadata?: unknown } | null; tm?: unknown };
  return [telemetry?.metadata, tm].find((metadata) => typeof metadata === 'string');
}
