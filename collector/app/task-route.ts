import type { Context } from 'hono';
import { isTaskUuid } from '../../src/task-uuid.ts';
import { received } from '../../src/failure.ts';
import { recordJson } from '../record/record-json.ts';
import type { StoredTask, TaskStore } from '../store/task-store.ts';
import { entityTag, isNoneMatch } from './entity-tag.ts';
import { negotiate } from './negotiation.ts';
import { problem } from './problem.ts';
import { recentRecords } from './recent-records.ts';
import { reportStoreFailure } from './store-failure.ts';
import { recordLog, wholeLog } from './task-log.ts';

/** What a task can be asked for as; the first is what a client without wishes gets. */
const REPRESENTATIONS = ['application/json', 'text/plain'] as const;

/** `GET /tasks/:uuid`: the record as JSON, or the whole log as text. */
export function taskRoute(store: TaskStore): (c: Context) => Promise<Response> {
  const recent = recentRecords();

  const recordText = async (task: StoredTask, tag: string): Promise<string | undefined> => {
    const log = await recordLog(store, task);
    const json = log && recordJson(task, log);
    if (json !== undefined) recent.keep(task, tag, json);
    return json;
  };

  return async (c) => {
    const uuid = c.req.param('uuid') ?? '';
    if (!isTaskUuid(uuid)) return noUuid(uuid);
    const task = await store.task(uuid.toLowerCase());
    if (task === undefined) return unknownTask(uuid);

    const asText = negotiate(c, REPRESENTATIONS) === 'text/plain';
    const tag = entityTag(task, asText ? 'text' : 'json');
    if (isNoneMatch(c.req.header('If-None-Match'), tag)) {
      return new Response(null, { status: 304, headers: { ...HEADERS, ETag: tag } });
    }
    const headers = asText ? textHeaders(tag, task) : jsonHeaders(tag);
    if (c.req.method === 'HEAD') return new Response(null, { headers });
    const body = asText
      ? await wholeLog(store, task, reportStoreFailure)
      : (recent.get(task, tag) ?? (await recordText(task, tag)));
    return body === undefined ? unknownTask(uuid) : new Response(body, { headers });
  };
}

/** 400 for a path that names no task. */
export function noUuid(text: string): Response {
  return problem(400, `a task is named by a UUID (RFC 9562), not by ${received(text)}`);
}

/** 404 for a task that the store does not have. */
export function unknownTask(uuid: string): Response {
  return problem(404, `there is no task ${uuid}`);
}

const HEADERS = { Vary: 'Accept', 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' };

function jsonHeaders(tag: string): Record<string, string> {
  return { 'Content-Type': 'application/json', ...HEADERS, ETag: tag };
}

function textHeaders(tag: string, task: StoredTask): Record<string, string> {
  const length = String(task.logBytes);
  return { 'Content-Type': 'text/plain; charset=utf-8', ...HEADERS, ETag: tag, 'Content-Length': length };
}
