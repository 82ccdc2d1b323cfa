import type { Context } from 'hono';
import { isTaskUuid } from '../../src/task-uuid.ts';
import { isoTime } from '../record/task-record.ts';
import type { TaskStore } from '../store/task-store.ts';
import { problem } from './problem.ts';
import { noUuid, unknownTask } from './task-route.ts';

/**
 * `POST /tasks/:uuid/cancel`: asks the task's worker to cancel it. 202 says that the worker will
 * be told, not that the task has stopped: its record tells that.
 *
 * @param urlOf Gives the URL of a request as its client has it.
 */
export function cancelRoute(store: TaskStore, urlOf: (c: Context) => URL): (c: Context) => Promise<Response> {
  return async (c) => {
    const given = c.req.param('uuid') ?? '';
    if (!isTaskUuid(given)) return noUuid(given);
    const uuid = given.toLowerCase();
    const answer = await store.cancel(uuid);
    if (answer === undefined) return unknownTask(uuid);
    if (answer === 'queued') return problem(409, `task ${uuid} can not be cancelled now: no worker has taken it yet`);
    if (answer === 'ended') return problem(409, `task ${uuid} has ended`);
    if (answer === 'not-cancellable') {
      return problem(409, `task ${uuid} can not be cancelled: its worker does not listen`);
    }
    if (answer === 'lost') {
      const heard = (await store.stored(uuid))?.liveness?.heard;
      const since = heard === undefined ? '' : ` since ${isoTime(heard)}`;
      return problem(409, `task ${uuid} can not be cancelled now: its worker has not been heard of${since}`);
    }
    // Relative, so that it holds wherever the app is mounted.
    const record = `../${uuid}`;
    return new Response(JSON.stringify({ task_uuid: uuid, url: new URL(record, urlOf(c)).href }), {
      status: 202,
      headers: {
        'Content-Type': 'application/json',
        'Cache-Control': 'no-store',
        'X-Content-Type-Options': 'nosniff',
        Location: record,
      },
    });
  };
}
