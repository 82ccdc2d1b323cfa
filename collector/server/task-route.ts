import type { Context } from 'hono';
import { recordJson } from '../record/record-json.ts';
import type { StoredTask, TaskStore } from '../store/task-store.ts';
import { waitOf } from './live/waiting.ts';
import type { TaskWaiting } from './live/waiting.ts';
import { unknownTask } from './problem.ts';
import { entityTag, isNoneMatch, negotiate } from './representation.ts';
import { gatheredReads, RecentRecords } from './shared-reads.ts';
import type { RecentRecord } from './shared-reads.ts';
import { recordLog, wholeLog } from './task-log.ts';

/** The representations of a task; a client without `Accept` gets the first one. */
const REPRESENTATIONS = ['application/json', 'text/plain'] as const;

/**
 * `GET /tasks/:uuid`: the record as JSON, or the whole log as text. With `wait` the task need not exist yet.
 *
 * The tasks of all requests that come in one turn of the event loop are read together. A record that was sent before is
 * not made again while its task is the same.
 */
export function taskRoute(store: TaskStore, waiting: TaskWaiting): (c: Context, uuid: string) => Response | Promise<Response> {
  const recent = new RecentRecords();
  const read = gatheredReads(store);

  return (c, uuid) => {
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    return answer(c, uuid, wait);
  };

  async function answer(c: Context, uuid: string, wait: number): Promise<Response> {
    const task = await waiting.read(c, uuid, wait, () => read(uuid));
    if (task === undefined) return unknownTask(uuid);
    if (isTextWanted(c)) return logAnswer(c, task);
    const tag = entityTag(task, 'json');
    const short = bodiless(c, tag, jsonHeaders);
    if (short !== undefined) return short;
    const record = recent.of(task, tag) ?? (await madeRecord(task, tag));
    return record === undefined ? unknownTask(uuid) : new Response(record.json, { headers: jsonHeaders(tag) });
  }

  async function madeRecord(task: StoredTask, tag: string): Promise<RecentRecord | undefined> {
    const log = await recordLog(store, task);
    if (log === undefined) return undefined;
    const record = { task, tag, json: recordJson(task, log) };
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

function isTextWanted(c: Context): boolean {
  return negotiate(c, REPRESENTATIONS) === 'text/plain';
}

/** The answer without a body: 304 for a client that has the representation, the headers for `HEAD`. */
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
