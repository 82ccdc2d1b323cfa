import type { Context } from 'hono';
import { setImmediate } from '../timers.ts';
import { recordJson } from '../record/record-json.ts';
import type { StoredTask, TaskReads, TaskStore } from '../store/task-store.ts';
import { entityTag, notModified, requestedType, REVALIDATED, unknownTask } from './answers.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';
import { LOG_TYPES } from './log-entries.ts';
import { pageQuery } from './page/page-query.ts';
import type { PageQuery } from './page/page-query.ts';
import type { PageSettings } from './page/shell.ts';
import { taskPage } from './page/task-page.ts';
import { flagOf } from './parameters.ts';
import { readMany } from './read-many.ts';
import { recordLog, wholeLog } from './task-log.ts';

/** The representations of a task; a client without `Accept` gets the first one. */
const REPRESENTATIONS = ['application/json', 'text/plain', 'text/html'] as const;

/**
 * `GET /tasks/:uuid`: the record as JSON, with `log=0` without its log; the whole log as text, with `times=1` with the time
 * before each line; or the page. With `wait` the task need not exist yet.
 *
 * The tasks of all requests that come in one turn of the event loop are read together. A record that was sent before is
 * not made again while its task is the same.
 */
export function taskRoute(store: TaskStore, waiting: TaskWaiting, pages: PageSettings): (c: Context, uuid: string) => Response | Promise<Response> {
  const recent = new RecentRecords();
  const read = gatheredReads(store);

  return (c, uuid) => {
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    const hasTimes = flagOf(c, 'times', false);
    if (hasTimes instanceof Response) return hasTimes;
    const hasLog = flagOf(c, 'log', true);
    if (hasLog instanceof Response) return hasLog;
    const page = pageQuery(c);
    if (page instanceof Response) return page;
    const form = requestedType(c, REPRESENTATIONS);
    if (form instanceof Response) return form;
    return answer(c, uuid, { wait, form, hasTimes, hasLog, page });
  };

  async function answer(c: Context, uuid: string, { wait, form, hasTimes, hasLog, page }: Asked): Promise<Response> {
    const task = await waiting.read(c, uuid, wait, () => read(uuid));
    if (task === undefined) return unknownTask(uuid);
    if (form === 'text/html') return (await taskPage(c, store, task, page, pages)) ?? unknownTask(uuid);
    if (form === 'text/plain') return logAnswer(c, task, hasTimes ? 'times' : 'text');
    if (!hasLog) return fieldsAnswer(c, task);
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

  async function logAnswer(c: Context, task: StoredTask, form: 'text' | 'times'): Promise<Response> {
    const headersOf = (tag: string): Record<string, string> => logHeaders(tag, task, form);
    const tag = entityTag(task, form);
    const short = bodiless(c, tag, headersOf);
    if (short !== undefined) return short;
    const body = await wholeLog(store, task, 0, form);
    return body === undefined ? unknownTask(task.uuid) : new Response(body, { headers: headersOf(tag) });
  }
}

/** The record without its log: nothing else is read. */
function fieldsAnswer(c: Context, task: StoredTask): Response {
  const tag = entityTag(task, 'fields');
  return bodiless(c, tag, jsonHeaders) ?? new Response(recordJson(task), { headers: jsonHeaders(tag) });
}

/** What a request asks for. */
interface Asked {
  /** How many seconds it waits for the task. */
  readonly wait: number;
  readonly form: (typeof REPRESENTATIONS)[number];
  /** Whether the lines of the text have their times. */
  readonly hasTimes: boolean;
  /** Whether the record has its log. */
  readonly hasLog: boolean;
  readonly page: PageQuery;
}

/** The answer without a body: 304 for a client that has the representation, the headers for `HEAD`. */
function bodiless(c: Context, tag: string, headersOf: (tag: string) => Record<string, string>): Response | undefined {
  const unchanged = notModified(c, tag, REVALIDATED);
  if (unchanged !== undefined) return unchanged;
  return c.req.method === 'HEAD' ? new Response(null, { headers: headersOf(tag) }) : undefined;
}

function jsonHeaders(tag: string): Record<string, string> {
  return { 'Content-Type': 'application/json', ...REVALIDATED, ETag: tag };
}

function logHeaders(tag: string, { logBytes }: StoredTask, form: 'text' | 'times'): Record<string, string> {
  return { 'Content-Type': LOG_TYPES[form], ...REVALIDATED, ETag: tag, ...(form === 'text' && { 'Content-Length': String(logBytes) }) };
}

type Waiting = Map<string, PromiseWithResolvers<StoredTask | undefined>>;

/**
 * Gives a function that reads a task. All tasks that are asked for in one turn of the event loop are read together at
 * its end, each once.
 */
function gatheredReads(store: Pick<TaskReads, 'stored' | 'storedMany'>): (uuid: string) => Promise<StoredTask | undefined> {
  let waiting: Waiting | undefined;

  const readAll = async (reads: Waiting): Promise<void> => {
    try {
      const [uuid, ...others] = reads.keys();
      // Mostly one is asked for: parts would cost it as much as its reading.
      if (others.length === 0) return reads.get(uuid!)!.resolve(await store.stored(uuid!));
      for await (const part of readMany(store, [...reads.keys()])) {
        for (const [each, task] of part) reads.get(each)!.resolve(task);
      }
    } catch (error) {
      for (const { reject } of reads.values()) reject(error);
    }
  };

  return (uuid) => {
    if (waiting === undefined) {
      const reads: Waiting = new Map();
      waiting = reads;
      setImmediate(() => {
        waiting = undefined;
        void readAll(reads);
      });
    }
    let read = waiting.get(uuid);
    if (read === undefined) waiting.set(uuid, (read = Promise.withResolvers()));
    return read.promise;
  };
}

/** The record of a task, ready to be sent. */
export interface RecentRecord {
  readonly task: StoredTask;
  /** Its `ETag`. */
  readonly tag: string;
  readonly json: string;
}

/** Keeps the records that were requested last: a client that waits for a task requests it again and again. */
export class RecentRecords {
  /** By UUID. The record that was requested last comes last. */
  readonly #kept = new Map<string, RecentRecord>();
  readonly #maxLength: number;
  #length = 0;

  /** @param maxLength How many characters are kept at most, of all records together. */
  constructor(maxLength: number = 4 * 1024 * 1024) {
    this.#maxLength = maxLength;
  }

  /** The record of a task that was just read; `undefined` if none is kept for exactly this state of it. */
  of({ uuid, summary }: StoredTask, tag: string): RecentRecord | undefined {
    const record = this.#kept.get(uuid);
    // A task that was deleted more than a day ago and has begun again reaches the same version again, but not with the same times.
    if (record === undefined || record.tag !== tag || record.task.summary !== summary) return undefined;
    this.#kept.delete(uuid);
    this.#kept.set(uuid, record);
    return record;
  }

  /** Keeps a record while there is room, and replaces the task's earlier record. */
  keep(record: RecentRecord): void {
    this.#drop(record.task.uuid);
    if (lengthOf(record) > this.#maxLength) return;
    this.#kept.set(record.task.uuid, record);
    this.#length += lengthOf(record);
    for (const oldest of this.#kept.keys()) {
      if (this.#length <= this.#maxLength) break;
      this.#drop(oldest);
    }
  }

  #drop(uuid: string): void {
    const record = this.#kept.get(uuid);
    if (record !== undefined) this.#length -= lengthOf(record);
    this.#kept.delete(uuid);
  }
}

function lengthOf({ task, json }: RecentRecord): number {
  return task.summary.length + json.length;
}
