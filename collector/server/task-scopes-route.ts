import type { Context } from 'hono';
import type { AttemptRecord } from '../record/task-record.ts';
import type { TaskStore } from '../store/task-store.ts';
import { entityTag, notModified, REVALIDATED, unknownTask } from './answers.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';

/** The JSON of `GET /tasks/:uuid/scopes`. */
interface TaskScopes {
  task_uuid: string;
  /** The `version` of the record that they belong to. */
  version: number;
  /** Each attempt with its scopes, first to last. */
  attempts: AttemptRecord[];
}

/** `GET /tasks/:uuid/scopes`: the attempts and scopes of a task as a tree. With `wait` the task need not exist yet. */
export function taskScopesRoute(store: TaskStore, waiting: TaskWaiting): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    const stored = await waiting.read(c, uuid, wait, () => store.scopes(uuid));
    if (stored === undefined) return unknownTask(uuid);
    const tag = entityTag(stored, 'scopes');
    const unchanged = notModified(c, tag, REVALIDATED);
    if (unchanged !== undefined) return unchanged;
    const { version, attempts } = stored;
    const scopes: TaskScopes = { task_uuid: uuid, version, attempts };
    return new Response(JSON.stringify(scopes), { headers: { 'Content-Type': 'application/json', ...REVALIDATED, ETag: tag } });
  };
}
