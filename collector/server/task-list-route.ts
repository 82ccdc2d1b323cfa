import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { isTaskState, TASK_STATES } from '../../src/task-record.ts';
import type { TaskPage, TaskQuery, TaskStore } from '../store/task-store.ts';
import { problem, REVALIDATED } from './answers.ts';
import { listEntry } from './read-many.ts';

const DEFAULT_LIMIT = 50;
const MOST_LIMIT = 200;

/** `GET /tasks`: `{ tasks, next }`, newest first, without logs. */
export function taskListRoute(store: TaskStore): (c: Context) => Promise<Response> {
  return async (c) => {
    const query = taskQuery(c);
    if (query instanceof Response) return query;
    const page = await pageOf(store, query);
    if (page === undefined) return problem(400, `cursor: expected the "next" of a page, got ${received(query.cursor)}`);

    const tasks = page.tasks.map(listEntry).filter((entry) => entry !== undefined).join(',');
    const headers: Record<string, string> = { 'Content-Type': 'application/json', ...REVALIDATED };
    if (page.next !== undefined) headers['Link'] = `<${nextLink(query, page.next)}>; rel="next"`;
    return new Response(`{"tasks":[${tasks}],"next":${JSON.stringify(page.next ?? null)}}`, { headers });
  };
}

function taskQuery(c: Context): TaskQuery | Response {
  const { limit, cursor, state, uuid } = c.req.query();
  const query: TaskQuery = { limit: DEFAULT_LIMIT };
  if (limit !== undefined) {
    query.limit = /^\d+$/.test(limit) ? Number(limit) : 0;
    if (query.limit < 1 || query.limit > MOST_LIMIT) {
      return problem(400, `limit: expected a whole number from 1 to ${MOST_LIMIT}, got ${received(limit)}`);
    }
  }
  if (state !== undefined) {
    if (!isTaskState(state)) {
      return problem(400, `state: expected one of ${TASK_STATES.join(', ')}, got ${received(state)}`);
    }
    query.state = state;
  }
  if (uuid !== undefined) {
    const [, prefix] = PREFIX.exec(uuid) ?? [];
    if (prefix === undefined) return problem(400, `uuid: expected the beginning of a UUID, of at least 4 characters, and *, got ${received(uuid)}`);
    query.uuidPrefix = prefix.toLowerCase();
  }
  if (cursor !== undefined) query.cursor = cursor;
  return query;
}

const PREFIX = /^([0-9a-f]{4}[0-9a-f-]{0,32})\*$/i;

/** `undefined` for a cursor that the store did not give. */
async function pageOf(store: TaskStore, query: TaskQuery): Promise<TaskPage | undefined> {
  try {
    return await store.tasks(query);
  } catch (error) {
    if (query.cursor !== undefined && error instanceof RangeError) return undefined;
    throw error;
  }
}

// Relative, so that it is right wherever the app is mounted.
function nextLink(query: TaskQuery, cursor: string): string {
  const search = new URLSearchParams({ limit: String(query.limit), cursor });
  if (query.state !== undefined) search.set('state', query.state);
  if (query.uuidPrefix !== undefined) search.set('uuid', `${query.uuidPrefix}*`);
  return `?${search.toString()}`;
}
