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
}

/** UUID of the task that a job is; `undefined` for one without an id, which BullMQ never hands out. */
export function uuidOf({ queueName, id }: QueueJob): string | undefined {
  return id === undefined ? undefined : jobUuid(queueName, id);
}

/**
 * Number of the attempt that a running job is. `attemptsMade` counts neither a run that a dead
 * worker left behind nor one that put the job back: `attemptsStarted` does.
 */
export function attemptOf({ attemptsMade, attemptsStarted = 0 }: Pick<QueueJob, 'attemptsMade' | 'attemptsStarted'>): number {
  return Math.max(1, attemptsMade + 1, attemptsStarted);
}
