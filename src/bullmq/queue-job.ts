import { jobUuid } from '../queue/job-uuid.ts';

/** What taskspan needs of a BullMQ job: any `Job` has it, in a worker, in a sandbox and as `add` gives it. */
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

/** UUID of the task that a job is; `undefined` for one without an id, which BullMQ never hands out. */
export function uuidOf({ queueName, id }: QueueJob): string | undefined {
  return id === undefined ? undefined : jobUuid(queueName, id);
}

/** UUID of the task that waits for this one in a flow, if there is one. Its queue's key ends with the queue's name, which has no colon. */
export function parentUuidOf({ parent }: QueueJob): string | undefined {
  if (parent?.id === undefined || typeof parent.queueKey !== 'string') return undefined;
  return jobUuid(parent.queueKey.slice(parent.queueKey.lastIndexOf(':') + 1), parent.id);
}

/**
 * Number of the attempt that a running job is. `attemptsMade` counts neither a run that a dead
 * worker left behind nor one that put the job back: `attemptsStarted` does.
 */
export function attemptOf({ attemptsMade, attemptsStarted = 0 }: Pick<QueueJob, 'attemptsMade' | 'attemptsStarted'>): number {
  return Math.max(1, attemptsMade + 1, attemptsStarted);
}
