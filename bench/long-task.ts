import { randomBytes, randomUUID } from 'node:crypto';
import type { Fact, TaskStore } from '../collector/index.ts';
import { textAt } from './texts.ts';

/** What a {@link LongTask} consists of: the lines of one scope, or empty scopes one after the other. */
export type Kind = 'line' | 'scope';

/** A task of any length, as facts straight into a store. */
export class LongTask {
  readonly #store: TaskStore;
  readonly #kind: Kind;
  readonly #task: Fact['span'];
  readonly #scope: Fact['span'];
  #time = Date.now() * 1000;
  /** How many lines or scopes it has. */
  length = 0;

  constructor(store: TaskStore, kind: Kind) {
    this.#store = store;
    this.#kind = kind;
    const taskSpanId = spanId();
    this.#task = { taskUuid: randomUUID(), traceId: randomBytes(16).toString('hex'), spanId: taskSpanId, taskSpanId };
    this.#scope = { ...this.#task, spanId: spanId() };
  }

  /** Begins the task and the scope of its lines. */
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
      this.#scopeStart(this.#scope),
    ]);
  }

  /** Commits so many further lines or scopes; gives how long that took, in nanoseconds. */
  async append(count: number): Promise<number> {
    const facts: Fact[] = [];
    for (let index = 0; index < count; index++) {
      this.length++;
      if (this.#kind === 'line') facts.push(this.#line());
      else facts.push(...this.#emptyScope());
    }
    const before = performance.now();
    await this.#store.append(facts);
    return (performance.now() - before) * 1e6;
  }

  #line(): Fact {
    const seq = this.length;
    return { kind: 'notification', span: this.#scope, seq, time: this.#time++, message: textAt(seq) };
  }

  #emptyScope(): Fact[] {
    const span = { ...this.#task, spanId: spanId() };
    const start = this.#scopeStart(span);
    const time = this.#time++;
    const duration = time - start.time;
    return [
      start,
      { kind: 'scope-end', span, seq: 1, time, outcome: 'completed', duration, heading: false, error: undefined },
    ];
  }

  #scopeStart(span: Fact['span']): Fact {
    const parentSpanId = this.#task.spanId;
    return { kind: 'scope-start', span, seq: 0, time: this.#time++, name: 'Scope', parentSpanId };
  }
}

function spanId(): string {
  return randomBytes(8).toString('hex');
}
