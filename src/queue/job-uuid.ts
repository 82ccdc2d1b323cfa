import { createHash } from 'node:crypto';
import { isTaskUuid } from '../task-uuid.ts';

/** Namespace of the UUIDs that jobs get whose ids are none. It never changes. */
export const JOB_NAMESPACE = '8f5bd7d0-5b1c-4a7e-9d52-3c1e0a6f4b27';

/**
 * UUID of the task that a job is: the job's id where that is a UUID, in lower case, else a UUIDv5
 * (RFC 9562) of queue and id. It is the same wherever it is asked for, in any language:
 * `uuid5(uuid5(JOB_NAMESPACE, queue), id)`.
 */
export function jobUuid(queueName: string, jobId: string): string {
  return isTaskUuid(jobId) ? jobId.toLowerCase() : textOf(uuid5(namespaceOf(queueName), jobId));
}

/** Of the queue asked for last: jobs are mostly asked for by their queue, thousands in one bulk. */
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
