import { beginAttempt } from '../begin-task.ts';
import { openTask } from '../open-task.ts';
import type { ScopeNode } from '../scope-node.ts';
import { describeJob } from './job-task-options.ts';
import type { JobTaskOptions } from './job-task-options.ts';
import { parentUuidOf } from './queue-job.ts';
import type { QueueJob } from './queue-job.ts';

/** Begins an attempt of a job's task, and gives its outermost scope. */
export function beginJob<Job extends QueueJob>(
  job: Job,
  options: JobTaskOptions<Job>,
  { taskUuid, ...run }: { readonly taskUuid: string | undefined; readonly attempt: number; readonly verbose?: boolean },
): ScopeNode {
  const given = { ...describeJob(job, options), ...run, suppressException: false, ...(taskUuid !== undefined && { taskUuid }) };
  return openTask(given, (updater, checked) => beginAttempt(updater, checked, { parentTaskUuid: parentUuidOf(job) }));
}
