import type { Context } from 'hono';
import { received } from '../../src/failure.ts';
import type { ScopeRecord } from '../../src/task-record.ts';
import { ownTurn } from '../async.ts';
import type { ScopePage, ScopeQuery, StoredScopes, TaskStore } from '../store/task-store.ts';
import { notModified, problem, REVALIDATED, scopesTag, unknownTask } from './answers.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';

/** How many scopes as lines are given where a request does not say, and at the most. */
const DEFAULT_SCOPES = 200;
const MOST_SCOPES = 1000;

/**
 * `GET /tasks/:uuid/scopes`: the attempts and scopes of a task as a tree; with `of`, `limit` or `cursor` as lines, not more
 * than `limit` of them. With `wait` the task need not exist yet.
 */
export function taskScopesRoute(store: TaskStore, waiting: TaskWaiting): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    const query = scopeQuery(c);
    if (query instanceof Response) return query;
    const form = query === undefined ? 'scopes' : 'lines';
    const known = await unchangedScopes(c, uuid, form);
    if (known !== undefined) return known;
    if (query !== undefined) return lines(c, uuid, wait, query);
    const stored = await waiting.read(c, uuid, wait, () => store.scopes(uuid));
    if (stored === undefined) return unknownTask(uuid);
    const tag = scopesTag(stored, form);
    const headers = { 'Content-Type': 'application/json', ...REVALIDATED, ETag: tag };
    return notModified(c, tag, REVALIDATED) ?? new Response(c.req.method === 'HEAD' ? null : await bodyOf(uuid, stored), { headers });
  };

  async function lines(c: Context, uuid: string, wait: number, query: ScopeQuery): Promise<Response> {
    let page: ScopePage | undefined;
    try {
      page = await waiting.read(c, uuid, wait, () => store.scopesOf(uuid, query));
    } catch (error) {
      if (error instanceof RangeError) return problem(400, error.message);
      throw error;
    }
    if (page === undefined) return unknownTask(uuid);
    const { version, scopes, next } = page;
    const tag = scopesTag(page, 'lines');
    const headers = {
      'Content-Type': 'application/json', ...REVALIDATED, ETag: tag, ...(next !== undefined && { Link: `<${nextLink(query, next)}>; rel="next"` }),
    };
    const body = { task_uuid: uuid, version, of: query.of ?? null, scopes, next: next ?? null };
    return notModified(c, tag, REVALIDATED) ?? new Response(JSON.stringify(body), { headers });
  }

  /** 304 for a client that has the scopes of the present version, which are not read then. */
  async function unchangedScopes(c: Context, uuid: string, form: 'scopes' | 'lines'): Promise<Response | undefined> {
    if (c.req.header('If-None-Match') === undefined) return undefined;
    const task = await store.stored(uuid);
    return task && notModified(c, scopesTag({ version: task.version, isLostForGood: task.state === 'lost' && task.liveness?.final === true }, form), REVALIDATED);
  }
}

/** Which scopes are asked for as lines; `undefined` for the whole tree. */
function scopeQuery(c: Context): ScopeQuery | Response | undefined {
  const { of, limit, cursor } = c.req.query();
  if (of === undefined && limit === undefined && cursor === undefined) return undefined;
  const most = limit === undefined ? DEFAULT_SCOPES : /^\d{1,9}$/.test(limit) ? Number(limit) : 0;
  if (most < 1 || most > MOST_SCOPES) return problem(400, `limit: expected a whole number from 1 to ${MOST_SCOPES}, got ${received(limit)}`);
  if (of !== undefined && !SPAN_ID.test(of)) return problem(400, `of: expected a span id, 16 hexadecimal digits, got ${received(of)}`);
  return { limit: most, ...(of !== undefined && { of: of.toLowerCase() }), ...(cursor !== undefined && { cursor }) };
}

const SPAN_ID = /^[0-9a-f]{16}$/i;

// Relative, so that it is right wherever the app is mounted.
function nextLink({ of, limit }: ScopeQuery, cursor: string): string {
  return `?${new URLSearchParams({ ...(of !== undefined && { of }), limit: String(limit), cursor }).toString()}`;
}

/** Scopes that are encoded as one text. */
const PIECE_CHARACTERS = 64 * 1024;

/** A short body as text; a long one in pieces, made as the client reads. */
async function bodyOf(uuid: string, stored: StoredScopes): Promise<string | ReadableStream<Uint8Array>> {
  const pieces = piecesOf(uuid, stored);
  const first = pieces.next().value ?? '';
  const second = pieces.next();
  return second.done === true ? first : ReadableStream.from(inTurns(first, second.value, pieces));
}

async function* inTurns(first: string, second: string, rest: Iterable<string>): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(first);
  yield Buffer.from(second);
  for (const piece of rest) {
    await ownTurn();
    yield Buffer.from(piece);
  }
}

/** `{ task_uuid, version, attempts }` in pieces: `version` is that of the record that the scopes belong to. */
function* piecesOf(uuid: string, { version, attempts }: StoredScopes): Generator<string, void> {
  let piece = `{"task_uuid":${JSON.stringify(uuid)},"version":${version},"attempts":[`;
  /** The scopes that are still to be written, of each scope that is open. */
  const open: Iterator<ScopeRecord>[] = [attempts.values()];
  let isFirst = true;
  while (open.length > 0) {
    const { done, value: scope } = open.at(-1)!.next();
    if (done === true) {
      open.pop();
      piece += open.length === 0 ? ']' : ']}';
      isFirst = false;
      continue;
    }
    const { notifications, scopes, ...fields } = scope;
    piece += `${isFirst ? '' : ','}${JSON.stringify(fields).slice(0, -1)},"notifications":[`;
    for (const [at, notification] of notifications.entries()) {
      piece += `${at === 0 ? '' : ','}${JSON.stringify(notification)}`;
      if (piece.length < PIECE_CHARACTERS) continue;
      yield piece;
      piece = '';
    }
    piece += '],"scopes":[';
    isFirst = true;
    open.push(scopes.values());
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield `${piece}}`;
}
