import { currentUpdater, notify, runTask, TaskUpdater } from 'taskspan';
import type { TaskOptions } from 'taskspan';
import { jobUuid, trackJob } from 'taskspan/bullmq';
import { createTasksApp, memoryStore, startTaskspan } from 'taskspan/collector';
import type { Taskspan, TaskRecord, TaskStore } from 'taskspan/collector';
import { Hono } from 'hono';

const options: TaskOptions<true> = { suppressException: true };
const store: TaskStore = memoryStore();
const app: Hono = new Hono().route('/jobs', createTasksApp({ store }));

export async function start(): Promise<TaskRecord> {
  const taskspan: Taskspan = await startTaskspan({ store });
  const text: string = await runTask('Typed', async (updater: TaskUpdater) => updater.taskUuid);
  notify('Not recorded');
  const response = await app.request(`/jobs/tasks/${currentUpdater()?.taskUuid ?? text}`);
  await taskspan.close();
  return (await response.json()) as TaskRecord;
}

// @ts-expect-error An option that does not exist: the types were found.
export const wrong = new TaskUpdater({ taskName: 'Types', colour: 'blue' });
export const processor = trackJob((job) => jobUuid(job.queueName, job.id ?? ''));
export { options };
