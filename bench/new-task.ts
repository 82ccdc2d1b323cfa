import { randomBytes, randomUUID } from 'node:crypto';
import type { Fact } from '../collector/index.ts';
import type { Plan, SpanRef } from '../src/fact.ts';
import { taskUuid } from '../src/task-uuid.ts';

/** Makes the facts of a task, one after the other, as a sender would have them. */
export class NewTask {
  readonly uuid: string = taskUuid();
  readonly workerId: string = randomUUID();
  readonly root: SpanRef;
  readonly #intervalMs: number;
  readonly #seqs = new Map<string, number>();
  #time = Date.now() * 1000;

  /** @param intervalMs Milliseconds between two heartbeats; 0 for none. */
  constructor(intervalMs = 0) {
    this.#intervalMs = intervalMs;
    this.root = this.#span(randomBytes(16).toString('hex'));
  }

  start(root: SpanRef = this.root, attempt = 1): Fact {
    return {
      kind: 'task-start', ...this.next(root), name: 'Import customers', attempt, attributes: {}, workerId: this.workerId,
      workerIntervalMs: this.#intervalMs, sampled: true,
    };
  }

  /** Another attempt. */
  attempt(traceId: string = randomBytes(16).toString('hex')): SpanRef {
    return this.#span(traceId);
  }

  /** A scope of an attempt, before it begins. */
  scope(root: SpanRef = this.root, spanId: string = hexId(8)): SpanRef {
    return { ...root, spanId };
  }

  begin(scope: SpanRef, parent: SpanRef = this.root, name = 'Part'): Fact {
    return { kind: 'scope-start', ...this.next(scope), name, parentSpanId: parent.spanId };
  }

  end(scope: SpanRef): Fact {
    return { kind: 'scope-end', ...this.next(scope), outcome: 'completed', duration: 1, heading: false };
  }

  notification(scope: SpanRef, message: string): Fact {
    return { kind: 'notification', ...this.next(scope), message };
  }

  progress(scope: SpanRef, done: number, total: number): Fact {
    return { kind: 'progress', ...this.next(scope), done, total };
  }

  plan(scope: SpanRef, plan: Plan): Fact {
    return { kind: 'plan', ...this.next(scope), plan };
  }

  /** The span, number and time of a span's next fact. */
  next(span: SpanRef): { span: SpanRef; seq: number; time: number } {
    const key = span.traceId + span.spanId;
    const seq = this.#seqs.get(key) ?? 0;
    this.#seqs.set(key, seq + 1);
    return { span, seq, time: this.#time++ };
  }

  #span(traceId: string): SpanRef {
    const spanId = hexId(8);
    return { taskUuid: this.uuid, traceId, spanId, taskSpanId: spanId };
  }
}

/** A random id of so many bytes. */
export function hexId(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}
