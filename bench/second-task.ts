import { setTimeout as delay } from 'node:timers/promises';
import { BEAT_EVENT, WORKER_ID, WORKER_INTERVAL_MS } from '../src/conventions.ts';
import { NewTask } from './new-task.ts';
import { logsOf, recordsOf } from './shape-requests.ts';

const INTERVAL_MS = 500;
const LOOK_MS = 50;

/** A task that sends heartbeats, and a client that looks how it is shown. */
export class SecondTask implements AsyncDisposable {
  readonly #url: string;
  readonly #task = new NewTask(INTERVAL_MS);
  readonly #work: Promise<void>[];
  #isStopped = false;
  /** How often the task was shown as lost. */
  timesLost = 0;

  static async start(url: string): Promise<SecondTask> {
    const second = new SecondTask(url);
    await second.#send(logsOf([second.#task.start()]));
    return second;
  }

  private constructor(url: string) {
    this.#url = url;
    this.#work = [this.#beat(), this.#look()];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#work);
  }

  async #beat(): Promise<void> {
    while (!this.#isStopped) {
      const attributes = { [WORKER_ID]: this.#task.workerId, [WORKER_INTERVAL_MS]: INTERVAL_MS };
      const beat = { eventName: BEAT_EVENT, traceId: '', spanId: '', time: Date.now() * 1000, sampled: false, attributes };
      await this.#send(recordsOf([beat]));
      await delay(INTERVAL_MS);
    }
  }

  async #look(): Promise<void> {
    while (!this.#isStopped) {
      // A server that was busy for long has closed the connection.
      const answer = await fetch(`${this.#url}/tasks/${this.#task.uuid}`).catch(() => undefined);
      const record = (await answer?.json()) as { state?: string } | undefined;
      if (record?.state === 'lost') this.timesLost++;
      await delay(LOOK_MS);
    }
  }

  async #send({ path, body, headers }: ReturnType<typeof recordsOf>): Promise<void> {
    const answer = await fetch(this.#url + path, { method: 'POST', body: body!, headers: headers! }).catch(() => undefined);
    await answer?.arrayBuffer();
  }
}
