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
  return isTaskUuid(jobId) ? jobId.toLowerCase() : uuid5(uuid5(JOB_NAMESPACE, queueName), jobId);
}

function uuid5(namespace: string, name: string): string {
  const hash = createHash('sha1').update(Buffer.from(namespace.replaceAll('-', ''), 'hex')).update(name).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x50;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
