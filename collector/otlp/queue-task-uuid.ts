import { createHash } from 'node:crypto';
import { isTaskUuid } from '../../src/task-uuid.ts';

/** Namespace of the UUIDs (version 5, RFC 9562) of tasks whose queue names them otherwise. */
const NAMESPACE = Buffer.from('8f0b4f6d2a5c4c0b9e617b6a3f1d2c5e', 'hex');

/** UUID of a queue's task: its id there, in lower case, or version 5 of the queue's name, a colon and the id. */
export function queueTaskUuid(queue: string, id: string): string {
  return isTaskUuid(id) ? id.toLowerCase() : uuidOfName(`${queue}:${id as string}`);
}

function uuidOfName(name: string): string {
  const bytes = createHash('sha1').update(NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
