import { randomBytes, randomUUID } from 'node:crypto';
import type { Fact, TaskStore } from '../collector/index.ts';
import { textAt } from './texts.ts';

/** A task with one scope that says one thing after the other, as facts straight into a store. */
export class LongTask {
  readonly uuid: string = randomUUID();
  readonly #store: TaskStore;
  readonly #task: Fact['span'];
  readonly #scope: Fact['span'];
  #time = Date.now() * 1000;
  /** How many lines it has said. */
  lines = 0;

  constructor(store: TaskStore) {
    this.#store = store;
    const traceId = randomBytes(16).toString('hex');
    const [taskSpanId, spanId] = [randomBytes(8).toString('hex'), randomBytes(8).toString('hex')];
    this.#task = { taskUuid: this.uuid, traceId, spanId: taskSpanId, taskSpanId };
    this.#scope = { ...this.#task, spanId };
  }

  /** Begins the task and its scope. */
  async start(): Promise<void> {
    await this.#store.append([
      {
        kind: 'task-start',
        span: this.#task,
        seq: 0,
        time: this.#time++,
        name: 'Long task',
        attempt: 1,
        attributes: {},
        workerId: randomUUID(),
        workerIntervalMs: 0,
        sampled: true,
      },
      {
        kind: 'scope-start',
        span: this.#scope,
        seq: 0,
        time: this.#time++,
        name: 'Scope',
        parentSpanId: this.#task.spanId,
      },
    ]);
  }

  /** Commits so many further lines; gives how long that took, in nanoseconds. */
  async append(count: number): Promise<number> {
    const facts = Array.from({ length: count }, (_, index): Fact => {
      const seq = this.lines + index + 1;
      return { kind: 'notification', span: this.#scope, seq, time: this.#time++, message: textAt(seq) };
    });
    this.lines += count;
    const before = performance.now();
    await this.#store.append(facts);
    return (performance.now() - before) * 1e6;
  }
}
