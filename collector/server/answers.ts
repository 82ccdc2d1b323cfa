import { STATUS_CODES } from 'node:http';
import type { Context } from 'hono';
import { describeFailure, received } from '../../src/failure.ts';
import { reportOnce } from '../../src/report.ts';
import type { StoredTask } from '../store/task-store.ts';

/** What the answers of the routes have in common: JSON, errors, entity tags, and the choice of a media type. */

/** An answer in JSON that no cache keeps. */
export function uncachedJson(value: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: {
      'Content-Type': 'application/json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  });
}

/** Headers of an answer that a cache may keep, and asks for again before it gives it. Another `Accept` may get another one. */
export const REVALIDATED = { 'Cache-Control': 'no-cache', 'X-Content-Type-Options': 'nosniff', Vary: 'Accept' } as const;

/**
 * Answers with an error: `application/problem+json` (RFC 9457), never cached. `type` is `about:blank`: the status is the
 * kind of the error.
 *
 * @param detail What is wrong with this request, for a person to read.
 */
export function problem(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Response {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
  return uncachedJson(body, status, { 'Content-Type': 'application/problem+json', ...headers });
}

/** Answers 404 for a task that the store does not have. */
export function unknownTask(uuid: string): Response {
  return problem(404, `there is no task ${uuid}`, { Vary: 'Accept' });
}

/** Answers 503 for a store that failed. The cause is reported, once per message, and never sent to the client. */
export function storeFailure(error: unknown): Response {
  reportStoreFailure(error);
  return problem(503, 'the store of the tasks can not be read or written just now', { 'Retry-After': '1' });
}

/** Reports a store that failed, once per message. */
export function reportStoreFailure(error: unknown): void {
  reportOnce(`tasks-app: ${describeFailure(error).message}`, 'the store of the tasks can not be used', error);
}

/** Reports a task whose record can't be encoded, once per message: other tasks have no part in it. */
export function reportUnreadable({ uuid }: Pick<StoredTask, 'uuid'>, error: unknown): void {
  reportOnce(`tasks-app: ${uuid}: ${describeFailure(error).message}`, `the record of task ${uuid} can not be read`, error);
}

/**
 * The strong `ETag` of a representation of a task, from the task's version, its liveness and the request to cancel it.
 * These two change the record without a commit; log and scopes do not depend on them.
 *
 * @param representation `json` for the record, `fields` for the record without its log; `text` for the log, `times` for the
 *   log with times.
 */
export function entityTag(
  task: Pick<StoredTask, 'version'> & Partial<Pick<StoredTask, 'state' | 'liveness' | 'cancel'>>,
  representation: 'json' | 'fields' | 'text' | 'times',
): string {
  return `"${task.version}-${representation === 'json' || representation === 'fields' ? livenessTag(task) + cancelTag(task) : '0'}-${representation}"`;
}

/** That of a task's scopes: they change without a version where the task is lost for good, and where it runs again. */
export function scopesTag({ version, isLostForGood = false }: { version: number; isLostForGood?: boolean }, representation: 'scopes' | 'lines'): string {
  return `"${version}-${isLostForGood ? 'lost' : '0'}-${representation}"`;
}

function livenessTag({ state, liveness }: Partial<Pick<StoredTask, 'state' | 'liveness'>>): string {
  if (liveness === undefined) return state === 'lost' ? 'lost' : '0';
  const { heard, busySince, final } = liveness;
  const kind = state === 'lost' ? (final ? 'final' : 'lost') : '';
  return `${kind}${heard.toString(36)}${busySince === null ? '' : `.${busySince.toString(36)}`}`;
}

function cancelTag({ cancel }: Pick<StoredTask, 'cancel'>): string {
  return cancel === undefined ? '' : `.${cancel.requested.toString(36)}.${cancel.heard?.toString(36) ?? ''}`;
}

/** Answers 304 to a client that has the representation with this tag already. */
export function notModified(c: Context, tag: string, headers: Readonly<Record<string, string>>): Response | undefined {
  if (!isNoneMatch(c.req.header('If-None-Match'), tag)) return undefined;
  return new Response(null, { status: 304, headers: { ...headers, ETag: tag } });
}

/** Whether `If-None-Match` has the tag: in a list, as a weak tag, or by `*` (RFC 9110, 13.1.2). */
function isNoneMatch(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  // A tag of another server may contain a comma, but never a quote.
  return header.match(/"[^"]*"/g)?.includes(tag) ?? false;
}

/**
 * The offered media type that the request's `Accept` prefers (RFC 9110, 12.5.1).
 *
 * The most specific range that matches a type decides its quality. Of equal qualities the more specific range wins,
 * then the order of `offered`. Where no offered type is acceptable, the first one is taken, since a 406 would not help
 * the client.
 */
export function negotiate<T extends string>(c: Context, offered: readonly [T, ...T[]]): T {
  const header = c.req.header('Accept');
  let best = { type: offered[0], quality: 0, specificity: 0 };
  if (header === undefined || header === '*/*' || header === best.type) return best.type;
  // Not by Hono's `accepts`: it lets `text/plain;q=0.5, */*` win and ignores `q=0`.
  const ranges = rangesOf(header);
  for (const type of offered) {
    const { quality, specificity } = preference(type, ranges);
    if (quality > best.quality || (quality > 0 && quality === best.quality && specificity > best.specificity)) {
      best = { type, quality, specificity };
    }
  }
  return best.type;
}

const FORMS = ['application/json', 'text/html'] as const;

/** What `?as=` names, for links, which can't say `Accept`. */
const FORM_NAMES: Readonly<Record<string, string>> = { json: 'application/json', text: 'text/plain', html: 'text/html' };

/** The offered media type that `?as=` names, or else that `Accept` prefers; 400 for another name. */
export function requestedType<T extends string>(c: Context, offered: readonly [T, ...T[]]): T | Response {
  const as = c.req.url.includes('?') ? c.req.query('as') : undefined;
  if (as === undefined) return negotiate(c, offered);
  const names = Object.keys(FORM_NAMES).filter((name) => offered.includes(FORM_NAMES[name] as T));
  return names.includes(as) ? (FORM_NAMES[as] as T) : problem(400, `as: expected one of ${names.join(', ')}, got ${received(as)}`);
}

/** Whether a request is that of a browser that shows what it gets: it prefers a page to JSON. A program's is not. */
export function prefersPage(c: Context): boolean {
  const as = c.req.query('as');
  return as === undefined ? c.req.header('Accept')?.includes('text/html') === true && negotiate(c, FORMS) === 'text/html' : as === 'html';
}

interface Range {
  /** In lower case, such as `text/*`. */
  readonly type: string;
  readonly q: number;
}

// Not by Hono's parser: it is not part of its documented API, and early versions of Hono 4 do not have it.
function rangesOf(header: string): Range[] {
  return header.split(',').map((range) => {
    const [type = '', ...parameters] = range.split(';').map((item) => item.trim().toLowerCase());
    const q = Number(parameters.find((parameter) => /^q\s*=/.test(parameter))?.split('=')[1] ?? 1);
    return { type, q: q >= 0 && q <= 1 ? q : 1 };
  });
}

function preference(type: string, ranges: readonly Range[]): { quality: number; specificity: number } {
  let [quality, specificity] = [0, 0];
  for (const range of ranges) {
    const fit = specificityFor(type, range.type);
    if (fit > specificity || (fit > 0 && fit === specificity && range.q > quality)) {
      [quality, specificity] = [range.q, fit];
    }
  }
  return { quality, specificity };
}

// 0 where the range does not match. Parameters such as `charset` do not count: no type is offered with two of them.
function specificityFor(type: string, range: string): number {
  if (range === type) return 3;
  if (range === '*/*' || range === '*') return 1;
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1)) ? 2 : 0;
}
