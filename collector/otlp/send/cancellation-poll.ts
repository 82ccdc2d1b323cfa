import { performance } from '../../timers.ts';
import { pause } from '../../async.ts';
import { TaskStoreError } from '../../store/task-store.ts';
import type { Cancellation } from '../../store/task-store.ts';
import { requestHttp } from './http-client.ts';
import type { HttpAnswer } from './http-client.ts';

interface CancellationPollOptions {
  /** Base URL of a taskspan server. */
  serverUrl: string;
  headers: Readonly<Record<string, string>>;
  /** For how many seconds the server may hold a request while there is nothing to cancel. */
  waitSeconds: number;
  /** Ends requests and pauses. */
  closing: AbortSignal;
}

const ANSWER_MS = 10_000;
const PROBE_MS = 1000;
/** Pause after a failure, in milliseconds: a cancellation is read within a second after the server is reachable again. */
const PAUSE_MS = 1000;
/** Pause after an answer that no taskspan server gives. */
const NO_SERVER_MS = 60_000;

/** Asks a server which of a worker's tasks are to be cancelled: `GET /workers/:id/cancellations`. */
export class CancellationPoll {
  readonly #options: CancellationPollOptions;
  /** The last number that the server has given since a failure; `undefined` before the first failure. */
  #lastSinceFailure: number | undefined;
  /** No request before this time, by the monotonic clock. */
  #pausedUntil = 0;

  constructor(options: CancellationPollOptions) {
    this.#options = options;
  }

  /**
   * Gives the cancellations after a number, oldest first. Resolves when there are some, or when the server has waited
   * long enough. After a failure it pauses, and then asks for all: another server has its own numbers, and its
   * numbers count from then on.
   */
  async after(workerId: string, number: number): Promise<Cancellation[]> {
    const { waitSeconds, closing } = this.#options;
    const pauseMs = this.#pausedUntil - performance.now();
    if (pauseMs > 0) await pause(pauseMs, { signal: closing, ref: false });
    const last = this.#lastSinceFailure ?? number;
    try {
      const answer = await this.#ask(workerId, `after=${last}&wait=${waitSeconds}`, ANSWER_MS + 1000 * waitSeconds);
      const found = cancellationsIn(answer);
      if (found === undefined) throw this.#refusal(answer);
      if (this.#lastSinceFailure !== undefined) this.#lastSinceFailure = found.at(-1)?.number ?? last;
      // Where the server does not wait, the worker does.
      this.#pausedUntil = waitSeconds === 0 ? performance.now() + PAUSE_MS : 0;
      return found;
    } catch (error) {
      if (closing.aborted) return [];
      this.#pausedUntil = Math.max(this.#pausedUntil, performance.now() + PAUSE_MS);
      this.#lastSinceFailure = 0;
      throw error;
    }
  }

  /** Reports to the server that task code has received a request. A server that does not know of that needs no other try. */
  async heard(workerId: string, number: number): Promise<void> {
    const answer = await this.#request('POST', `${encodeURIComponent(workerId)}/cancellations/${number}`, ANSWER_MS);
    if (isBusy(answer)) throw this.#refusal(answer);
  }

  /** Why the server gives no cancellations; `undefined` if it does, or if it can't be reached now. */
  async cancellationProblem(workerId: string): Promise<string | undefined> {
    let answer: HttpAnswer;
    try {
      answer = await this.#ask(workerId, 'after=0&wait=0', PROBE_MS);
    } catch {
      // Sending facts fails too then, and is retried and reported.
      return undefined;
    }
    if (cancellationsIn(answer) !== undefined || isBusy(answer)) return undefined;
    return this.#refusal(answer).message;
  }

  #ask(workerId: string, query: string, limitMs: number): Promise<HttpAnswer> {
    return this.#request('GET', `${encodeURIComponent(workerId)}/cancellations?${query}`, limitMs);
  }

  #request(method: 'GET' | 'POST', path: string, limitMs: number): Promise<HttpAnswer> {
    const { headers, serverUrl, closing } = this.#options;
    const url = `${serverUrl.replace(/\/+$/, '')}/workers/${path}`;
    return requestHttp(url, { method, headers: { ...headers, Accept: 'application/json' }, limitMs, closing });
  }

  #refusal(answer: HttpAnswer): TaskStoreError {
    const { status } = answer;
    const answered = `${this.#options.serverUrl} answered HTTP ${status}`;
    if (isBusy(answer)) return new TaskStoreError('UNAVAILABLE', answered);
    this.#pausedUntil = performance.now() + NO_SERVER_MS;
    if (status === 401 || status === 403) return new TaskStoreError('UNAVAILABLE', `${answered}: is the token right?`);
    return new TaskStoreError('UNAVAILABLE', `${answered}: it is no taskspan server; set serverUrl to the one that serves these tasks`);
  }
}

function isBusy({ status }: HttpAnswer): boolean {
  return status === 429 || status >= 500;
}

/** The cancellations of an answer; `undefined` for an answer that no taskspan server gives. */
function cancellationsIn({ status, body }: HttpAnswer): Cancellation[] | undefined {
  if (status !== 200) return undefined;
  try {
    const { cancellations } = JSON.parse(Buffer.from(body).toString()) as { cancellations?: unknown };
    return Array.isArray(cancellations) ? cancellations.map(cancellationOf) : undefined;
  } catch {
    return undefined;
  }
}

function cancellationOf(json: unknown): Cancellation {
  const { number, task_uuid: taskUuid, span_id: spanId, by, reason } = json as Readonly<Record<string, unknown>>;
  return {
    number: Number(number),
    taskUuid: String(taskUuid),
    spanId: String(spanId),
    ...(typeof by === 'string' && { by }),
    ...(typeof reason === 'string' && { reason }),
  };
}
