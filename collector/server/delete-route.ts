import type { Context } from 'hono';
import type { TaskStore } from '../store/task-store.ts';
import { problem, unknownTask } from './answers.ts';

/** `DELETE /tasks/:uuid`: deletes a task that has ended, with its log and scopes: 204. One that has not ended is a 409. */
export function deleteRoute(store: TaskStore): (c: Context, uuid: string) => Promise<Response> {
  return async (_c, uuid) => {
    const answer = await store.delete(uuid);
    if (answer === undefined) return unknownTask(uuid);
    if (answer === 'deleted') return new Response(null, { status: 204 });
    const state = answer === 'lost' ? 'lost, and may come back' : answer;
    return problem(409, `task ${uuid} is ${state}: only a task that has ended can be deleted`);
  };
}
