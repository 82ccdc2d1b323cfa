import { STATUS_CODES } from 'node:http';
import { describeFailure } from '../../src/failure.ts';
import { reportOnce } from '../../src/report.ts';

/** The body of an error (RFC 9457). `type` is `about:blank`: the status is the kind of the error. */
interface Problem {
  type: 'about:blank';
  /** The phrase of the status code. */
  title: string;
  status: number;
  /** What is wrong with this request, for a person to read. */
  detail: string;
}

/** Answers with an error: `application/problem+json` (RFC 9457), never cached. */
export function problem(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Response {
  const body: Problem = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    },
  });
}

/** Answers 404 for a task that the store does not have. */
export function unknownTask(uuid: string): Response {
  return problem(404, `there is no task ${uuid}`);
}

/** Answers 503 for a store that failed. The cause is reported, once per message, and never sent to the client. */
export function storeFailure(error: unknown): Response {
  reportStoreFailure(error);
  return problem(503, 'the store of the tasks can not be read just now', { 'Retry-After': '1' });
}

/** Reports a store that failed, once per message. */
export function reportStoreFailure(error: unknown): void {
  reportOnce(`tasks-app: ${describeFailure(error).message}`, 'the store of the tasks can not be read', error);
}
