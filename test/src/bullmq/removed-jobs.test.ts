import { describe, expect, it } from 'vitest';
import { jobUuid, queueTasks, trackQueueEvents } from '../../../src/bullmq/index.ts';
import type { JobEvents } from '../../../src/bullmq/index.ts';
import { diagnosed } from '../support/diagnosed.ts';
import { recorded } from '../support/recorded.ts';

/** A queue that has these jobs waiting. */
function waitingQueue(ids: readonly string[], state = 'waiting') {
  let next = 0;
  return {
    name: 'mail',
    add: async (name: string) => ({ id: ids[next++], name, queueName: 'mail', attemptsMade: 0 }),
    addBulk: async (jobs: { name: string }[]) => jobs.map(({ name }) => ({ id: ids[next++], name, queueName: 'mail', attemptsMade: 0 })),
    getRanges: async (states: readonly string[]) => (states.includes('wait') ? [...ids] : []),
    getJobState: async (_id: string) => state,
    remove: async (_id: string) => 1,
    drain: async () => undefined,
  };
}

describe('a job that is removed', () => {
  it('before it runs is cancelled, one of thousands too', async () => {
    const { record } = recorded();
    const ids = Array.from({ length: 1000 }, (_, at) => String(at + 1));
    const queue = queueTasks(waitingQueue(ids));
    await queue.addBulk(ids.map((id) => ({ name: `Job ${id}` })));
    await expect(queue.drain()).resolves.toBeUndefined();
    for (const id of ['1', '1000']) {
      await expect.poll(() => record(jobUuid('mail', id))).toMatchObject({ task_name: `Job ${id}`, state: 'cancelled', finished: true });
    }
  });

  it('is removed all the same where its state can\'t be read', async () => {
    const warnings = diagnosed();
    const { record } = recorded();
    const queue = queueTasks({ ...waitingQueue(['1']), getJobState: () => Promise.reject(new Error('connection is closed')) });
    await queue.add('One');
    await expect(queue.remove('1')).resolves.toBe(1);
    expect(await record(jobUuid('mail', '1'))).toMatchObject({ state: 'queued' });
    expect(warnings).toEqual([expect.stringContaining('connection is closed')]);
  });

  it('after it ran ends no task', async () => {
    const { spans } = recorded();
    await queueTasks(waitingQueue(['1'], 'completed')).remove('1');
    expect(await spans()).toEqual([]);
  });
});

describe('tracked events of a queue', () => {
  function tracked(): (args: { jobId: string; prev?: string }) => void {
    let removed: Parameters<JobEvents['on']>[1] | undefined;
    trackQueueEvents({ name: 'mail', on: (_event, listener) => void (removed = listener) });
    return (args) => removed?.(args);
  }

  it('end the tasks of jobs that were waiting, and no others', async () => {
    const { record, spans } = recorded();
    await queueTasks(waitingQueue(['1'])).add('One');
    const removed = tracked();
    for (const prev of ['active', 'completed', 'failed', undefined]) removed({ jobId: '2', ...(prev !== undefined && { prev }) });
    removed({ jobId: 'repeat:daily:1767323045000', prev: 'delayed' });
    removed({ jobId: '1', prev: 'delayed' });
    expect(await record(jobUuid('mail', '1'))).toMatchObject({ task_name: 'One', state: 'cancelled', attempt: 0 });
    expect((await spans()).map(({ name }) => name)).toEqual(['enqueue One', 'remove mail 1']);
  });

  it('are checked at once', () => {
    expect(() => trackQueueEvents({} as never)).toThrow('trackQueueEvents: expected QueueEvents of BullMQ, got {}');
  });
});
