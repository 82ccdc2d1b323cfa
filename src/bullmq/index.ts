/**
 * taskspan/bullmq: jobs of BullMQ as tasks. It does not import BullMQ: it describes the objects
 * that it takes by their shape.
 */
export { JOB_NAMESPACE, jobUuid } from './job.ts';
export type { JobTaskOptions, QueueJob } from './job.ts';
export { queueTasks } from './queue-tasks.ts';
export type { AddedBy, JobProducer, QueueTasksOptions } from './queue-tasks.ts';
export { trackQueueEvents } from './removed-jobs.ts';
export type { JobEvents } from './removed-jobs.ts';
export { trackJob } from './track-job.ts';
export type { JobProcessor, RunningJob, TrackJobOptions } from './track-job.ts';
export { trackWorker } from './track-worker.ts';
export type { JobWorker } from './track-worker.ts';
