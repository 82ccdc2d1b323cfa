import { describeFailure, failureText, received } from '../../src/failure.ts';
import type { CancelOptions } from '../record/cancel-request.ts';
import type { TaskOrder } from '../store/task-store.ts';
import { parametersOf } from '../../src/filter-parameters.ts';
import type { TaskFilter } from '../../src/task-filter.ts';
import type { StreamEnd, StreamRecord, TaskChange } from '../../src/task-stream.ts';
import type { ScopeNode, TaskRecord, TaskSummary } from '../../src/task-record.ts';
import { CommandError, UnavailableError, UnknownTaskError } from './exit-codes.ts';
import { humanDuration } from './view/terminal-text.ts';

/**
 * Reads tasks, cancels and deletes them. A call that fails rejects with a `CommandError`: `UnknownTaskError` where there is no
 * such task, `UnavailableError` where a retry may succeed.
 */
export interface TaskSource {
  /** The file's path or the server's URL, for messages. */
  readonly name: string;

  /** Tasks without their logs: those that fit a filter, at most `limit` of them. */
  tasks(query: { filter?: TaskFilter; limit: number; order?: TaskOrder }): Promise<TaskSummary[]>;

  task(uuid: string): Promise<TaskRecord>;

  /** The latest attempts with some of their scopes, first to last: at most so many lines, failed and running ones first. */
  scopes(uuid: string, limit: number): Promise<ScopeNode[]>;

  /** The whole log in pieces. */
  log(uuid: string): AsyncIterable<string>;

  /** The log from a byte to another one at which a line begins, at most 1 MiB; only whole lines of it. */
  logPart(uuid: string, from: number, to: number): Promise<string>;

  /** The events of a task over one connection, which may break off before the `end`. */
  events(uuid: string, options?: EventsOptions): AsyncIterable<TaskEvent>;

  /** Deletes a task that has ended. */
  delete(uuid: string): Promise<void>;

  /** Requests that a task is cancelled. */
  cancel(uuid: string, options?: CancelOptions): Promise<void>;

  close(): Promise<void>;
}

interface EventsOptions {
  /** The id of the last event that came. The events after it follow. */
  after?: string;
  /** Whether they have the scopes. Default `false`. */
  scopes?: boolean;
  signal?: AbortSignal;
}

/** An event of `docs/streams.md`, or `open`: the connection is made. */
export type TaskEvent =
  | { readonly event: 'open' }
  | { readonly event: 'record'; readonly id: string; readonly data: StreamRecord }
  | { readonly event: 'change'; readonly id: string; readonly data: TaskChange }
  | { readonly event: 'end'; readonly data: StreamEnd };

interface HttpSourceOptions {
  /** For messages. */
  readonly name: string;
  /** The URL before `/tasks`, without a slash at its end. */
  readonly base: string;
  /** Gets the answer to a request: over the network, or from the app of a server in this process. */
  readonly send: (request: Request) => Promise<Response> | Response;
  readonly close?: () => Promise<void>;
}

/** The most tasks that one answer has. */
const PAGE = 200;
/** The time that an answer may take, in milliseconds; a stream may take longer. */
const ANSWER_MS = 30_000;
const UNAVAILABLE = [502, 503, 504];

/** A source by the HTTP API of `docs/http-api.md`. */
export function httpSource({ name, base, send, close }: HttpSourceOptions): TaskSource {
  const ask = async (path: string, init?: RequestInit): Promise<Response> => {
    let response: Response;
    try {
      response = await send(new Request(`${base}${path}`, init));
    } catch (error) {
      throw new UnavailableError(`${name} can't be reached: ${reasonOf(error)}`, { cause: error });
    }
    if (!response.ok) throw await refusalOf(response, name);
    return response;
  };

  const json = async (path: string, init?: RequestInit): Promise<unknown> => {
    const text = await whole(await ask(path, { ...init, signal: AbortSignal.timeout(ANSWER_MS) }), name);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new CommandError(`${name}: expected JSON, got ${received(text)}: it is no taskspan server`, { cause: error });
    }
  };

  const task: TaskSource['task'] = async (uuid) => (await json(`/tasks/${uuid}`)) as TaskRecord;

  async function* eventsOf(uuid: string, search: string, headers: Record<string, string>, connection: WatchedConnection): AsyncGenerator<TaskEvent, void> {
    const response = await ask(`/tasks/${uuid}/events${search}`, { headers, signal: connection.signal });
    yield { event: 'open' };
    if (response.status === 204) {
      // The task has ended, and all of its events but `end` have come already.
      const { version, state } = await task(uuid);
      yield { event: 'end', data: { version, state } };
      return;
    }
    const { EventSourceParserStream } = await import('eventsource-parser/stream');
    const messages = response
      .body!.pipeThrough(connection.heard, { signal: connection.signal })
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventSourceParserStream({ onError: 'terminate' }));
    for await (const { event, id = '', data } of reading(messages, name)) {
      if (event === 'gone') throw new UnknownTaskError(`task ${uuid} was deleted`);
      if (event === 'end') yield { event, data: JSON.parse(data) as StreamEnd };
      else if (event === 'record' || event === 'change') yield { event, id, data: JSON.parse(data) as unknown } as TaskEvent;
    }
  }

  return {
    name,
    task,

    async tasks({ filter = {}, limit, order }) {
      const tasks: TaskSummary[] = [];
      let cursor: string | null = null;
      do {
        const search = new URLSearchParams([['limit', String(Math.min(PAGE, limit - tasks.length))], ...parametersOf(filter)]);
        if (order !== undefined) search.set('order', order);
        if (cursor !== null) search.set('cursor', cursor);
        const page = (await json(`/tasks?${search.toString()}`)) as { tasks: TaskSummary[]; next: string | null };
        tasks.push(...page.tasks);
        cursor = page.next;
      } while (cursor !== null && tasks.length < limit);
      return tasks;
    },

    async scopes(uuid, limit) {
      const { scopes } = (await json(`/tasks/${uuid}/scopes?limit=${limit}`)) as { scopes: ScopeNode[] };
      return scopes;
    },

    async *log(uuid) {
      const response = await ask(`/tasks/${uuid}/log`);
      yield* reading(response.body!.pipeThrough(new TextDecoderStream()), name);
    },

    async logPart(uuid, from, to) {
      // The byte before shows whether a line begins there.
      const begin = Math.max(0, from - 1);
      const response = await ask(`/tasks/${uuid}/log?offset=${begin}&limit=${to - begin}`, { signal: AbortSignal.timeout(ANSWER_MS) });
      const text = await whole(response, name);
      return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
    },

    async *events(uuid, { after, scopes = false, signal } = {}) {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (after !== undefined) headers['Last-Event-ID'] = after;
      const connection = watchedConnection(signal);
      try {
        yield* eventsOf(uuid, scopes ? '?scopes=1' : '', headers, connection);
      } finally {
        connection.end();
      }
    },

    async delete(uuid) {
      await ask(`/tasks/${uuid}`, { method: 'DELETE', signal: AbortSignal.timeout(ANSWER_MS) });
    },

    async cancel(uuid, { by, reason, children = true } = {}) {
      const search = new URLSearchParams({ ...(by !== undefined && { by }), ...(reason !== undefined && { reason }), ...(!children && { children: 'false' }) });
      await json(`/tasks/${uuid}/cancel${search.size === 0 ? '' : `?${search.toString()}`}`, { method: 'POST' });
    },

    close: async () => close?.(),
  };
}

/** A connection without a byte for so long is given up and made again: servers send a comment every 15 seconds. */
const SILENT_MS = 60_000;

interface WatchedConnection {
  /** Aborted when the connection has been silent for too long, as after the server's machine has lost power. */
  readonly signal: AbortSignal;
  /** Passes the bytes of the answer on. */
  readonly heard: TransformStream<Uint8Array, Uint8Array>;
  end(): void;
}

function watchedConnection(stop: AbortSignal | undefined): WatchedConnection {
  const silent = new AbortController();
  const timer = setInterval(() => silent.abort(new Error(`silent for ${humanDuration(SILENT_MS)}`)), SILENT_MS);
  return {
    signal: stop === undefined ? silent.signal : AbortSignal.any([stop, silent.signal]),
    heard: new TransformStream({
      transform(bytes, out) {
        timer.refresh();
        out.enqueue(bytes);
      },
    }),
    end: () => clearInterval(timer),
  };
}

async function whole(response: Response, name: string): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw new UnavailableError(`${name}: the answer broke off: ${reasonOf(error)}`, { cause: error });
  }
}

/** The pieces of a body. One that breaks off is an `UnavailableError`, so that the caller can retry. */
async function* reading<T>(body: AsyncIterable<T>, name: string): AsyncGenerator<T, void> {
  const pieces = body[Symbol.asyncIterator]();
  try {
    for (;;) {
      const { done, value } = await pieces.next().catch((error: unknown) => {
        throw new UnavailableError(`${name}: the answer broke off: ${reasonOf(error)}`, { cause: error });
      });
      if (done === true) return;
      yield value;
    }
  } finally {
    // The reader may have stopped early: the connection is closed.
    await pieces.return?.().catch(() => undefined);
  }
}

async function refusalOf(response: Response, name: string): Promise<CommandError> {
  const text = await whole(response, name);
  const detail = response.headers.get('Content-Type') === 'application/problem+json' ? detailOf(text) : undefined;
  if (detail === undefined) {
    const message = `${name} answers ${response.status} ${response.statusText}`.trim();
    return UNAVAILABLE.includes(response.status) ? new UnavailableError(message) : new CommandError(`${message}: it is no taskspan server`);
  }
  if (response.status === 404) return new UnknownTaskError(detail);
  if (response.status === 401) return new CommandError(`${name}: ${detail}: set TASKSPAN_TOKEN`);
  return UNAVAILABLE.includes(response.status) ? new UnavailableError(`${name}: ${detail}`) : new CommandError(detail);
}

function detailOf(text: string): string | undefined {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown };
    return typeof detail === 'string' ? detail : undefined;
  } catch {
    return undefined;
  }
}

/** The cause of an error of `fetch`, whose own message is just `fetch failed`. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } };
  if (cause?.code === 'ECONNREFUSED') return 'nothing listens there';
  return failureText(describeFailure(cause ?? error));
}
