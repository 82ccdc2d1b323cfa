import { STATUS_CODES } from 'node:http';

/** An error as RFC 9457 tells it. `type` is `about:blank`: the status says what kind it is. */
export interface Problem {
  type: 'about:blank';
  /** The status code's own phrase. */
  title: string;
  status: number;
  /** What is wrong with this very request, for a person to read. */
  detail: string;
  /** A URI that names this occurrence. */
  instance?: string;
}

export interface ProblemOptions {
  /** Headers besides `Content-Type`, such as `Allow` or `Retry-After`. */
  headers?: Record<string, string>;
  instance?: string;
}

/** An error response: `application/problem+json` (RFC 9457), never cached. */
export function problem(status: number, detail: string, options: ProblemOptions = {}): Response {
  const body: Problem = { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail };
  if (options.instance !== undefined) body.instance = options.instance;
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'Content-Type': 'application/problem+json',
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...options.headers,
    },
  });
}
