import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import { filterOf, parametersOf } from '../../src/filter-parameters.ts';
import { isoTime } from '../../src/task-record.ts';
import { TASK_ORDERS } from '../store/task-store.ts';
import type { TaskOrder, TaskPage, TaskQuery, TaskStore } from '../store/task-store.ts';
import { problem, REVALIDATED } from './answers.ts';
import { listEntry } from './read-many.ts';

export const DEFAULT_LIMIT = 50;
export const MOST_LIMIT = 200;

/** `GET /tasks`: `{ tasks, next }`, without logs, and `searched_to` where the search took long. */
export function taskListRoute(store: TaskStore): (c: Context) => Promise<Response> {
  return async (c) => {
    const query = valueOrProblem(() => taskQueryOf(new URL(c.req.url).searchParams));
    if (query instanceof Response) return query;
    const page = await pageOf(store, query);
    if (page === undefined) return problem(400, `cursor: expected the "next" of a page, got ${received(query.cursor)}`);

    const tasks = page.tasks.map(listEntry).filter((entry) => entry !== undefined).join(',');
    const headers: Record<string, string> = { 'Content-Type': 'application/json', ...REVALIDATED };
    if (page.next !== undefined) headers['Link'] = `<${nextLink(query, page.next)}>; rel="next"`;
    const searchedTo = page.searchedTo === undefined ? '' : `,"searched_to":"${isoTime(page.searchedTo)}"`;
    return new Response(`{"tasks":[${tasks}],"next":${JSON.stringify(page.next ?? null)}${searchedTo}}`, { headers });
  };
}

/** `GET /tasks/counts`: how many tasks are in each state, `{ counts, capped }`. */
export function taskCountsRoute(store: TaskStore): (c: Context) => Promise<Response> {
  return async (c) => {
    const filter = valueOrProblem(() => filterOf(new URL(c.req.url).searchParams));
    if (filter instanceof Response) return filter;
    const { counts, capped } = await store.counts(filter);
    const headers = { 'Content-Type': 'application/json', ...REVALIDATED };
    return new Response(JSON.stringify({ counts, capped }), { headers });
  };
}

/** What is read of the parameters of a request, or a 400 with what was expected of the invalid one. */
export function valueOrProblem<T>(read: () => T): T | Response {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return problem(400, error.message);
  }
}

/** Reads the query of a list from the parameters of its URL. Throws a `RangeError` for an invalid one. */
export function taskQueryOf(parameters: URLSearchParams): TaskQuery {
  const [limit, cursor, order] = ['limit', 'cursor', 'order'].map((name) => parameters.get(name));
  const query: TaskQuery = { filter: filterOf(parameters), limit: DEFAULT_LIMIT };
  if (typeof limit === 'string') {
    query.limit = /^\d+$/.test(limit) ? Number(limit) : 0;
    if (query.limit < 1 || query.limit > MOST_LIMIT) throw new RangeError(`limit: expected a whole number from 1 to ${MOST_LIMIT}, got ${received(limit)}`);
  }
  if (typeof order === 'string') {
    if (!isTaskOrder(order)) throw new RangeError(`order: expected one of ${TASK_ORDERS.join(', ')}, got ${received(order)}`);
    query.order = order;
  }
  if (typeof cursor === 'string') query.cursor = cursor;
  return query;
}

function isTaskOrder(text: string): text is TaskOrder {
  return (TASK_ORDERS as readonly string[]).includes(text);
}

/** `undefined` for a cursor that the store did not give. */
async function pageOf(store: TaskStore, query: TaskQuery): Promise<TaskPage | undefined> {
  try {
    return await store.tasks(query);
  } catch (error) {
    if (query.cursor !== undefined && error instanceof RangeError) return undefined;
    throw error;
  }
}

/** The address of the next page: relative, so that it is right wherever the app is mounted. */
export function nextLink({ filter = {}, limit, order }: TaskQuery, cursor: string): string {
  const search = new URLSearchParams({ limit: String(limit), cursor });
  if (order !== undefined) search.set('order', order);
  for (const [name, value] of parametersOf(filter)) search.append(name, value);
  return `?${search.toString()}`;
}
