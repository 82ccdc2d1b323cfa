import type { Context } from 'hono';
import { recordJson } from '../record/record-json.ts';
import type { RevisionLook, StoredTask, TaskStore } from '../store/task-store.ts';
import { isArriving } from './arriving-request.ts';
import { recentRecords } from './live/recent-records.ts';
import type { RecentRecord } from './live/recent-records.ts';
import { waitOf } from './live/waiting.ts';
import type { TaskWaiting } from './live/waiting.ts';
import { unknownTask } from './problem.ts';
import { entityTag, isNoneMatch, negotiate } from './representation.ts';
import { recordLog, wholeLog } from './task-log.ts';

/** What a task can be asked for as; the first is what a client without wishes gets. */
const REPRESENTATIONS = ['application/json', 'text/plain'] as const;

/**
 * `GET /tasks/:uuid`: the record as JSON, or the whole log as text. With `wait` the task may be yet to come.
 *
 * A record that was served before is served again, without reading it, for as long as the store
 * says that nothing has changed.
 */
export function taskRoute(store: TaskStore, waiting: TaskWaiting): (c: Context, uuid: string) => Response | Promise<Response> {
  const recent = recentRecords();

  return (c, uuid) => {
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    // Before the reading: what is committed between the two makes a record that is newer than it says.
    const revision = store.revision(lookOf(c));
    const known = revision === undefined ? undefined : recent.at(uuid, revision);
    if (known === undefined) return answer(c, uuid, revision, wait);
    return isTextWanted(c) ? logAnswer(c, known.task) : (bodiless(c, known.tag, jsonHeaders) ?? recordAnswer(known));
  };

  async function answer(c: Context, uuid: string, revision: number | undefined, wait: number): Promise<Response> {
    const task = await store.stored(uuid);
    if (task === undefined) {
      const appears = await waiting.appears(c, uuid, wait);
      return appears ? answer(c, uuid, store.revision('now'), 0) : unknownTask(uuid);
    }
    if (isTextWanted(c)) return logAnswer(c, task);
    const tag = entityTag(task, 'json');
    const record = recent.of(task, tag, revision);
    const short = bodiless(c, tag, jsonHeaders);
    if (short !== undefined) return short;
    const whole = record ?? (await read(task, tag, revision));
    return whole === undefined ? unknownTask(uuid) : recordAnswer(whole);
  }

  async function read(task: StoredTask, tag: string, revision: number | undefined): Promise<RecentRecord | undefined> {
    const log = await recordLog(store, task);
    if (log === undefined) return undefined;
    const record = { task, tag, json: recordJson(task, log), revision };
    recent.keep(record);
    return record;
  }

  async function logAnswer(c: Context, task: StoredTask): Promise<Response> {
    const headersOf = (tag: string): Record<string, string> => textHeaders(tag, task);
    const tag = entityTag(task, 'text');
    const short = bodiless(c, tag, headersOf);
    if (short !== undefined) return short;
    const body = await wholeLog(store, task);
    return body === undefined ? unknownTask(task.uuid) : new Response(body, { headers: headersOf(tag) });
  }
}

/** Requests that come from their connections in one turn share a look; of all others nobody knows when they were sent. */
function lookOf(c: Context): RevisionLook {
  return isArriving((c.env as { incoming?: unknown } | undefined)?.incoming) ? 'turn' : 'now';
}

function isTextWanted(c: Context): boolean {
  return negotiate(c, REPRESENTATIONS) === 'text/plain';
}

function recordAnswer({ json, tag }: RecentRecord): Response {
  return new Response(json, { headers: jsonHeaders(tag) });
}

/** 304 where the client has it, the headers alone for `HEAD`. */
function bodiless(c: Context, tag: string, headersOf: (tag: string) => Record<string, string>): Response | undefined {
  if (isNoneMatch(c.req.header('If-None-Match'), tag)) {
    return new Response(null, { status: 304, headers: { ...HEADERS, ETag: tag } });
  }
  return c.req.method === 'HEAD' ? new Response(null, { headers: headersOf(tag) }) : undefined;
}

const HEADERS = { Vary: 'Accept', 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff' };

function jsonHeaders(tag: string): Record<string, string> {
  return { 'Content-Type': 'application/json', ...HEADERS, ETag: tag };
}

function textHeaders(tag: string, task: StoredTask): Record<string, string> {
  const length = String(task.logBytes);
  return { 'Content-Type': 'text/plain; charset=utf-8', ...HEADERS, ETag: tag, 'Content-Length': length };
}
