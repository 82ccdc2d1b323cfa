import { describeFailure, failureText, received } from '../../../src/failure.ts';
import type { TaskSummary } from '../../record/task-record.ts';
import { CommandError, UnavailableError, UnknownTaskError } from '../command-error.ts';
import type { EndData, TaskEvent, TaskSource } from './task-source.ts';

/** How a request gets its answer: over the network, or by the very app of a server in this process. */
export type Send = (request: Request) => Promise<Response> | Response;

export interface HttpTaskSourceOptions {
  /** For people. */
  readonly name: string;
  /** What stands before `/tasks`, without a slash at its end. */
  readonly base: string;
  readonly send: Send;
  readonly close?: () => Promise<void>;
}

/** The most tasks that one request gives. */
const PAGE = 200;
/** How long an answer may take that does not go on, in milliseconds. */
const ANSWER_MS = 30_000;
const UNAVAILABLE = [502, 503, 504];

/** Tasks by the HTTP API of `docs/http-api.md`. */
export function httpTaskSource({ name, base, send, close }: HttpTaskSourceOptions): TaskSource {
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

  const task: TaskSource['task'] = async (uuid) => (await json(`/tasks/${uuid}`)) as Awaited<ReturnType<TaskSource['task']>>;

  return {
    name,
    task,

    async tasks({ limit, state }) {
      const tasks: TaskSummary[] = [];
      let cursor: string | null = null;
      do {
        const search = new URLSearchParams({ limit: String(Math.min(PAGE, limit - tasks.length)) });
        if (state !== undefined) search.set('state', state);
        if (cursor !== null) search.set('cursor', cursor);
        const page = (await json(`/tasks?${search.toString()}`)) as { tasks: TaskSummary[]; next: string | null };
        tasks.push(...page.tasks);
        cursor = page.next;
      } while (cursor !== null && tasks.length < limit);
      return tasks;
    },

    async scopes(uuid) {
      const { attempts } = (await json(`/tasks/${uuid}/scopes`)) as { attempts: Awaited<ReturnType<TaskSource['scopes']>> };
      return attempts;
    },

    async *log(uuid) {
      const response = await ask(`/tasks/${uuid}/log`);
      yield* reading(response.body!.pipeThrough(new TextDecoderStream()), name);
    },

    async *events(uuid, { after, signal } = {}) {
      const headers: Record<string, string> = { Accept: 'text/event-stream' };
      if (after !== undefined) headers['Last-Event-ID'] = after;
      const response = await ask(`/tasks/${uuid}/events`, { headers, ...(signal && { signal }) });
      yield { event: 'open' };
      if (response.status === 204) {
        // It has ended, and all of it has come already but for the word itself.
        const { version, state } = await task(uuid);
        yield { event: 'end', data: { version, state } };
        return;
      }
      const { EventSourceParserStream } = await import('eventsource-parser/stream');
      const messages = response
        .body!.pipeThrough(new TextDecoderStream(), signal && { signal })
        .pipeThrough(new EventSourceParserStream({ onError: 'terminate' }));
      for await (const { event, id = '', data } of reading(messages, name)) {
        if (event === 'end') yield { event, data: JSON.parse(data) as EndData };
        else if (event === 'record' || event === 'change') yield { event, id, data: JSON.parse(data) as unknown } as TaskEvent;
      }
    },

    async cancel(uuid) {
      await json(`/tasks/${uuid}/cancel`, { method: 'POST' });
    },

    close: async () => close?.(),
  };
}

async function whole(response: Response, name: string): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    throw new UnavailableError(`${name}: the answer broke off: ${reasonOf(error)}`, { cause: error });
  }
}

/** What a body brings; where it breaks off, what else a caller may try. */
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
    // Where the reader stops first: the connection is given back.
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

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } };
  if (cause?.code === 'ECONNREFUSED') return 'nothing listens there';
  return failureText(describeFailure(cause ?? error));
}

