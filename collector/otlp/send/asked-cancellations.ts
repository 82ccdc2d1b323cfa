import { delay, performance } from '../../../src/timers.ts';
import type { Cancellation } from '../../store/task-store.ts';
import { TaskStoreError } from '../../store/task-store-error.ts';
import type { Answer, HttpClient } from './http-client.ts';

/** Options of {@link AskedCancellations}. */
export interface AskedCancellationsOptions {
  client: HttpClient;
  /** Base URL of a taskspan server. */
  serverUrl: string;
  headers: Readonly<Record<string, string>>;
  /** For how many seconds the server may keep a question that it has no answer to. */
  waitSeconds: number;
}

const ANSWER_MS = 10_000;
const PROBE_MS = 1000;
/** Pause after a failure, in milliseconds: a server that is back is to be heard within a second. */
const PAUSE_MS = 1000;
/** After an answer that no taskspan server gives. */
const NO_SERVER_MS = 60_000;

/** What somebody wants to be cancelled of a worker's tasks, asked of a server: `GET /workers/:id/cancellations`. */
export class AskedCancellations {
  readonly #options: AskedCancellationsOptions;
  readonly #closing = new AbortController();
  /** The last number since a failure, as the server of now counts; `undefined` while there was none. */
  #heardSince: number | undefined;
  #askAt = 0;

  constructor(options: AskedCancellationsOptions) {
    this.#options = options;
  }

  /**
   * Those after a number, oldest first; answered when there are some or the server has waited long enough.
   * After a failure it waits before it asks again, and then for all: another server may count anew, and goes
   * on from there.
   */
  async after(workerId: string, number: number): Promise<Cancellation[]> {
    const pause = this.#askAt - performance.now();
    if (pause > 0) await delay(pause, undefined, { signal: this.#closing.signal, ref: false }).catch(() => undefined);
    const known = this.#heardSince ?? number;
    const { waitSeconds } = this.#options;
    try {
      const answer = await this.#ask(workerId, `after=${known}&wait=${waitSeconds}`, ANSWER_MS + 1000 * waitSeconds);
      const found = cancellationsIn(answer);
      if (found === undefined) throw this.#refusal(answer);
      if (this.#heardSince !== undefined) this.#heardSince = found.at(-1)?.number ?? known;
      // Where the server does not wait, we do.
      this.#askAt = waitSeconds === 0 ? performance.now() + PAUSE_MS : 0;
      return found;
    } catch (error) {
      if (this.#closing.signal.aborted) return [];
      this.#askAt = Math.max(this.#askAt, performance.now() + PAUSE_MS);
      this.#heardSince = 0;
      throw error;
    }
  }

  /** Why they can't be heard; `undefined` if they can, or if nobody answers just now. */
  async unheard(workerId: string): Promise<string | undefined> {
    let answer: Answer;
    try {
      answer = await this.#ask(workerId, 'after=0&wait=0', PROBE_MS);
    } catch {
      // Nobody there yet. Facts are tried again too, and tell of it.
      return undefined;
    }
    if (cancellationsIn(answer) !== undefined || isBusy(answer)) return undefined;
    return this.#refusal(answer).message;
  }

  /** Ends a pause. */
  close(): void {
    this.#closing.abort();
  }

  #ask(workerId: string, query: string, limitMs: number): Promise<Answer> {
    const { client, headers, serverUrl } = this.#options;
    const url = `${serverUrl.replace(/\/+$/, '')}/workers/${encodeURIComponent(workerId)}/cancellations?${query}`;
    return client.ask(url, { method: 'GET', headers: { ...headers, Accept: 'application/json' }, limitMs });
  }

  #refusal(answer: Answer): TaskStoreError {
    const { status } = answer;
    const said = `${this.#options.serverUrl} answered HTTP ${status}`;
    if (isBusy(answer)) return new TaskStoreError('UNAVAILABLE', said);
    this.#askAt = performance.now() + NO_SERVER_MS;
    if (status === 401 || status === 403) return new TaskStoreError('UNAVAILABLE', `${said}: is the token right?`);
    return new TaskStoreError('UNAVAILABLE', `${said}: it is no taskspan server; set serverUrl to the one that serves these tasks`);
  }
}

function isBusy({ status }: Answer): boolean {
  return status === 429 || status >= 500;
}

/** What the answer holds; `undefined` for one that no taskspan server gives. */
function cancellationsIn({ status, body }: Answer): Cancellation[] | undefined {
  if (status !== 200) return undefined;
  try {
    const { cancellations } = JSON.parse(Buffer.from(body).toString()) as { cancellations?: unknown };
    return Array.isArray(cancellations) ? cancellations.map(cancellationOf) : undefined;
  } catch {
    return undefined;
  }
}

function cancellationOf(told: unknown): Cancellation {
  const { number, task_uuid: taskUuid, span_id: spanId } = told as { number?: unknown; task_uuid?: unknown; span_id?: unknown };
  return { number: Number(number), taskUuid: String(taskUuid), spanId: String(spanId) };
}
