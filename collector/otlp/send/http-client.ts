import { context } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { describeFailure } from '../../../src/failure.ts';
import { clearTimeout, setTimeout } from '../../../src/timers.ts';
import { TaskStoreError } from '../../store/task-store-error.ts';

/** What a server answered, whole. */
export interface Answer {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

/** What is asked of a server. */
export interface Question {
  method: 'GET' | 'POST';
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array;
  /** How long the whole answer may take, in milliseconds. */
  limitMs: number;
}

/**
 * Asks servers by HTTP over connections that are kept. No request is traced, each has its time, and all
 * end when the client does. Who can't be reached is a `TaskStoreError` of code `UNAVAILABLE`.
 */
export class HttpClient {
  readonly #open = new Set<AbortController>();
  #closed = false;

  async ask(url: string, { method, headers, body, limitMs }: Question): Promise<Answer> {
    if (this.#closed) throw new TaskStoreError('UNAVAILABLE', `${url}: nothing is asked any more`);
    const abort = new AbortController();
    const late = setTimeout(() => abort.abort(), limitMs);
    late.unref();
    this.#open.add(abort);
    try {
      const init = { method, headers, signal: abort.signal, redirect: 'manual', ...(body && { body }) } as const;
      const response = await context.with(suppressTracing(context.active()), () => fetch(url, init));
      return { status: response.status, headers: response.headers, body: new Uint8Array(await response.arrayBuffer()) };
    } catch (error) {
      const why = this.#closed ? 'nothing is asked any more' : abort.signal.aborted ? `it did not answer within ${limitMs} ms` : reasonOf(error);
      throw new TaskStoreError('UNAVAILABLE', `${url} can't be reached: ${why}`, { cause: error });
    } finally {
      clearTimeout(late);
      this.#open.delete(abort);
    }
  }

  /** Breaks off what is being asked; no more can be. */
  close(): void {
    this.#closed = true;
    for (const abort of this.#open) abort.abort();
  }
}

/** The reason of a `fetch` that failed stands in its cause, where several addresses were tried only as a code. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code } = cause as { code?: unknown };
  return describeFailure(cause).message || (typeof code === 'string' ? code : 'no connection');
}
