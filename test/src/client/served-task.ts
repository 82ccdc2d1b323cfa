import type { Hono } from 'hono';
import { onTestFinished, vi } from 'vitest';
import type { StreamOptions } from '../../../collector/server/live/event-stream.ts';
import { createTasksApp } from '../../../collector/server/tasks-app.ts';
import { memoryStore } from '../../../collector/store/sqlite/sqlite-store.ts';
import type { TaskStore } from '../../../collector/store/task-store.ts';
import { watchTask } from '../../../src/client/index.ts';
import type { TaskSnapshot, TaskWatch, WatchTaskOptions } from '../../../src/client/index.ts';
import type { TaskRecord } from '../../../src/task-record.ts';
import { ScriptedTask, UUID } from '../../collector/record/scripted-task.ts';
import type { ScriptedAttempt } from '../../collector/record/scripted-task.ts';

export const ORIGIN = 'http://tasks.localhost';

/** A request of a client. */
export interface Asked {
  /** Path and query. */
  readonly path: string;
  readonly authorization: string | null;
  readonly signal: AbortSignal;
}

/** A task that an app serves, for clients in the same process. The test decides what becomes of each request. */
export class ServedTask {
  readonly store: TaskStore;
  readonly asked: Asked[] = [];
  /** Answers a request in place of the app; `undefined`: the app answers. */
  instead: ((asked: Asked) => Response | Promise<Response> | undefined) | undefined;
  /** Changes what a client receives. */
  through: ((body: ReadableStream<Uint8Array>, asked: Asked) => ReadableStream<Uint8Array>) | undefined;
  readonly task: ScriptedTask = new ScriptedTask();
  readonly attempt: ScriptedAttempt;
  #app: Hono;

  private constructor(store: TaskStore, streams: StreamOptions) {
    this.store = store;
    this.#app = createTasksApp({ store, streams });
    this.attempt = this.task.attempt();
  }

  /** A task that has begun. */
  static async begin(streams: StreamOptions = {}, store: TaskStore = memoryStore()): Promise<ServedTask> {
    const served = new ServedTask(store, streams);
    await store.append(served.task.facts);
    onTestFinished(() => store.close());
    return served;
  }

  get url(): string {
    return `${ORIGIN}/tasks/${this.task.uuid}`;
  }

  /** Another server, on the same store or on another. */
  restart(store: TaskStore = this.store): void {
    this.#app = createTasksApp({ store });
  }

  async commit(calls: () => void): Promise<void> {
    await this.store.append(this.task.during(calls));
  }

  say(...messages: string[]): Promise<void> {
    return this.commit(() => {
      for (const message of messages) this.attempt.notify(message);
    });
  }

  async record(): Promise<TaskRecord> {
    return (await (await this.#app.request(this.url)).json()) as TaskRecord;
  }

  /** `fetch` of a client. */
  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    const { headers, signal } = new Request(url, init);
    const asked = { path: url.slice(ORIGIN.length), authorization: headers.get('Authorization'), signal: init.signal! };
    this.asked.push(asked);
    signal.throwIfAborted();
    const response = (await this.instead?.(asked)) ?? (await this.#app.request(url, { headers, signal }));
    return cut(response, init.signal!, (body) => this.through?.(body, asked) ?? body);
  };

  /** A watch, closed after the test. */
  watch(options: WatchTaskOptions & { log: 'entries' }): TaskWatch<never>;
  watch(options?: WatchTaskOptions): TaskWatch;
  watch(options: WatchTaskOptions = {}): TaskWatch {
    const watch = watchTask(this.url, { fetch: this.fetch, ...options });
    onTestFinished(() => watch.close());
    return watch;
  }
}

/** An answer whose body ends with the request, as a real one does: a stream that went on would outlive its store. */
export function cut(
  response: Response,
  signal: AbortSignal,
  change = (body: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> => body,
): Response {
  const { body, status, headers } = response;
  if (body === null) return response;
  const through = new TransformStream<Uint8Array, Uint8Array>();
  void change(body).pipeTo(through.writable, { signal }).catch(() => undefined);
  return new Response(through.readable, { status, headers });
}

/** The first snapshot, from now on, of which something holds. */
export async function snapshotOf<Snapshot>(
  watch: { subscribe(listener: () => void): () => void; getSnapshot(): Snapshot },
  holds: (snapshot: Snapshot) => boolean,
): Promise<Snapshot> {
  const { promise, resolve } = Promise.withResolvers<Snapshot>();
  const look = (): void => {
    const snapshot = watch.getSnapshot();
    if (holds(snapshot)) resolve(snapshot);
  };
  const unsubscribe = watch.subscribe(look);
  look();
  return promise.finally(unsubscribe);
}

export function textOf({ log }: TaskSnapshot): string {
  return log.parts.join('');
}

/** Retries come at once. */
export function retryAtOnce(): void {
  const random = vi.spyOn(Math, 'random').mockReturnValue(0);
  onTestFinished(() => random.mockRestore());
}

export { UUID };
