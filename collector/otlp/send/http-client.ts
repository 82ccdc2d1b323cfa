import { context } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { describeFailure } from '../../../src/failure.ts';
import { clearTimeout, setTimeout } from '../../timers.ts';
import { TaskStoreError } from '../../store/task-store.ts';

/** The whole answer of a server. */
export interface HttpAnswer {
  status: number;
  headers: Headers;
  body: Uint8Array;
}

interface HttpRequest {
  method: 'GET' | 'POST';
  headers: Readonly<Record<string, string>>;
  body?: Uint8Array;
  /** How long the whole answer may take, in milliseconds. */
  limitMs: number;
  /** Ends the request; no request begins afterwards. */
  closing: AbortSignal;
}

/**
 * Sends a request by HTTP, without a span of its own. Rejects with a `TaskStoreError` of code `UNAVAILABLE` where the
 * server can't be reached or does not answer in time.
 */
export async function requestHttp(url: string, { method, headers, body, limitMs, closing }: HttpRequest): Promise<HttpAnswer> {
  if (closing.aborted) throw new TaskStoreError('UNAVAILABLE', `${url}: ${CLOSED}`);
  const request = new AbortController();
  const abort = (): void => request.abort();
  const late = setTimeout(abort, limitMs);
  late.unref();
  closing.addEventListener('abort', abort);
  try {
    const init = { method, headers, signal: request.signal, redirect: 'manual', ...(body && { body }) } as const;
    const response = await context.with(suppressTracing(context.active()), () => fetch(url, init));
    return { status: response.status, headers: response.headers, body: new Uint8Array(await response.arrayBuffer()) };
  } catch (error) {
    const why = closing.aborted ? CLOSED : request.signal.aborted ? `it did not answer within ${limitMs} ms` : reasonOf(error);
    throw new TaskStoreError('UNAVAILABLE', `${url} can't be reached: ${why}`, { cause: error });
  } finally {
    clearTimeout(late);
    closing.removeEventListener('abort', abort);
  }
}

const CLOSED = 'nothing is asked any more';

/** The reason why `fetch` failed is in its cause; where several addresses were tried, the cause has only a code. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code } = cause as { code?: unknown };
  return describeFailure(cause).message || (typeof code === 'string' ? code : 'no connection');
}
