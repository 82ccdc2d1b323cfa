import { createHash } from 'node:crypto';
import { isTaskUuid } from '../task-uuid.ts';

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
export function parentUuidOf({ parent }: QueueJob): string | undefined {
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
