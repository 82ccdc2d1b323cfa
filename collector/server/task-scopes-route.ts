import type { Context } from 'hono';
import { ownTurn } from '../async.ts';
import type { ScopeRecord } from '../../src/task-record.ts';
import type { StoredScopes, TaskStore } from '../store/task-store.ts';
import { notModified, REVALIDATED, scopesTag, unknownTask } from './answers.ts';
import { waitOf } from './live/wait-for-task.ts';
import type { TaskWaiting } from './live/wait-for-task.ts';

/** `GET /tasks/:uuid/scopes`: the attempts and scopes of a task as a tree. With `wait` the task need not exist yet. */
export function taskScopesRoute(store: TaskStore, waiting: TaskWaiting): (c: Context, uuid: string) => Promise<Response> {
  return async (c, uuid) => {
    const wait = waitOf(c);
    if (wait instanceof Response) return wait;
    const known = await unchangedScopes(c, uuid);
    if (known !== undefined) return known;
    const stored = await waiting.read(c, uuid, wait, () => store.scopes(uuid));
    if (stored === undefined) return unknownTask(uuid);
    const tag = scopesTag(stored.version, stored.isLostForGood === true);
    const headers = { 'Content-Type': 'application/json', ...REVALIDATED, ETag: tag };
    return notModified(c, tag, REVALIDATED) ?? new Response(c.req.method === 'HEAD' ? null : await bodyOf(uuid, stored), { headers });
  };

  /** 304 for a client that has the scopes of the present version, which are not read then. */
  async function unchangedScopes(c: Context, uuid: string): Promise<Response | undefined> {
    if (c.req.header('If-None-Match') === undefined) return undefined;
    const task = await store.stored(uuid);
    return task && notModified(c, scopesTag(task.version, task.state === 'lost' && task.liveness?.final === true), REVALIDATED);
  }
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
