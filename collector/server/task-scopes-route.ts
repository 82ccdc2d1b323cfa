import type { Context } from 'hono';
import { isTaskUuid } from '../../src/task-uuid.ts';
import type { AttemptRecord } from '../record/task-record.ts';
import type { TaskStore } from '../store/task-store.ts';
import type { TaskWatchers } from './live/task-watchers.ts';
import { taskAppears, waitOf } from './live/waiting.ts';
import { noUuid, unknownTask } from './problem.ts';
import { entityTag, isNoneMatch } from './representation.ts';

/** The JSON of `GET /tasks/:uuid/scopes`. */
export interface TaskScopes {
  task_uuid: string;
  /** The {@link TaskRecord.version} that they belong to. */
  version: number;
  /** Each attempt with the scopes inside it, first to last. */
  attempts: AttemptRecord[];
}

/** `GET /tasks/:uuid/scopes`: what a task consists of, as a tree. With `wait` the task may be yet to come. */
export function taskScopesRoute(store: TaskStore, watchers: TaskWatchers): (c: Context) => Promise<Response> {
  return async (c) => {
    const given = c.req.param('uuid') ?? '';
    if (!isTaskUuid(given)) return noUuid(given);
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    const uuid = given.toLowerCase();
    let stored = await store.scopes(uuid);
    if (stored === undefined && (await taskAppears(c, store, watchers, uuid, wait))) stored = await store.scopes(uuid);
    if (stored === undefined) return unknownTask(uuid);
    const tag = entityTag(stored, 'scopes');
    if (isNoneMatch(c.req.header('If-None-Match'), tag)) {
      return new Response(null, { status: 304, headers: { ...HEADERS, ETag: tag } });
    }
    const { version, attempts } = stored;
    const scopes: TaskScopes = { task_uuid: uuid, version, attempts };
    return new Response(JSON.stringify(scopes), { headers: { 'Content-Type': 'application/json', ...HEADERS, ETag: tag } });
  };
}

const HEADERS = { 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' };
