import { endAnnouncement } from '../announce-task.ts';
import type { AnnouncementOutcome } from '../conventions.ts';
import { received } from '../failure.ts';
import { reportOnce } from '../report.ts';
import { jobUuid } from './job.ts';
import type { QueueJob } from './job.ts';

/*
 * Jobs that are removed before they run: their tasks end. A job that has run has an attempt, whose outcome stays.
 */

/** What taskspan needs of BullMQ's `QueueEvents`. */
export interface JobEvents {
  /** Of the queue. */
  readonly name: string;
  on(event: 'removed', listener: (args: { jobId: string; prev?: string }) => void): unknown;
}

/**
 * Ends the tasks of jobs that any process removes from a queue before they run: by `job.remove()` or `queue.remove()`,
 * with the job that waits for them in a flow, or because a later job of the same deduplication id replaces them.
 *
 * @returns The queue's events.
 * @throws TypeError for wrong arguments.
 */
export function trackQueueEvents<Events extends JobEvents>(events: Events): Events {
  if (typeof events?.on !== 'function' || typeof events.name !== 'string') {
    throw new TypeError(`trackQueueEvents: expected QueueEvents of BullMQ, got ${received(events)}`);
  }
  events.on('removed', ({ jobId, prev }) => {
    if (WAITING.has(prev)) endTasks(events.name, [jobId], 'cancelled');
  });
  return events;
}

/** The states of a job that will run, as BullMQ's methods and events call them. */
const WAITING: ReadonlySet<unknown> = new Set(['wait', 'waiting', 'paused', 'prioritized', 'delayed', 'waiting-children']);

/** The methods of BullMQ's `Queue` that remove jobs, and those that read them. */
interface RemovableJobs {
  readonly name: string;
  getRanges(states: readonly string[], start: number, end: number): Promise<string[]>;
  getJobState(jobId: string): Promise<string>;
}

type Method = (...args: unknown[]) => Promise<unknown>;
type Methods = Record<string, unknown>;

/** Ends the tasks of jobs that this queue removes before they run. What its methods do and return stays as it is. */
export function endRemovedJobs(queue: object): void {
  if (!canRead(queue)) return;
  replace(queue, 'remove', async (remove, [jobId, ...more]) => {
    const wasWaiting = WAITING.has(await read(() => queue.getJobState(String(jobId))));
    const code = await remove(jobId, ...more);
    if (wasWaiting && code === 1) endTasks(queue.name, [String(jobId)], 'cancelled');
    return code;
  });
  replace(queue, 'drain', async (drain, args) => {
    const states = ['wait', 'paused', 'prioritized', ...(args[0] === true ? ['delayed'] : [])];
    const [jobs, parents] = [await idsOf(queue, states), await idsOf(queue, ['waiting-children'])];
    await drain(...args);
    endTasks(queue.name, jobs, 'cancelled');
    // A job is removed with the last one that it waits for.
    for (const id of parents) {
      if ((await read(() => queue.getJobState(id))) === 'unknown') endTasks(queue.name, [id], 'cancelled');
    }
  });
  replace(queue, 'obliterate', async (obliterate, args) => {
    const jobs = await idsOf(queue, ['wait', 'paused', 'prioritized', 'delayed', 'waiting-children']);
    await obliterate(...args);
    endTasks(queue.name, jobs, 'cancelled');
  });
  replace(queue, 'clean', async (clean, args) => {
    const [graceMs, , state] = args;
    const jobs = await clean(...args);
    if (WAITING.has(state) && Array.isArray(jobs)) endTasks(queue.name, jobs as string[], graceMs === 0 ? 'cancelled' : 'expired');
    return jobs;
  });
  // A removed `Job` is as it was when it was read.
  const { on } = queue as unknown as Methods;
  if (typeof on !== 'function') return;
  on.call(queue, 'removed', (job: QueueJob | string) => {
    if (typeof job !== 'object' || job.id === undefined) return;
    const { processedOn, finishedOn } = job as QueueJob & { finishedOn?: number };
    if (processedOn === undefined && finishedOn === undefined) endTasks(queue.name, [job.id], 'cancelled');
  });
}

function canRead(queue: object): queue is RemovableJobs {
  const { name, getRanges, getJobState } = queue as Methods;
  return typeof name === 'string' && typeof getRanges === 'function' && typeof getJobState === 'function';
}

function replace(queue: object, name: string, removing: (original: Method, args: unknown[]) => Promise<unknown>): void {
  const original = (queue as Methods)[name];
  if (typeof original !== 'function') return;
  (queue as Methods)[name] = (...args: unknown[]): Promise<unknown> => removing(original.bind(queue) as Method, args);
}

async function idsOf(queue: RemovableJobs, states: readonly string[]): Promise<string[]> {
  return (await read(() => queue.getRanges(states, 0, -1))) ?? [];
}

/** What a read returns; `undefined` where it fails: jobs are removed all the same. */
async function read<T>(fn: () => Promise<T>): Promise<T | undefined> {
  try {
    return await fn();
  } catch (error) {
    reportOnce('bullmq removed', 'the tasks of jobs that are removed do not end: the jobs could not be read', error);
    return undefined;
  }
}

/** How many ends are recorded in one turn of the event loop: a queue may have a million jobs. */
const IN_ONE_TURN = 100;

/** Ends the tasks of jobs, and does not wait for it. The next job of a job scheduler is no task until it runs. */
function endTasks(queueName: string, jobIds: readonly string[], outcome: AnnouncementOutcome, from = 0): void {
  const to = from + IN_ONE_TURN;
  for (const id of jobIds.slice(from, to)) {
    if (!id.startsWith('repeat:')) endAnnouncement(jobUuid(queueName, id), outcome, `remove ${queueName} ${id}`);
  }
  if (to < jobIds.length) setImmediate(endTasks, queueName, jobIds, outcome, to);
}
