import { setTimeout as pause } from 'node:timers/promises';
import { EventSource } from 'eventsource';
import type { TaskRecord, TaskSummary } from '../../collector/index.ts';
import type { Answer, StreamEvent } from './evidence.ts';

/** Gives the address of the server as it is now; `undefined` while there is none. */
export type Where = () => string | undefined;

const RETRY_MS = 30;
const ASK_MS = 10;
const LISTS_A_RECORD = 8;
/** How long an answer may take: a server that was stopped goes on long before. */
const ANSWER_MS = 10_000;

/** Follows a stream of server-sent events from one server to the next, until it ends or is closed. */
export class StreamWatcher {
  readonly events: StreamEvent[] = [];
  readonly #where: Where;
  readonly #path: string;
  readonly #first: string;
  #source: EventSource | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #lastId = '';
  #connections = 0;
  #closed = false;

  /** @param first The change to begin after; empty to begin with the whole. */
  constructor(where: Where, path: string, first: string = '') {
    this.#where = where;
    this.#path = path;
    this.#first = first;
    this.#open();
  }

  close(): void {
    this.#closed = true;
    this.#source?.close();
    clearTimeout(this.#retry);
  }

  #open(): void {
    const url = this.#where();
    if (url === undefined) return this.#later();
    const after = this.#lastId || this.#first;
    const source = new EventSource(`${url}${this.#path}${after === '' ? '' : `?after=${after}`}`);
    this.#source = source;
    const connection = ++this.#connections;
    for (const event of ['record', 'change', 'end']) {
      source.addEventListener(event, ({ data, lastEventId }) => {
        this.#lastId = lastEventId || this.#lastId;
        this.events.push({ event, id: this.#lastId, data: data as string, receivedAt: Date.now(), connection });
        if (event === 'end') this.close();
      });
    }
    // The source would reconnect by itself, but later than a round has time for.
    source.addEventListener('error', () => {
      source.close();
      this.#later();
    });
  }

  #later(): void {
    if (!this.#closed) this.#retry = setTimeout(() => this.#open(), RETRY_MS);
  }
}

/** Asks for the tasks of a round all the time: for the list, and now and then for each record with its log. */
export class RecordReader {
  readonly answers: Answer[] = [];
  readonly #where: Where;
  readonly #asking: Promise<void>;
  #stopped = false;

  constructor(where: Where, tasks: readonly string[]) {
    this.#where = where;
    this.#asking = this.#askAll(tasks);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#asking;
  }

  async #askAll(tasks: readonly string[]): Promise<void> {
    for (let round = 0; !this.#stopped; round++) {
      await this.#ask('/tasks');
      if (round % LISTS_A_RECORD === 0) for (const uuid of tasks) await this.#ask(`/tasks/${uuid}`, uuid);
      await pause(ASK_MS);
    }
  }

  async #ask(path: string, uuid = ''): Promise<void> {
    const url = this.#where();
    if (url === undefined) return;
    const sentAt = Date.now();
    try {
      const response = await fetch(url + path, { signal: AbortSignal.timeout(ANSWER_MS) });
      const body = await response.text();
      for (const record of response.ok ? recordsIn(body) : [undefined]) {
        this.answers.push({ task: record?.task_uuid ?? uuid, sentAt, receivedAt: Date.now(), status: response.status, record });
      }
    } catch (error) {
      // The server was killed meanwhile: that is what `fetch` throws then.
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

function recordsIn(body: string): Answer['record'][] {
  const answer = JSON.parse(body) as TaskRecord | { tasks: TaskSummary[] };
  return 'tasks' in answer ? answer.tasks : [answer];
}
